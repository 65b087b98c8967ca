// SPDX-License-Identifier: Apache-2.0
#include "entente/store/blobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "entente/store/sha256.h"

namespace entente::store {
namespace {

namespace fs = std::filesystem;

// Longer than any put can take, shorter than an operator's patience for lost space.
constexpr std::chrono::hours kStaleTemporary{1};
constexpr const char* kTemporaryFolder = "tmp";

Unexpected io_failure(std::string_view what, int error) {
  const Code code =
      error == ENOSPC || error == EDQUOT || error == EFBIG ? Code::kTooLarge : Code::kInternal;
  return fail(code, fmt::format("{}: {}", what, std::strerror(error)));
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<void> sync_directory(const fs::path& path) {
  const File dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.ok()) return io_failure("cannot open the blob directory", errno);
  if (::fsync(dir.fd()) != 0) return io_failure("cannot sync the blob directory", errno);
  return {};
}

Result<void> make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(path.parent_path());
  if (errno != EEXIST) return io_failure("cannot create the blob directory", errno);
  return {};
}

Result<void> write_synced(int fd, ByteView data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_failure("cannot write a blob", errno);
    data = data.subspan(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0) return io_failure("cannot sync a blob", errno);
  return {};
}

Result<Bytes> read_whole(const fs::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.ok()) {
    if (errno == ENOENT) return fail(Code::kNotFound, "no such blob");
    return io_failure("cannot open a blob", errno);
  }
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return io_failure("cannot stat a blob", errno);
  if (!S_ISREG(info.st_mode) || static_cast<std::size_t>(info.st_size) > kMaxBlobBytes)
    return fail(Code::kCorrupt, "a blob is not a file of a possible size");
  Bytes out(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::read(file.fd(), out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_failure("cannot read a blob", errno);
    if (n == 0) return fail(Code::kCorrupt, "a blob became shorter while it was read");
    done += static_cast<std::size_t>(n);
  }
  return out;
}

bool is_name(std::string_view hex) {
  return hex.size() == 64 && std::all_of(hex.begin(), hex.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Unexpected bad_name() {
  return fail(Code::kInvalid, "a blob is named by 64 lower-case hex digits");
}

void remove_stale_temporaries(const fs::path& folder) {
  std::error_code error;
  const auto limit = fs::file_time_type::clock::now() - kStaleTemporary;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const auto written = fs::last_write_time(it->path(), ignored);
    if (!ignored && written < limit) fs::remove(it->path(), ignored);
  }
}

}  // namespace

Result<Blobs> Blobs::open(const fs::path& directory) {
  std::error_code error;
  fs::path root = fs::absolute(directory, error);
  if (error) return fail(Code::kInvalid, "not a path for blobs");
  if (!root.has_filename()) root = root.parent_path();  // "…/blobs/" names the same place
  fs::create_directories(root.parent_path(), error);    // a failure shows in the next line
  ENTENTE_CHECK_OK(make_directory(root));
  ENTENTE_CHECK_OK(make_directory(root / kTemporaryFolder));
  if (::access(root.c_str(), W_OK | X_OK) != 0)
    return io_failure("cannot use the blob directory", errno);
  remove_stale_temporaries(root / kTemporaryFolder);
  return Blobs(std::move(root));
}

// Two hex digits fan out to 256 folders: a million blobs are then 4 000 a folder.
fs::path Blobs::folder_of(std::string_view hex) const {
  return root_ / hex.substr(0, 2);
}

Result<std::string> Blobs::put(ByteView data) const {
  if (data.size() > kMaxBlobBytes) return fail(Code::kTooLarge, "a blob is at most 256 MiB");
  std::string hex = to_hex(sha256(data));
  const fs::path folder = folder_of(hex);
  if (get(hex)) {
    // Another put may have renamed it and not yet synced the folder: our promise does not rest on
    // its luck.
    ENTENTE_CHECK_OK(sync_directory(folder));
    return hex;
  }
  ENTENTE_CHECK_OK(make_directory(folder));
  static std::atomic<std::uint64_t> counter{0};  // with the pid: unique among live writers
  const fs::path temporary =
      root_ / kTemporaryFolder / fmt::format("{}-{}-{}", hex, ::getpid(), counter.fetch_add(1));
  {
    const File file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok()) return io_failure("cannot create a blob", errno);
    if (auto written = write_synced(file.fd(), data); !written) {
      ::unlink(temporary.c_str());
      return fail(std::move(written).error());
    }
  }
  if (::rename(temporary.c_str(), (folder / hex).c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return io_failure("cannot name a blob", error);
  }
  ENTENTE_CHECK_OK(sync_directory(folder));
  return hex;
}

Result<Bytes> Blobs::get(std::string_view sha256_hex) const {
  if (!is_name(sha256_hex)) return bad_name();
  ENTENTE_TRY(data, read_whole(folder_of(sha256_hex) / sha256_hex));
  if (to_hex(sha256(data)) != sha256_hex)
    return fail(Code::kCorrupt, fmt::format("blob {} does not hash to its name", sha256_hex));
  return data;
}

Result<void> Blobs::erase(std::string_view sha256_hex) const {
  if (!is_name(sha256_hex)) return bad_name();
  const fs::path folder = folder_of(sha256_hex);
  if (::unlink((folder / sha256_hex).c_str()) != 0) {
    if (errno == ENOENT) return {};
    return io_failure("cannot erase a blob", errno);
  }
  return sync_directory(folder);
}

bool Blobs::has(std::string_view sha256_hex) const {
  return is_name(sha256_hex) && ::access((folder_of(sha256_hex) / sha256_hex).c_str(), F_OK) == 0;
}

}  // namespace entente::store

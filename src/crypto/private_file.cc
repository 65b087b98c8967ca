// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace entente::crypto {
namespace {

Unexpected failed(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  Code code = Code::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EEXIST) code = Code::kConflict;
  if (error == EACCES || error == EPERM) code = Code::kForbidden;
  return fail(code, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(error)));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

NewPrivateFile::NewPrivateFile(std::filesystem::path path, std::filesystem::path temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

NewPrivateFile::NewPrivateFile(NewPrivateFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

NewPrivateFile::~NewPrivateFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<NewPrivateFile> NewPrivateFile::create(const std::filesystem::path& path) {
  // Asked again, atomically, in commit(): this only spares the caller the work.
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    errno = EEXIST;
    return failed("create", path);
  }
  std::string name = path.string() + ".tmp-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) return failed("create", path);
  return NewPrivateFile(path, name, fd);
}

Result<void> NewPrivateFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> NewPrivateFile::commit() {
  if (::fsync(fd_) != 0) return failed("write", path_);
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    // Network file systems lack RENAME_NOREPLACE; a hard link refuses an existing name just as
    // atomically.
    if (errno != EINVAL) return failed("create", path_);
    if (::link(temporary_.c_str(), path_.c_str()) != 0) return failed("create", path_);
    ::unlink(temporary_.c_str());
  }
  temporary_.clear();
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("open the folder of", path_);
  const int synced = ::fsync(folder);
  ::close(folder);
  if (synced != 0) return failed("write the folder of", path_);
  return {};
}

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", path);
  return InputFile(fd);
}

InputFile::InputFile(InputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::size_t> InputFile::read(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::read(fd_, out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::kInternal, fmt::format("cannot read: {}", std::strerror(errno)));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<Bytes> read_private_file(const std::filesystem::path& path, std::size_t max_bytes) {
  ENTENTE_TRY(file, InputFile::open(path));
  // Asked of the open file, not of its name, which could change meanwhile.
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return failed("examine", path);
  if (!S_ISREG(info.st_mode)) return fail(Code::kForbidden, path.string() + " is not a plain file");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    Error error{
        Code::kForbidden, path.string() + " can be reached by others than its owner", {}, {}, {}};
    error.mend = "chmod 600, and make a new key if others may have read this one";
    return fail(std::move(error));
  }
  Bytes out(max_bytes + 1);
  ENTENTE_TRY(size, file.read(out));
  if (size > max_bytes) {
    sodium_memzero(out.data(), out.size());
    return fail(Code::kTooLarge, path.string() + " is larger than any key");
  }
  out.resize(size);
  return out;
}

}  // namespace entente::crypto

// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/durable.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace entente::effects::site {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(std::string_view what, int number) {
  Code code = Code::kInternal;
  if (number == ENOENT || number == ENOTDIR || number == ENAMETOOLONG) code = Code::kNotFound;
  if (number == EACCES || number == EPERM || number == ELOOP || number == EROFS)
    code = Code::kForbidden;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = Code::kTooLarge;
  if (number == EEXIST) code = Code::kConflict;
  return Error{code, std::string(what) + ": " + std::strerror(number), {}, {}, {}};
}

Result<void> write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Bytes> read_all(int fd, std::size_t max_bytes) {
  Bytes out;
  constexpr std::size_t kStep = std::size_t{64} * 1024;
  for (;;) {
    const std::size_t have = out.size();
    out.resize(have + kStep);
    const ssize_t n = ::read(fd, out.data() + have, kStep);
    if (n < 0 && errno == EINTR) {
      out.resize(have);
      continue;
    }
    if (n < 0) return fail(system_error("read", errno));
    out.resize(have + static_cast<std::size_t>(n));
    if (n == 0) return out;
    if (out.size() > max_bytes)
      return fail(Code::kTooLarge, "larger than " + std::to_string(max_bytes) + " bytes");
  }
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail(system_error("fsync of a folder", errno));
  return {};
}

Result<void> write_whole(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
  const std::filesystem::path temporary = path.string() + ".new";
  {
    // Callers hold the folder's lock: whatever has this name was left by a crash.
    ::unlink(temporary.c_str());
    const Fd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return fail(system_error("create a file", errno));
    ENTENTE_CHECK_OK(write_all(fd.get(), bytes));
    if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0)
      return fail(system_error("chmod", errno));
    if (::fsync(fd.get()) != 0) return fail(system_error("fsync", errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(system_error("rename", errno));
  return sync_folder(path.parent_path());
}

Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return fail(system_error("open", errno));
  return read_all(fd.get(), max_bytes);
}

Result<void> append_line(const std::filesystem::path& path, std::string_view line) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("open a journal", errno));
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  char last = '\n';
  if (end > 0 && ::pread(fd.get(), &last, 1, end - 1) != 1)
    return fail(system_error("read", errno));
  std::string text(last == '\n' ? "" : "\n");
  text.append(line).push_back('\n');
  ENTENTE_CHECK_OK(write_all(fd.get(), as_bytes(text)));
  if (::fsync(fd.get()) != 0) return fail(system_error("fsync", errno));
  if (end == 0) return sync_folder(path.parent_path());
  return {};
}

Result<void> make_folder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_folder(path.parent_path());
  if (errno == EEXIST) return {};
  if (errno != ENOENT || !path.has_parent_path() || path.parent_path() == path) {
    return fail(system_error("make a folder", errno));
  }
  ENTENTE_CHECK_OK(make_folder(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(system_error("make a folder", errno));
  return sync_folder(path.parent_path());
}

Result<FolderLock> FolderLock::take(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("open a lock", errno));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(system_error("lock", errno));
  }
  return FolderLock(std::move(fd));
}

}  // namespace entente::effects::site

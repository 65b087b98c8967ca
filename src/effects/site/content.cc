// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "entente/effects/site/public_url.h"

namespace entente::effects::site {

namespace {

constexpr std::int64_t kNanos = 1'000'000'000;

// The reason why `name` could not be opened in `folder`.
Unexpected refused(int folder, const std::string& name, int number) {
  struct stat state {};
  if (::fstatat(folder, name.c_str(), &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(state.st_mode)) {
    return fail(Code::kForbidden, "the address leads through a symbolic link", "url");
  }
  Error error = system_error("open content", number);
  if (error.code == Code::kNotFound) error.detail = "there is no such file on the site";
  error.field = "url";
  return fail(std::move(error));
}

Result<Fd> open_folder(const std::filesystem::path& root, const std::vector<std::string>& segments,
                       bool make) {
  Fd at(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at.valid()) return fail(Code::kUnavailable, "the content root cannot be opened");
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const char* name = segments[i].c_str();
    if (make && ::mkdirat(at.get(), name, 0755) == 0) ::fsync(at.get());
    Fd next(::openat(at.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return refused(at.get(), segments[i], errno);
    at = std::move(next);
  }
  return at;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

Result<void> write_new(int folder, const std::string& name, ByteView bytes,
                       const FileTraits& traits) {
  ::unlinkat(folder, name.c_str(), 0);  // left by a crash: the caller holds the lock
  const Fd fd(
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("create content", errno));
  ENTENTE_CHECK_OK(write_all(fd.get(), bytes));
  // Only root can give a file away; without that right the connector's own user keeps it.
  if (::fchown(fd.get(), traits.owner, traits.group) != 0 && errno != EPERM) {
    return fail(system_error("chown", errno));
  }
  if (::fchmod(fd.get(), static_cast<mode_t>(traits.mode & 07777U)) != 0)
    return fail(system_error("chmod", errno));
  const timespec time{traits.modified_ns / kNanos, traits.modified_ns % kNanos};
  const timespec times[2] = {time, time};
  if (::futimens(fd.get(), times) != 0) return fail(system_error("set the time", errno));
  if (::fsync(fd.get()) != 0) return fail(system_error("fsync", errno));
  return {};
}

}  // namespace

FileTraits Found::traits() const {
  return {static_cast<std::uint32_t>(state.st_mode & 07777U),
          std::int64_t{state.st_mtim.tv_sec} * kNanos + state.st_mtim.tv_nsec, state.st_uid,
          state.st_gid};
}

Result<Found> open_content(const std::filesystem::path& root,
                           const std::vector<std::string>& segments) {
  ENTENTE_TRY(folder, open_folder(root, segments, false));
  Found out;
  out.folder = std::move(folder);
  out.leaf = segments.back();
  // O_NONBLOCK: a fifo must not hold us.
  out.file = Fd(
      ::openat(out.folder.get(), out.leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!out.file.valid()) return refused(out.folder.get(), out.leaf, errno);
  if (::fstat(out.file.get(), &out.state) != 0) return fail(system_error("stat", errno));
  if (!S_ISREG(out.state.st_mode))
    return fail(Code::kNotFound, "the address does not lead to a plain file", "url");
  if (out.size() > kMaxContentBytes) {
    return fail(Code::kTooLarge,
                "the file is larger than 64 MiB, the most this connector preserves", "url");
  }
  return out;
}

Result<Bytes> read_content(const Found& found) {
  if (::lseek(found.file.get(), 0, SEEK_SET) != 0) return fail(system_error("seek", errno));
  return read_all(found.file.get(), kMaxContentBytes);
}

Result<void> withdraw(const Found& found) {
  struct stat now {};
  if (::fstatat(found.folder.get(), found.leaf.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(system_error("stat", errno));
  }
  if (!same_file(now, found.state))
    return fail(Code::kConflict, "the file was replaced while it was withdrawn", "url");
  if (::unlinkat(found.folder.get(), found.leaf.c_str(), 0) != 0)
    return fail(system_error("unlink", errno));
  if (::fsync(found.folder.get()) != 0) return fail(system_error("fsync of a folder", errno));
  return {};
}

Result<void> put_back(const std::filesystem::path& root, const std::vector<std::string>& segments,
                      ByteView bytes, const FileTraits& traits,
                      const std::function<void()>& half_way) {
  ENTENTE_TRY(folder, open_folder(root, segments, true));
  // nginx answers 404 to names of this prefix (nginx_conf.cc).
  const std::string temporary = std::string(kOwnPrefix) + "restore";
  ENTENTE_CHECK_OK(write_new(folder.get(), temporary, bytes, traits));
  half_way();
  // Not over a file that the user has put there since.
  if (::renameat2(folder.get(), temporary.c_str(), folder.get(), segments.back().c_str(),
                  RENAME_NOREPLACE) != 0) {
    const int number = errno;
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    return fail(system_error("put content back", number));
  }
  if (::fsync(folder.get()) != 0) return fail(system_error("fsync of a folder", errno));
  return {};
}

}  // namespace entente::effects::site

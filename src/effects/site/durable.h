// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: files that are whole or not there. Success means that the bytes and the
// folder's entry are on disk. Errors: kNotFound, kForbidden, kTooLarge (disk full, or over a
// limit), kInternal. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "entente/core/bytes.h"

namespace entente::effects::site {

// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// "what: the system's words", with the code that errno stands for.
Error system_error(std::string_view what, int number);

Result<void> write_all(int fd, ByteView bytes);
// From the descriptor's position to its end.
Result<Bytes> read_all(int fd, std::size_t max_bytes);
Result<void> sync_folder(const std::filesystem::path& folder);

// Temporary file beside it, fsync, rename, fsync of the folder. Replaces.
Result<void> write_whole(const std::filesystem::path& path, ByteView bytes, unsigned mode);
Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_bytes);
// One line at the end of the file, which it makes if need be. A half line that a crash left is
// closed off first.
Result<void> append_line(const std::filesystem::path& path, std::string_view line);
// Makes the folder and its parents, mode 0700.
Result<void> make_folder(const std::filesystem::path& path);

// Other processes and threads that lock the same path wait until it ends.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::filesystem::path& path);

 private:
  explicit FolderLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace entente::effects::site

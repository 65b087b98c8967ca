// SPDX-License-Identifier: Apache-2.0
//
// Files that only their owner may read: keys, sealed and unsealed evidence. Inside crypto only.
//
// A NewPrivateFile is written under a temporary name beside its path and takes its name only in
// commit(): mode 0600, contents on disk, never over an existing file, and the folder's entry on
// disk too when commit() has returned. A crash or an error before leaves nothing under that name.
// One thread at a time.
#pragma once

#include <filesystem>

#include "entente/core/bytes.h"

namespace entente::crypto {

class NewPrivateFile {
 public:
  // kConflict when the path exists already.
  static Result<NewPrivateFile> create(const std::filesystem::path& path);
  ~NewPrivateFile();
  NewPrivateFile(NewPrivateFile&& other) noexcept;
  NewPrivateFile& operator=(NewPrivateFile&&) = delete;

  Result<void> write(ByteView bytes);
  Result<void> commit();

 private:
  NewPrivateFile(std::filesystem::path path, std::filesystem::path temporary, int fd);

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty once committed or moved from
  int fd_ = -1;
};

// The whole file, at most `max_bytes`. kNotFound, kTooLarge, and kForbidden when group or others
// have any right on it.
Result<Bytes> read_private_file(const std::filesystem::path& path, std::size_t max_bytes);

// Plain sequential reading.
class InputFile {
 public:
  static Result<InputFile> open(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  // Fills `out` as far as the file goes; less than out.size() means its end.
  Result<std::size_t> read(std::span<std::uint8_t> out);
  int fd() const { return fd_; }

 private:
  explicit InputFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace entente::crypto

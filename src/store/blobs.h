// SPDX-License-Identifier: Apache-2.0
//
// A directory of blobs named by their SHA-256. What `put` returned is on disk: temporary file,
// fsync, rename, fsync of the directory, so that a power cut leaves a whole blob or none. `get`
// hashes what it read, so rot and tampering come back as kCorrupt, never as other bytes. Names are
// 64 lower-case hexadecimal digits; anything else is kInvalid (a name is a path: this is what keeps
// "../" out).
//
// Errors: kNotFound, kCorrupt, kTooLarge (over kMaxBlobBytes, or disk full), kInvalid, kInternal
// (I/O). Thread-safety: all methods, from any thread and from several processes on one directory.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "entente/core/bytes.h"
#include "entente/core/error.h"

namespace entente::store {

// Blobs pass through memory whole; a node of 64 MiB must not be asked for more than it can hold a
// few of.
inline constexpr std::size_t kMaxBlobBytes = std::size_t{256} << 20;

class Blobs {
 public:
  // Creates the directory (mode 0700) when missing and removes temporary files that a crash left
  // more than an hour ago (a younger one may be another process's put under way).
  static Result<Blobs> open(const std::filesystem::path& directory);

  // Returns the SHA-256 in hexadecimal. Idempotent; a damaged blob of the same name is replaced by
  // the good one.
  Result<std::string> put(ByteView data) const;
  Result<Bytes> get(std::string_view sha256_hex) const;
  // Success when it was not there. Durable on return.
  Result<void> erase(std::string_view sha256_hex) const;
  // False for malformed names too.
  bool has(std::string_view sha256_hex) const;

 private:
  explicit Blobs(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path folder_of(std::string_view hex) const;

  std::filesystem::path root_;
};

}  // namespace entente::store

// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: files under the content root. Every step of a path is opened from the folder
// before it, without following links, so no name and no race leads out of the root; only regular
// files count.
//
// Errors: kNotFound, kForbidden (a link on the way, no permission), kTooLarge, kConflict,
// kInternal. Thread-safe; callers that change files hold the connector's lock.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/effects/site/durable.h"

namespace entente::effects::site {

// Files pass through memory whole, several at once; larger ones (films) need another connector.
inline constexpr std::size_t kMaxContentBytes = std::size_t{64} << 20;

// What a restored file gets back besides its bytes.
struct FileTraits {
  std::uint32_t mode = 0644;
  std::int64_t modified_ns = 0;
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
};

struct Found {
  Fd file;
  Fd folder;
  std::string leaf;
  struct stat state {};

  std::size_t size() const { return static_cast<std::size_t>(state.st_size); }
  FileTraits traits() const;
};
Result<Found> open_content(const std::filesystem::path& root,
                           const std::vector<std::string>& segments);
Result<Bytes> read_content(const Found& found);

// Removes the name, durably, if it still leads to what was opened: kConflict when it was replaced
// since.
Result<void> withdraw(const Found& found);
// Puts the bytes under the name at once and durably; kConflict when something has it. Folders that
// were removed are made anew. `half_way` is called when the bytes are on disk and the name is not
// there yet.
Result<void> put_back(const std::filesystem::path& root, const std::vector<std::string>& segments,
                      ByteView bytes, const FileTraits& traits,
                      const std::function<void()>& half_way);

}  // namespace entente::effects::site

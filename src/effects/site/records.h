// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: what the connector knows, in its private folder (mode 0700):
//
//   records/<sha256 of the address>.json   one address: who holds it blocked, and how far the work
//   is sealed/<address>-<content>.age         preserved copies journal/<sha256 of the key>.jsonl
//   what was really done under one key, one line each lock                                   one
//   change at a time, over all processes
//
// A record is replaced whole and is on disk before the step it announces; a journal line is on disk
// after the step it reports. `found` in a line says that the step had been done before a crash kept
// it from being written down. Thread-safe; callers that write hold the lock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/time.h"
#include "entente/effects/site/content.h"

namespace entente::effects::site {

enum class Phase : std::uint8_t {
  kPublic,     // nobody holds it; preserved copies may remain
  kDisabling,  // sealed; to be blocked and withdrawn
  kDisabled,   // sealed, blocked, withdrawn
  kRestoring,  // still blocked; to be put back and unblocked
};

struct Holder {
  std::string key;
  std::string record;   // the act's public record
  bool held = true;     // false: released by a restore
  bool erased = false;  // its preserved copy was given up
  std::string sha256;   // of the content
  std::uint64_t size = 0;
  std::string sealed;  // name under sealed/
  FileTraits traits;
};

struct Record {
  std::string url;  // canonical
  Phase phase = Phase::kPublic;
  std::vector<Holder> holders;  // in order of arrival

  Holder* find(std::string_view key);
  std::size_t held() const;
  // The first that holds: its record is the one shown.
  Holder* owner();
};

struct JournalLine {
  std::string effect;  // sealed | blocked | withdrawn | put_back | unblocked | erased
  std::string url;
  Instant at;
  bool found = false;
};

class Records {
 public:
  static Result<Records> open(const std::filesystem::path& folder);

  // Nothing when the address is not known; kCorrupt when its record is not one.
  Result<std::optional<Record>> load(std::string_view url) const;
  Result<void> save(const Record& record) const;
  Result<std::vector<Record>> all() const;

  Result<void> note(std::string_view key, const JournalLine& line) const;
  // A half line at the end, left by a crash, is not counted.
  Result<std::vector<JournalLine>> journal(std::string_view key) const;

  std::filesystem::path sealed_path(std::string_view name) const {
    return folder_ / "sealed" / name;
  }
  std::filesystem::path lock_path() const { return folder_ / "lock"; }

 private:
  explicit Records(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path record_path(std::string_view url) const;
  std::filesystem::path journal_path(std::string_view key) const;

  std::filesystem::path folder_;
};

std::string hex_hash(ByteView bytes);  // SHA-256, hexadecimal

}  // namespace entente::effects::site

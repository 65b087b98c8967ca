// SPDX-License-Identifier: Apache-2.0
//
// Inside face.h: the repository of this folder. HMA's clients keep a JSON object of their own
// beside each content; our banks have no room for it. Functions run inside the caller's unit of
// work.
#pragma once

#include <string>

#include "entente/json/json.h"
#include "entente/matching/banks.h"

namespace entente::matching::hma {

// Of a client's own object, as text.
inline constexpr std::size_t kMaxMetadata = 64U << 10;

Result<void> keep_metadata(store::Tx& tx, EntryId entry, const json::Object& object);
// Empty when there is none.
Result<json::Object> metadata_of(store::Tx& tx, EntryId entry);
// Whether a bank holds live entries that no curator put there.
Result<bool> has_others_entries(store::Tx& tx, const std::string& bank);
struct Tally {
  std::int64_t live = 0;     // entries that are not tombstoned
  std::int64_t newest = -1;  // when the last of them came, in seconds; -1: there is none
};
Result<Tally> tally(store::Tx& tx, const Banks& banks);

}  // namespace entente::matching::hma

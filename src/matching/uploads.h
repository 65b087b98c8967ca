// SPDX-License-Identifier: Apache-2.0
//
// The record of an upload check: what was asked, what was answered, and, when the answer proposed
// something, what a human decided. A check never decides: review_state goes from `open` to `kept`
// or `removed` only with the name of the person who decided (SG21), once. A hold is the platform's
// own and has an end: `hold_until` is stored, and whether it still holds is asked of the clock
// (`holds`), so nobody has to be awake for it to end. The picture itself is not kept.
//
// Functions run inside the caller's unit of work. Errors: kNotFound, kConflict decided already or
// nothing to decide, kRefused [SG21] no person named.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/random.h"
#include "entente/json/json.h"
#include "entente/matching/matcher.h"
#include "entente/matching/proposal.h"

namespace entente::matching {

enum class ReviewState : std::uint8_t { kNotAsked, kOpen, kKept, kRemoved };
std::string_view review_state_name(ReviewState state);  // "", "open", "kept", "removed"

struct UploadCheck {
  std::string id;      // ULID
  std::string sha256;  // of the file, hexadecimal; only where something is proposed
  fingerprint::Pdq pdq;
  int quality = 0;
  Proposal proposal = Proposal::kNone;
  std::string rule;  // of the policy, that proposed the strongest; empty when none did
  std::string note;
  json::Array matches;  // as answered
  Instant created_at;
  std::optional<Instant> hold_until;
  ReviewState review_state = ReviewState::kNotAsked;
  std::string decided_by;  // a person
  std::optional<Instant> decided_at;
};

// After banks' migration(): widens the table of checks.
store::Migration uploads_migration();

// Of the whole file, hexadecimal.
std::string file_sha256(ByteView file);

// The answer's form on the wire and in the table.
// The address of what an entry was made from is in neither (SG15).
json::Array matches_json(const std::vector<Match>& matches, const std::vector<MatchProposal>& why);

// `now` says whether a hold still holds.
json::Object to_json(const UploadCheck& check, Instant now);
// Nobody has decided and its end has not come.
bool holds(const UploadCheck& check, Instant now);

// A value ready to record: opens a review task when anything is proposed. `policy` answers for the
// matches of `answer`.
UploadCheck make_check(const MatchAnswer& answer, const PolicyAnswer& policy,
                       std::string_view sha256, Instant now, Random& random);
Result<void> record(store::Tx& tx, const UploadCheck& check);
Result<UploadCheck> find_check(store::Tx& tx, std::string_view id);

// Open review tasks, oldest first, with ids after `after` (empty: from the start). At most
// kMaxPage.
Result<std::vector<UploadCheck>> open_tasks(store::Tx& tx, std::string_view after,
                                            std::int64_t limit);
// A human's decision: kKept or kRemoved. Repeating the same decision by the same person is success.
Result<void> decide(store::Tx& tx, std::string_view id, ReviewState decision,
                    std::string_view person, Instant now);
// Forgets checks older than `before` that no human has to look at any more. Their number.
Result<std::int64_t> forget(store::Tx& tx, Instant before);

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// The record of an upload check: what was asked, what was answered, and, when the answer was
// "review", what a human decided. A check never decides: review_state goes from `open` to `kept` or
// `removed` only with the name of the person who decided (SG21), once. The picture itself is not
// kept.
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

namespace entente::matching {

enum class ReviewState : std::uint8_t { kNotAsked, kOpen, kKept, kRemoved };
std::string_view review_state_name(ReviewState state);  // "", "open", "kept", "removed"

struct UploadCheck {
  std::string id;      // ULID
  std::string sha256;  // of the file, hexadecimal
  fingerprint::Pdq pdq;
  int quality = 0;
  Proposal proposal = Proposal::kNone;
  std::string note;
  json::Array matches;  // as answered
  Instant created_at;
  ReviewState review_state = ReviewState::kNotAsked;
  std::string decided_by;  // a person
  std::optional<Instant> decided_at;
};

// Of the whole file, hexadecimal.
std::string file_sha256(ByteView file);

// The answer's form on the wire and in the table.
json::Array matches_json(const std::vector<Match>& matches);
json::Object to_json(const UploadCheck& check);

// A value ready to record: opens a review task when the proposal is "review".
UploadCheck make_check(const MatchAnswer& answer, std::string_view sha256, Instant now,
                       Random& random);
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

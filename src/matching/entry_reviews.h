// SPDX-License-Identifier: Apache-2.0
//
// Reviews of entries: the tasks that ask a person whether an entry belongs in its bank. Three ways
// to open one:
//   contest       a person says "this is news footage", with a reason. From that moment the entry's
//                 matches propose review only, whatever the policy.
//   breaker       the entry matched abnormally often (breaker.h): review only, the same.
//   disagreement  partners dispute what they got from us (sharing.h): matching goes on.
// A person closes it: kept (the contest withdrawn, the breaker reset, the doubt unfounded) or
// upheld (the entry is tombstoned, and no later step of the same act brings it back). A contest is
// closed by another person than the one who made it. One open review of a kind per entry.
//
// Functions run inside the caller's unit of work; all is recorded as bank events. Errors:
// kRefused [SG21] no person named, kForbidden the same person, kInvalid no reason, kNotFound,
// kConflict closed already.
#pragma once

#include "entente/matching/banks.h"

namespace entente::matching {

enum class ReviewCause : std::uint8_t { kContest, kBreaker, kDisagreement };
std::string_view review_cause_name(ReviewCause cause);  // "contest", "breaker", "disagreement"
enum class ReviewOutcome : std::uint8_t { kOpen, kKept, kUpheld };
std::string_view review_outcome_name(ReviewOutcome outcome);  // "open", "kept", "upheld"

struct EntryReview {
  std::int64_t id = 0;
  EntryId entry = 0;
  std::string bank;
  ReviewCause cause = ReviewCause::kContest;
  std::string by;  // a person, a party, or kByNode
  std::string reason;
  Instant opened_at;
  ReviewOutcome outcome = ReviewOutcome::kOpen;
  std::string closed_by;
  std::string closed_reason;
  std::optional<Instant> closed_at;
};

// The review, new or the one that is open already.
Result<std::int64_t> contest(store::Tx& tx, EntryId entry, const Decision& decision);
// For the breaker, sightings and deltas: `by` is kByNode or a party.
Result<std::int64_t> open_review(store::Tx& tx, EntryId entry, ReviewCause cause,
                                 std::string_view by, std::string_view reason, Instant now);
// kKept or kUpheld, with a reason. The entries it put out, for Matcher::tombstoned.
Result<std::vector<EntryId>> close_review(store::Tx& tx, std::int64_t id, ReviewOutcome outcome,
                                          const Decision& decision);
// Whoever opened the review takes it back (a partner, in a delta). Nothing when they have none
// open.
Result<void> take_back(store::Tx& tx, EntryId entry, ReviewCause cause, std::string_view by,
                       Instant now);
Result<EntryReview> find_review(store::Tx& tx, std::int64_t id);
// Oldest first, at most kMaxPage.
Result<std::vector<EntryReview>> open_reviews(store::Tx& tx, std::int64_t after,
                                              std::int64_t limit);
// Of one entry, all of them.
Result<std::vector<EntryReview>> reviews_of(store::Tx& tx, EntryId entry);

}  // namespace entente::matching

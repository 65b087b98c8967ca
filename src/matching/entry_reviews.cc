// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/entry_reviews.h"

#include <fmt/format.h>

#include "entente/matching/bank_rows.h"
#include "entente/matching/sharing.h"

namespace entente::matching {

namespace {

using rows::text;

constexpr std::string_view kSelect =
    "SELECT r.id, r.entry, e.bank, r.cause, r.opened_by, r.reason, r.opened_at, r.outcome, "
    "r.closed_by, r.closed_reason, r.closed_at FROM entry_review r "
    "JOIN bank_entry e ON e.id = r.entry ";

Result<EntryReview> review_of(const store::Row& row) {
  EntryReview out;
  out.id = row.integer(0);
  out.entry = row.integer(1);
  out.bank = row.text(2);
  for (const ReviewCause cause :
       {ReviewCause::kContest, ReviewCause::kBreaker, ReviewCause::kDisagreement}) {
    if (row.text(3) == review_cause_name(cause)) out.cause = cause;
  }
  out.by = row.text(4);
  out.reason = row.text(5);
  out.opened_at = instant_from_ms(row.integer(6));
  for (const ReviewOutcome outcome :
       {ReviewOutcome::kOpen, ReviewOutcome::kKept, ReviewOutcome::kUpheld}) {
    if (row.text(7) == review_outcome_name(outcome)) out.outcome = outcome;
  }
  out.closed_by = row.text(8);
  out.closed_reason = row.text(9);
  if (const auto at = row.integer_if(10)) out.closed_at = instant_from_ms(*at);
  return out;
}

Result<std::vector<EntryReview>> reviews(store::Tx& tx, std::string_view where,
                                         const store::Params& params) {
  ENTENTE_TRY(found, tx.query(fmt::format("{}{}", kSelect, where), params));
  std::vector<EntryReview> out;
  for (const store::Row& row : found) {
    ENTENTE_TRY(review, review_of(row));
    out.push_back(std::move(review));
  }
  return out;
}

// The flags on the entry say what its open reviews say.
Result<void> set_flags(store::Tx& tx, EntryId entry) {
  ENTENTE_CHECK_OK(tx.exec(
      "UPDATE bank_entry SET "
      "contested = (SELECT COUNT(*) FROM entry_review WHERE entry = $1 AND cause = 'contest' AND "
      "outcome = 'open'), "
      "quarantined = (SELECT COUNT(*) FROM entry_review WHERE entry = $1 AND cause = 'breaker' "
      "AND outcome = 'open') WHERE id = $1",
      {entry}));
  return rows::touch(tx, entry);
}

std::string_view opened_kind(ReviewCause cause) {
  switch (cause) {
    case ReviewCause::kContest:
      return "entry_contested";
    case ReviewCause::kBreaker:
      return "entry_quarantined";
    case ReviewCause::kDisagreement:
      return "entry_disputed";
  }
  return "";
}

}  // namespace

std::string_view review_cause_name(ReviewCause cause) {
  switch (cause) {
    case ReviewCause::kContest:
      return "contest";
    case ReviewCause::kBreaker:
      return "breaker";
    case ReviewCause::kDisagreement:
      return "disagreement";
  }
  return "";
}

std::string_view review_outcome_name(ReviewOutcome outcome) {
  switch (outcome) {
    case ReviewOutcome::kOpen:
      return "open";
    case ReviewOutcome::kKept:
      return "kept";
    case ReviewOutcome::kUpheld:
      return "upheld";
  }
  return "";
}

Result<std::int64_t> contest(store::Tx& tx, EntryId entry, const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  return open_review(tx, entry, ReviewCause::kContest, decision.person, decision.reason,
                     decision.now);
}

Result<std::int64_t> open_review(store::Tx& tx, EntryId entry, ReviewCause cause,
                                 std::string_view by, std::string_view reason, Instant now) {
  ENTENTE_TRY(found, tx.query("SELECT bank, tombstoned_at FROM bank_entry WHERE id = $1", {entry}));
  if (found.empty()) return fail(Code::kNotFound, "no such entry", "entry");
  if (!found[0].is_null(1))
    return fail(Code::kConflict, "the entry is tombstoned: it matches nothing", "entry");
  ENTENTE_TRY(open, tx.query("SELECT id FROM entry_review WHERE entry = $1 AND cause = $2 AND "
                             "outcome = 'open'",
                             {entry, text(review_cause_name(cause))}));
  if (!open.empty()) return open[0].integer(0);
  ENTENTE_TRY(
      made, tx.query("INSERT INTO entry_review (entry, cause, opened_by, reason, "
                     "opened_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
                     {entry, text(review_cause_name(cause)), text(by), text(reason), to_ms(now)}));
  const std::int64_t id = made.at(0).integer(0);
  ENTENTE_CHECK_OK(set_flags(tx, entry));
  ENTENTE_CHECK_OK(rows::record_event(tx, found[0].text(0), entry, opened_kind(cause), by,
                                      {{"review", id}, {"reason", text(reason)}}, now));
  return id;
}

Result<std::vector<EntryId>> close_review(store::Tx& tx, std::int64_t id, ReviewOutcome outcome,
                                          const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  if (outcome == ReviewOutcome::kOpen)
    return fail(Code::kInvalid, "a review ends kept or upheld", "outcome");
  ENTENTE_TRY(review, find_review(tx, id));
  if (review.outcome != ReviewOutcome::kOpen)
    return fail(Code::kConflict, "this review is closed", "id");
  if (review.cause == ReviewCause::kContest && review.by == decision.person) {
    return fail(Error{Code::kForbidden,
                      "another person than the one who contested decides",
                      "person",
                      {},
                      "ask a colleague"});
  }
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE entry_review SET outcome = $2, closed_by = $3, closed_reason = $4, "
              "closed_at = $5 WHERE id = $1",
              {id, text(review_outcome_name(outcome)), decision.person, decision.reason,
               to_ms(decision.now)}));
  ENTENTE_CHECK_OK(set_flags(tx, review.entry));
  std::vector<EntryId> out;
  if (outcome == ReviewOutcome::kUpheld) {
    ENTENTE_TRY(gone,
                rows::put_out(tx, review.entry, rows::kByReview, decision.person, decision.now));
    if (gone) out.push_back(review.entry);
    // Whoever the entry came from hears of it with the next sightings.
    ENTENTE_CHECK_OK(record_verdict(tx, review.entry, Verdict::kDisputed, "other", decision.now));
    // Tombstoned for another reason before: from now on no later step brings it back either.
    if (!gone) {
      ENTENTE_CHECK_OK(tx.exec("UPDATE bank_entry SET tombstone_cause = 'review' WHERE id = $1",
                               {review.entry}));
    }
  }
  ENTENTE_CHECK_OK(rows::record_event(
      tx, review.bank, review.entry,
      outcome == ReviewOutcome::kUpheld ? "review_upheld" : "review_kept", decision.person,
      {{"review", id},
       {"cause", text(review_cause_name(review.cause))},
       {"reason", decision.reason}},
      decision.now));
  return out;
}

Result<void> take_back(store::Tx& tx, EntryId entry, ReviewCause cause, std::string_view by,
                       Instant now) {
  ENTENTE_TRY(closed, tx.query("UPDATE entry_review SET outcome = 'kept', closed_by = $3, "
                               "closed_reason = 'taken back', closed_at = $4 WHERE entry = $1 AND "
                               "cause = $2 AND opened_by = $3 AND outcome = 'open' RETURNING id",
                               {entry, text(review_cause_name(cause)), text(by), to_ms(now)}));
  if (closed.empty()) return {};
  ENTENTE_CHECK_OK(set_flags(tx, entry));
  ENTENTE_TRY(review, find_review(tx, closed[0].integer(0)));
  return rows::record_event(tx, review.bank, entry, "review_kept", by,
                            {{"review", review.id}, {"cause", text(review_cause_name(cause))}},
                            now);
}

Result<EntryReview> find_review(store::Tx& tx, std::int64_t id) {
  ENTENTE_TRY(found, reviews(tx, "WHERE r.id = $1", {id}));
  if (found.empty()) return fail(Code::kNotFound, "no such review", "id");
  return found[0];
}

Result<std::vector<EntryReview>> open_reviews(store::Tx& tx, std::int64_t after,
                                              std::int64_t limit) {
  if (limit < 1 || limit > kMaxPage)
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} reviews", kMaxPage), "limit");
  return reviews(tx, "WHERE r.outcome = 'open' AND r.id > $1 ORDER BY r.id LIMIT $2",
                 {after, limit});
}

Result<std::vector<EntryReview>> reviews_of(store::Tx& tx, EntryId entry) {
  return reviews(tx, "WHERE r.entry = $1 ORDER BY r.id", {entry});
}

}  // namespace entente::matching

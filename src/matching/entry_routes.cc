// SPDX-License-Identifier: Apache-2.0
//
// Entries and their reviews.
#include "entente/matching/bank_route_tools.h"

namespace entente::matching {

json::Object entry_json(const Entry& entry, bool context) {
  json::Object out{{"id", entry.id},
                   {"pdq", entry.pdq.hex()},
                   {"quality", entry.quality},
                   {"label", entry.label},
                   {"context", context},
                   {"source", source_kind_name(entry.source)},
                   {"act", entry.act},
                   {"added_by_step", entry.added_by_step},
                   {"added_at", format_rfc3339(entry.added_at)},
                   {"contested", entry.contested},
                   {"quarantined", entry.quarantined},
                   {"tombstoned_at", nullptr}};
  // `target`, `content_uri` and notes stay inside: an answer repeats no address (SG15).
  if (entry.tombstoned_at) out["tombstoned_at"] = format_rfc3339(*entry.tombstoned_at);
  if (entry.expires_at) out["expires_at"] = format_rfc3339(*entry.expires_at);
  if (entry.disabled_until) out["disabled_until"] = format_rfc3339(*entry.disabled_until);
  if (entry.person) out["person"] = entry.person->person;
  if (entry.partner) {
    out["party"] = entry.partner->party;
    out["party_entry"] = entry.partner->entry;
    out["marking"] = entry.partner->marking;
  }
  return out;
}

json::Object review_json(const EntryReview& review) {
  json::Object out{{"id", review.id},
                   {"entry", review.entry},
                   {"bank", review.bank},
                   {"cause", review_cause_name(review.cause)},
                   {"by", review.by},
                   {"reason", review.reason},
                   {"opened_at", format_rfc3339(review.opened_at)},
                   {"outcome", review_outcome_name(review.outcome)}};
  if (review.closed_at) {
    out["closed_by"] = review.closed_by;
    out["closed_reason"] = review.closed_reason;
    out["closed_at"] = format_rfc3339(*review.closed_at);
  }
  return out;
}

namespace {

constexpr json::TextRule kReasonRule{.min = 1, .max = kMaxReason};

Result<std::int64_t> id_of(const http::Request& request) {
  const auto id = number_in(request.param("id"), 1, INT64_MAX, "id");
  if (!id) return fail(Code::kNotFound, "there is none of this number", "id");
  return id;
}

Result<http::Response> get_entries(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(page, page_asked(request));
  ENTENTE_TRY(entries, store::read_returning<std::vector<Entry>>(parts.store, [&](store::Tx& tx) {
                return parts.banks.entries(tx, request.param("name"), page.after, page.limit);
              }));
  json::Array items;
  for (const Entry& entry : entries)
    items.push_back(entry_json(entry, parts.banks.in_context_only(entry.label)));
  return http::json_response(
      page_json(std::move(items), entries.empty() ? 0 : entries.back().id, page.limit));
}

Result<http::Response> post_entry(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  NewEntry entry;
  entry.bank = std::string(request.param("name"));
  const auto pdq = fingerprint::Pdq::parse(r.text("pdq", {.max = 4096}));
  if (!pdq) r.fault("pdq", "a fingerprint is 64 lower-case hexadecimal digits");
  entry.quality = static_cast<int>(r.integer("quality", 0, 100));
  entry.label = r.text("label", {.max = kMaxLabelName});
  entry.expires_at = r.time_if("expires_at");
  const std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  entry.pdq = *pdq;
  entry.person = PersonSource{person, reason};
  entry.now = parts.clock.now();
  ENTENTE_TRY(added, change<Entry>(parts, person, reason,
                                   [&](store::Tx& tx, const Decision&) -> Result<Entry> {
                                     ENTENTE_TRY(id, parts.banks.add(tx, entry));
                                     return parts.banks.find_entry(tx, id);
                                   }));
  return http::json_response(entry_json(added, parts.banks.in_context_only(added.label)), 201);
}

Result<http::Response> get_entry(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(id, id_of(request));
  ENTENTE_TRY(
      out,
      store::read_returning<json::Object>(parts.store, [&](store::Tx& tx) -> Result<json::Object> {
        ENTENTE_TRY(entry, parts.banks.find_entry(tx, id));
        json::Object one = entry_json(entry, parts.banks.in_context_only(entry.label));
        one["bank"] = entry.bank;
        ENTENTE_TRY(reviews, reviews_of(tx, id));
        json::Array list;
        for (const EntryReview& review : reviews) list.push_back(review_json(review));
        one["reviews"] = std::move(list);
        ENTENTE_TRY(seen, sighting_of(tx, id));
        json::Object sightings{
            {"count", seen.count}, {"confirmed", seen.confirmed}, {"disputed", seen.disputed}};
        if (seen.first_seen) sightings["first_seen"] = format_rfc3339(*seen.first_seen);
        if (seen.last_seen) sightings["last_seen"] = format_rfc3339(*seen.last_seen);
        one["sightings"] = std::move(sightings);
        return one;
      }));
  return http::json_response(out);
}

Result<std::string> reason_in(const http::Request& request) {
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  return reason;
}

Result<http::Response> contest_entry(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(id, id_of(request));
  ENTENTE_TRY(reason, reason_in(request));
  ENTENTE_TRY(review,
              change<EntryReview>(parts, person, reason,
                                  [&](store::Tx& tx, const Decision& d) -> Result<EntryReview> {
                                    ENTENTE_TRY(opened, contest(tx, id, d));
                                    return find_review(tx, opened);
                                  }));
  return http::json_response(review_json(review), 201);
}

// A person takes out what a person put in. What an act put there goes with the act, or when its
// contest is upheld: there the one who decides is not the one who asked.
Result<http::Response> tombstone_entry(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(id, id_of(request));
  ENTENTE_TRY(reason, reason_in(request));
  ENTENTE_TRY(
      after,
      change<Entry>(parts, person, reason, [&](store::Tx& tx, const Decision& d) -> Result<Entry> {
        ENTENTE_TRY(entry, parts.banks.find_entry(tx, id));
        if (entry.source != SourceKind::kPerson) {
          return fail(
              Error{Code::kForbidden, "a person did not put it there", "id", "", "contest it"});
        }
        ENTENTE_CHECK_OK(parts.banks.tombstone_entry(tx, id, d));
        return parts.banks.find_entry(tx, id);
      }));
  return http::json_response(entry_json(after, parts.banks.in_context_only(after.label)));
}

Result<http::Response> get_reviews(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(page, page_asked(request));
  ENTENTE_TRY(reviews,
              store::read_returning<std::vector<EntryReview>>(parts.store, [&](store::Tx& tx) {
                return open_reviews(tx, page.after, page.limit);
              }));
  json::Array items;
  for (const EntryReview& review : reviews) items.push_back(review_json(review));
  return http::json_response(
      page_json(std::move(items), reviews.empty() ? 0 : reviews.back().id, page.limit));
}

// Kept: the contest was not well founded, the breaker is reset. Upheld: the entry is out for good.
Result<http::Response> decide_review(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(id, id_of(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string word = r.text("outcome", {.max = 10});
  if (word != "kept" && word != "upheld") r.fault("outcome", "must be kept or upheld");
  const std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  const ReviewOutcome outcome = word == "kept" ? ReviewOutcome::kKept : ReviewOutcome::kUpheld;
  ENTENTE_TRY(review,
              change<EntryReview>(parts, person, reason,
                                  [&](store::Tx& tx, const Decision& d) -> Result<EntryReview> {
                                    ENTENTE_CHECK_OK(close_review(tx, id, outcome, d));
                                    return find_review(tx, id);
                                  }));
  return http::json_response(review_json(review));
}

}  // namespace

void add_entry_routes(http::Router& router, const BankParts& parts) {
  router.add("GET", "/v1/banks/{name}/entries", bound(parts, get_entries));
  router.add("POST", "/v1/banks/{name}/entries", bound(parts, post_entry));
  router.add("GET", "/v1/entries/{id}", bound(parts, get_entry));
  router.add("POST", "/v1/entries/{id}/contest", bound(parts, contest_entry));
  router.add("POST", "/v1/entries/{id}/tombstone", bound(parts, tombstone_entry));
  router.add("GET", "/v1/entry-reviews", bound(parts, get_reviews));
  router.add("POST", "/v1/entry-reviews/{id}/decision", bound(parts, decide_review));
}

}  // namespace entente::matching

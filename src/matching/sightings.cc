// SPDX-License-Identifier: Apache-2.0
//
// What goes back to the source of an entry: how often it matched, and what people said.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "entente/matching/bank_rows.h"
#include "entente/matching/entry_reviews.h"
#include "entente/matching/sharing.h"
#include "entente/matching/signed_document.h"

namespace entente::matching {

namespace {

using rows::text;

bool known_reason(std::string_view reason) {
  return std::find(kReasonClasses.begin(), kReasonClasses.end(), reason) != kReasonClasses.end();
}

Sighting sighting_at(const store::Row& row, std::size_t first) {
  Sighting out;
  out.count = row.integer(first);
  if (const auto at = row.integer_if(first + 1)) out.first_seen = instant_from_ms(*at);
  if (const auto at = row.integer_if(first + 2)) out.last_seen = instant_from_ms(*at);
  out.confirmed = row.integer(first + 3);
  out.disputed = row.integer(first + 4);
  return out;
}

Result<json::Object> reasons_of(store::Tx& tx, EntryId entry) {
  ENTENTE_TRY(found, tx.query("SELECT reason, count FROM entry_dispute WHERE entry = $1", {entry}));
  json::Object out;
  for (const store::Row& row : found) out[row.text(0)] = row.integer(1);
  return out;
}

Result<json::Array> untold(store::Tx& tx, std::string_view party, std::string_view bank) {
  ENTENTE_TRY(found, tx.query("SELECT e.id, e.party_entry, s.count, s.first_seen, s.last_seen, "
                              "s.confirmed, s.disputed FROM entry_sighting s "
                              "JOIN bank_entry e ON e.id = s.entry WHERE s.untold = 1 AND "
                              "e.source = 'partner' AND e.party = $1 AND e.bank = $2 "
                              "ORDER BY e.id LIMIT $3",
                              {text(party), text(bank), kMaxDeltaLines}));
  json::Array out;
  for (const store::Row& row : found) {
    const Sighting seen = sighting_at(row, 2);
    json::Object line{{"entry", row.text(1)},
                      {"count", seen.count},
                      {"confirmed", seen.confirmed},
                      {"disputed", seen.disputed}};
    if (seen.first_seen) line["first_seen"] = format_rfc3339(*seen.first_seen);
    if (seen.last_seen) line["last_seen"] = format_rfc3339(*seen.last_seen);
    if (seen.disputed > 0) {
      ENTENTE_TRY(reasons, reasons_of(tx, row.integer(0)));
      line["reasons"] = std::move(reasons);
    }
    out.push_back(std::move(line));
    ENTENTE_CHECK_OK(
        tx.exec("UPDATE entry_sighting SET untold = 0 WHERE entry = $1", {row.integer(0)}));
  }
  return out;
}

struct Told {
  EntryId entry = 0;
  Sighting seen;
  std::string reasons;
};

Result<Told> read_told(const json::Value& value, const std::string& path) {
  if (!value.is_object()) return fail(Code::kInvalid, "a line is an object", path);
  json::Reader r(value.get_object(), path);
  Told out;
  const std::string entry = r.text("entry", {.max = 20});
  const auto end = std::from_chars(entry.data(), entry.data() + entry.size(), out.entry);
  if (end.ec != std::errc() || end.ptr != entry.data() + entry.size())
    r.fault("entry", "no entry of ours");
  constexpr auto kMost = std::int64_t{1} << 40;  // sums of many must not overflow
  out.seen.count = r.integer("count", 0, kMost);
  out.seen.confirmed = r.integer("confirmed", 0, kMost);
  out.seen.disputed = r.integer("disputed", 0, kMost);
  out.seen.first_seen = r.time_if("first_seen");
  out.seen.last_seen = r.time_if("last_seen");
  json::Object reasons;
  if (const json::Object* given = r.object_if("reasons")) {
    json::Reader inner(*given, path + "/reasons");
    for (const std::string_view reason : kReasonClasses) {
      if (const auto count = inner.integer_if(reason, 0, kMost)) reasons[reason] = *count;
    }
    ENTENTE_CHECK_OK(inner.done());
  }
  ENTENTE_CHECK_OK(r.done());
  out.reasons = json::canonical(json::Value(reasons));
  return out;
}

// Opens a review when, over all partners and since the last one, enough dispute it.
Result<std::optional<std::int64_t>> weigh(store::Tx& tx, EntryId entry, std::string_view party,
                                          const DisagreementSettings& settings, Instant now) {
  ENTENTE_TRY(sums, tx.query("SELECT SUM(confirmed), SUM(disputed) FROM sighting_from WHERE "
                             "entry = $1",
                             {entry}));
  const std::int64_t confirmed = sums.at(0).integer(0);
  const std::int64_t disputed = sums.at(0).integer(1);
  ENTENTE_TRY(before, tx.query("SELECT disputed FROM dispute_reviewed WHERE entry = $1", {entry}));
  const std::int64_t fresh = disputed - (before.empty() ? 0 : before[0].integer(0));
  const auto all = static_cast<double>(confirmed + disputed);
  if (fresh < settings.at_least || static_cast<double>(disputed) < settings.share * all)
    return std::optional<std::int64_t>();
  ENTENTE_TRY(stands, tx.query("SELECT 1 FROM bank_entry WHERE id = $1 AND tombstoned_at IS NULL "
                               "AND NOT EXISTS (SELECT 1 FROM entry_review WHERE entry = $1 AND "
                               "cause = 'disagreement' AND outcome = 'open')",
                               {entry}));
  if (stands.empty()) return std::optional<std::int64_t>();
  ENTENTE_TRY(review, open_review(tx, entry, ReviewCause::kDisagreement, party,
                                  fmt::format("{} of {} verdicts dispute it", disputed,
                                              confirmed + disputed),
                                  now));
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO dispute_reviewed (entry, disputed) VALUES ($1, $2) "
              "ON CONFLICT (entry) DO UPDATE SET disputed = excluded.disputed",
              {entry, disputed}));
  return std::optional<std::int64_t>(review);
}

Result<void> hear(store::Tx& tx, const Told& told, std::string_view party) {
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO sighting_from (entry, party, count, first_seen, last_seen, confirmed, disputed, "
      "reasons) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (entry, party) DO UPDATE SET "
      "count = excluded.count, first_seen = excluded.first_seen, last_seen = excluded.last_seen, "
      "confirmed = excluded.confirmed, disputed = excluded.disputed, reasons = excluded.reasons",
      {told.entry, text(party), told.seen.count, rows::ms_or_null(told.seen.first_seen),
       rows::ms_or_null(told.seen.last_seen), told.seen.confirmed, told.seen.disputed,
       told.reasons}));
  return {};
}

struct Heard {
  std::string bank;
  std::int64_t number = 0;
  const json::Array* lines = nullptr;
};

Result<Heard> read_sightings(const json::Object& document, std::string_view self) {
  json::Reader r(document);
  Heard out;
  if (r.text("sightings") != "entente-sightings/1")
    r.fault("sightings", "must be entente-sightings/1");
  r.text("party", {.max = 253});
  if (r.text("source", {.max = 253}) != self) r.fault("source", "this is for another party");
  out.bank = r.text("bank", {.max = kMaxBankName});
  out.number = r.integer("number", 1, INT64_MAX);
  r.time("at");
  out.lines = &r.array("lines", static_cast<std::size_t>(kMaxDeltaLines));
  ENTENTE_CHECK_OK(r.done());
  return out;
}

// True when this one is newer than what we heard.
Result<bool> advance(store::Tx& tx, std::string_view party, std::string_view bank,
                     std::int64_t number) {
  ENTENTE_TRY(changed, tx.exec("INSERT INTO sighting_heard (party, bank, number) VALUES ($1, $2, "
                               "$3) ON CONFLICT (party, bank) DO UPDATE SET number = "
                               "excluded.number WHERE sighting_heard.number < excluded.number",
                               {text(party), text(bank), number}));
  return changed > 0;
}

}  // namespace

Result<void> record_verdict(store::Tx& tx, EntryId entry, Verdict verdict, std::string_view reason,
                            Instant now) {
  const bool disputed = verdict == Verdict::kDisputed;
  if (disputed ? !known_reason(reason) : !reason.empty())
    return fail(Code::kInvalid, "a dispute names a class of reason of the list", "reason");
  ENTENTE_TRY(known, tx.query("SELECT bank FROM bank_entry WHERE id = $1", {entry}));
  if (known.empty()) return fail(Code::kNotFound, "no such entry", "entry");
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO entry_sighting (entry, confirmed, disputed) VALUES ($1, $2, $3) "
              "ON CONFLICT (entry) DO UPDATE SET confirmed = entry_sighting.confirmed + "
              "excluded.confirmed, disputed = entry_sighting.disputed + excluded.disputed, "
              "untold = 1",
              {entry, std::int64_t{disputed ? 0 : 1}, std::int64_t{disputed ? 1 : 0}}));
  if (!disputed) return {};
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO entry_dispute (entry, reason, count) VALUES ($1, $2, 1) "
              "ON CONFLICT (entry, reason) DO UPDATE SET count = entry_dispute.count + 1",
              {entry, text(reason)}));
  return rows::record_event(tx, known[0].text(0), entry, "match_disputed", kByNode,
                            {{"reason", text(reason)}}, now);
}

Result<std::optional<std::string>> export_sightings(store::Tx& tx, const Self& self,
                                                    std::string_view party,
                                                    std::string_view their_bank, Instant now) {
  ENTENTE_TRY(feed, tx.query("SELECT bank FROM bank_feed WHERE party = $1 AND their_bank = $2",
                             {text(party), text(their_bank)}));
  if (feed.empty()) return fail(Code::kNotFound, "nobody here has subscribed to this bank", "feed");
  ENTENTE_TRY(lines, untold(tx, party, feed[0].text(0)));
  if (lines.empty()) return std::optional<std::string>();
  ENTENTE_TRY(number,
              tx.query("INSERT INTO sighting_told (party, their_bank, number) VALUES ($1, $2, 1) "
                       "ON CONFLICT (party, their_bank) DO UPDATE SET number = "
                       "sighting_told.number + 1 RETURNING number",
                       {text(party), text(their_bank)}));
  const json::Object document{{"sightings", "entente-sightings/1"},
                              {"party", self.party},
                              {"source", text(party)},
                              {"bank", text(their_bank)},
                              {"number", number.at(0).integer(0)},
                              {"at", format_rfc3339(now)},
                              {"lines", std::move(lines)}};
  ENTENTE_TRY(sealed, sign_document(kSightingsType, document, self.key));
  return std::optional<std::string>(std::move(sealed.envelope));
}

Result<SightingsImport> import_sightings(store::Tx& tx, std::string_view self,
                                         std::string_view envelope, const Partner& partner,
                                         const DisagreementSettings& settings, Instant now) {
  ENTENTE_TRY(opened, open_document(kSightingsType, envelope, partner));
  ENTENTE_TRY(heard, read_sightings(opened.document, self));
  ENTENTE_TRY(shared,
              tx.query("SELECT 1 FROM bank WHERE name = $1 AND kind <> 'own'", {heard.bank}));
  if (shared.empty()) return fail(Code::kNotFound, "no bank of ours that is shared", "/bank");
  SightingsImport out;
  ENTENTE_TRY(news, advance(tx, partner.party, heard.bank, heard.number));
  if (!news) {
    out.repeated = true;
    return out;
  }
  for (std::size_t i = 0; i < heard.lines->size(); ++i) {
    const std::string path = fmt::format("/lines/{}", i);
    const auto told = read_told((*heard.lines)[i], path);
    const auto bad = [&](Error error) {
      if (out.faults.size() < kMaxFaults)
        out.faults.push_back({static_cast<std::int64_t>(i) + 1, std::move(error)});
    };
    if (!told) {
      bad(told.error());
      continue;
    }
    ENTENTE_TRY(ours, tx.query("SELECT 1 FROM bank_entry WHERE id = $1 AND bank = $2",
                               {told->entry, heard.bank}));
    if (ours.empty()) {
      bad({Code::kNotFound, "no entry of this bank", path + "/entry", {}, {}});
      continue;
    }
    ENTENTE_CHECK_OK(hear(tx, *told, partner.party));
    ++out.entries;
    ENTENTE_TRY(review, weigh(tx, told->entry, partner.party, settings, now));
    if (review) out.reviews.push_back(*review);
  }
  return out;
}

Result<Sighting> sighting_of(store::Tx& tx, EntryId entry) {
  ENTENTE_TRY(found, tx.query("SELECT count, first_seen, last_seen, confirmed, disputed FROM "
                              "entry_sighting WHERE entry = $1",
                              {entry}));
  if (found.empty()) return Sighting{};
  return sighting_at(found[0], 0);
}

Result<std::vector<PartnerSighting>> sightings_from(store::Tx& tx, EntryId entry) {
  ENTENTE_TRY(found, tx.query("SELECT party, count, first_seen, last_seen, confirmed, disputed "
                              "FROM sighting_from WHERE entry = $1 ORDER BY party",
                              {entry}));
  std::vector<PartnerSighting> out;
  out.reserve(found.size());
  for (const store::Row& row : found) out.push_back({row.text(0), sighting_at(row, 1)});
  return out;
}

}  // namespace entente::matching

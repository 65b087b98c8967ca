// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "entente/hamming/index.h"
#include "entente/matching/bank_rows.h"

namespace entente::matching {

namespace {

using fingerprint::Pdq;
using rows::text;

// One pair within the radius.
struct Pair {
  std::size_t candidate = 0;
  std::size_t upload = 0;
  int distance = 0;
};

// Queries looked up together: an index answers many at once for less.
constexpr std::size_t kBatch = 1024;

// Every pair within the radius. The larger side is indexed, the smaller one asks.
std::vector<Pair> pairs_within(const std::vector<Pdq>& uploads, const std::vector<Pdq>& candidates,
                               int radius) {
  const bool swapped = uploads.size() > candidates.size();
  const std::vector<Pdq>& held = swapped ? uploads : candidates;
  const std::vector<Pdq>& asked = swapped ? candidates : uploads;
  std::vector<std::uint64_t> ids(held.size());
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  hamming::Options options;
  options.radius = radius;
  options.own_thread = false;
  const auto index = hamming::Index::build(ids, held, options);
  check(index.has_value(), "an index of a dry run");
  std::vector<Pair> out;
  for (std::size_t from = 0; from < asked.size(); from += kBatch) {
    const std::span<const Pdq> batch(asked.data() + from, std::min(kBatch, asked.size() - from));
    const auto found = index->search_batch(batch, radius);
    check(found.has_value(), "a search of a dry run");
    for (std::size_t i = 0; i < batch.size(); ++i) {
      for (const hamming::Hit& hit : (*found)[i]) {
        const auto row = static_cast<std::size_t>(hit.id);
        out.push_back(swapped ? Pair{from + i, row, hit.distance}
                              : Pair{row, from + i, hit.distance});
      }
    }
  }
  return out;
}

json::Object offender_json(const Offender& offender) {
  json::Array samples;
  for (const std::string& id : offender.samples) samples.emplace_back(id);
  return {{"entry", offender.entry},
          {"uploads", offender.uploads},
          {"nearest", offender.nearest},
          {"samples", std::move(samples)}};
}

// What the report says besides its columns.
json::Object body_of(const DryRunReport& report) {
  json::Array distances(report.by_distance.begin(), report.by_distance.end());
  json::Array offenders;
  for (const Offender& offender : report.offenders) offenders.push_back(offender_json(offender));
  return {{"entries", report.entries},
          {"uploads", report.uploads},
          {"matched_uploads", report.matched_uploads},
          {"matches", report.matches},
          {"by_distance", std::move(distances)},
          {"offenders", std::move(offenders)}};
}

Result<Offender> read_offender(const json::Value& value) {
  if (!value.is_object()) return fail(Code::kCorrupt, "an offender in a dry run is no object");
  json::Reader r(value.get_object());
  Offender out;
  out.entry = r.text("entry");
  out.uploads = r.integer("uploads", 0, INT64_MAX);
  out.nearest = static_cast<int>(r.integer("nearest", 0, fingerprint::kPdqBits));
  out.samples = r.texts("samples", kMaxSamples);
  ENTENTE_CHECK_OK(r.done());
  return out;
}

Result<void> read_body(std::string_view body, DryRunReport& out) {
  ENTENTE_TRY(document, json::parse_object(body));
  json::Reader r(document);
  out.entries = r.integer("entries", 0, INT64_MAX);
  out.uploads = r.integer("uploads", 0, INT64_MAX);
  out.matched_uploads = r.integer("matched_uploads", 0, INT64_MAX);
  out.matches = r.integer("matches", 0, INT64_MAX);
  const json::Array& distances = r.array("by_distance", out.by_distance.size());
  const json::Array& offenders = r.array("offenders", kMaxOffenders);
  ENTENTE_CHECK_OK(r.done());
  for (std::size_t i = 0; i < distances.size(); ++i)
    out.by_distance.at(i) = distances[i].to_number<std::int64_t>();
  for (const json::Value& value : offenders) {
    ENTENTE_TRY(offender, read_offender(value));
    out.offenders.push_back(std::move(offender));
  }
  return {};
}

constexpr std::string_view kReportColumns =
    "id, bank, radius, covers, document, at, accepted_by, accepted_at";

Result<DryRunReport> report_of(const store::Row& row) {
  DryRunReport out;
  out.id = row.integer(0);
  out.bank = row.text(1);
  out.radius = static_cast<int>(row.integer(2));
  out.covers = row.integer(3);
  ENTENTE_CHECK_OK(read_body(row.text(4), out));
  out.at = instant_from_ms(row.integer(5));
  out.accepted_by = row.text_if(6).value_or("");
  if (const auto at = row.integer_if(7)) out.accepted_at = instant_from_ms(*at);
  return out;
}

Result<void> set_dry_run(store::Tx& tx, const std::string& bank, bool dry, const Decision& decision,
                         json::Object detail) {
  ENTENTE_TRY(number, rows::next_sequence(tx));
  ENTENTE_CHECK_OK(tx.exec("UPDATE bank SET dry_run = $2, changed = $3 WHERE name = $1",
                           {bank, std::int64_t{dry ? 1 : 0}, number}));
  detail["reason"] = decision.reason;
  return rows::record_event(tx, bank, {}, dry ? "bank_suspended" : "bank_live", decision.person,
                            std::move(detail), decision.now);
}

Unexpected not_seen(std::string detail) {
  return fail(Error{Code::kRefused, std::move(detail), "dry_run", "SG22",
                    "run it against the last uploads, look at the report and accept it"});
}

}  // namespace

DryRunReport simulate(std::span<const RecordedUpload> uploads,
                      std::span<const Candidate> candidates, int radius) {
  check(radius >= 0 && radius <= fingerprint::kMatchDistance, "a radius is 0 to 31");
  DryRunReport out;
  out.radius = radius;
  out.uploads = static_cast<std::int64_t>(uploads.size());
  out.entries = static_cast<std::int64_t>(candidates.size());
  std::vector<Pdq> of_uploads;
  std::vector<Pdq> of_candidates;
  for (const RecordedUpload& upload : uploads) of_uploads.push_back(upload.pdq);
  for (const Candidate& candidate : candidates) of_candidates.push_back(candidate.pdq);

  std::vector<bool> hit(uploads.size(), false);
  std::map<std::size_t, std::vector<Pair>> by_candidate;
  for (const Pair& pair : pairs_within(of_uploads, of_candidates, radius)) {
    ++out.matches;
    ++out.by_distance.at(static_cast<std::size_t>(pair.distance));
    out.matched_uploads += hit[pair.upload] ? 0 : 1;
    hit[pair.upload] = true;
    by_candidate[pair.candidate].push_back(pair);
  }
  std::vector<std::vector<Pair>> worst;
  for (auto& [candidate, pairs] : by_candidate) worst.push_back(std::move(pairs));
  std::stable_sort(worst.begin(), worst.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  if (worst.size() > kMaxOffenders) worst.resize(kMaxOffenders);
  for (std::vector<Pair>& pairs : worst) {
    std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
      return std::pair(a.distance, a.upload) < std::pair(b.distance, b.upload);
    });
    Offender offender;
    offender.entry = candidates[pairs[0].candidate].entry;
    offender.uploads = static_cast<std::int64_t>(pairs.size());
    offender.nearest = pairs[0].distance;
    for (std::size_t i = 0; i < std::min(pairs.size(), kMaxSamples); ++i)
      offender.samples.push_back(uploads[pairs[i].upload].id);
    out.offenders.push_back(std::move(offender));
  }
  return out;
}

json::Object to_json(const DryRunReport& report) {
  json::Object out = body_of(report);
  if (report.id != 0) out["id"] = report.id;
  out["bank"] = report.bank;
  out["radius"] = report.radius;
  out["covers"] = report.covers;
  out["at"] = format_rfc3339(report.at);
  out["accepted_by"] = nullptr;
  if (report.accepted_at) {
    out["accepted_by"] = report.accepted_by;
    out["accepted_at"] = format_rfc3339(*report.accepted_at);
  }
  return out;
}

Result<std::vector<RecordedUpload>> recent_uploads(store::Tx& tx, std::int64_t count) {
  if (count < 1 || count > kMaxDryRunUploads) {
    return fail(Code::kInvalid, fmt::format("1 to {} uploads", kMaxDryRunUploads), "uploads");
  }
  ENTENTE_TRY(found, tx.query("SELECT id, pdq FROM upload_check WHERE quality >= $1 "
                              "ORDER BY id DESC LIMIT $2",
                              {std::int64_t{fingerprint::kMinQuality}, count}));
  std::vector<RecordedUpload> out;
  out.reserve(found.size());
  for (const store::Row& row : found) {
    ENTENTE_TRY(pdq, Pdq::parse(row.text(1)));
    out.push_back({row.text(0), pdq});
  }
  return out;
}

Result<std::vector<Candidate>> candidates_of(store::Tx& tx, std::string_view bank) {
  ENTENTE_TRY(found, tx.query("SELECT id, pdq FROM bank_entry WHERE bank = $1 AND tombstoned_at "
                              "IS NULL ORDER BY id",
                              {text(bank)}));
  std::vector<Candidate> out;
  out.reserve(found.size());
  for (const store::Row& row : found) {
    ENTENTE_TRY(pdq, Pdq::parse(row.text(1)));
    out.push_back({std::to_string(row.integer(0)), pdq});
  }
  return out;
}

Result<DryRunReport> dry_run(store::Store& store, const Banks& banks, std::string_view bank,
                             std::int64_t uploads, Instant now) {
  Bank about;
  std::int64_t covers = 0;
  std::vector<RecordedUpload> seen;
  std::vector<Candidate> candidates;
  ENTENTE_CHECK_OK(store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(found, banks.find(tx, bank));
    ENTENTE_TRY(number, banks.sequence(tx));
    ENTENTE_TRY(recent, recent_uploads(tx, uploads));
    ENTENTE_TRY(entries, candidates_of(tx, found.name));
    about = std::move(found);
    covers = number;
    seen = std::move(recent);
    candidates = std::move(entries);
    return {};
  }));
  DryRunReport report = simulate(seen, candidates, about.radius);
  report.bank = about.name;
  report.covers = covers;
  report.at = now;
  ENTENTE_TRY(id, store::write_returning<std::int64_t>(
                      store, [&](store::Tx& tx) { return record(tx, report); }));
  report.id = id;
  return report;
}

Result<std::int64_t> record(store::Tx& tx, const DryRunReport& report) {
  ENTENTE_TRY(made, tx.query("INSERT INTO dry_run_report (bank, radius, covers, document, at) "
                             "VALUES ($1, $2, $3, $4, $5) RETURNING id",
                             {report.bank, std::int64_t{report.radius}, report.covers,
                              json::canonical(body_of(report)), to_ms(report.at)}));
  return made.at(0).integer(0);
}

Result<DryRunReport> find_report(store::Tx& tx, std::int64_t id) {
  ENTENTE_TRY(
      found,
      tx.query(fmt::format("SELECT {} FROM dry_run_report WHERE id = $1", kReportColumns), {id}));
  if (found.empty()) return fail(Code::kNotFound, "no such report", "report");
  return report_of(found[0]);
}

Result<DryRunReport> last_report(store::Tx& tx, std::string_view bank) {
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT {} FROM dry_run_report WHERE bank = $1 "
                                          "ORDER BY id DESC LIMIT 1",
                                          kReportColumns),
                              {text(bank)}));
  if (found.empty()) return fail(Code::kNotFound, "this bank has had no dry run", "report");
  return report_of(found[0]);
}

Result<void> accept_report(store::Tx& tx, std::int64_t id, const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(report, find_report(tx, id));
  if (report.accepted_at) return {};
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE dry_run_report SET accepted_by = $2, accepted_at = $3 WHERE id = $1",
              {id, decision.person, to_ms(decision.now)}));
  return rows::record_event(tx, report.bank, {}, "dry_run_accepted", decision.person,
                            {{"report", id},
                             {"matched_uploads", report.matched_uploads},
                             {"uploads", report.uploads},
                             {"reason", decision.reason}},
                            decision.now);
}

Result<void> go_live(store::Tx& tx, const Banks& banks, std::string_view bank,
                     const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(about, banks.find(tx, bank));
  if (!about.dry_run) return {};
  ENTENTE_TRY(found, tx.query("SELECT id, covers, radius FROM dry_run_report WHERE bank = $1 AND "
                              "accepted_at IS NOT NULL ORDER BY covers DESC LIMIT 1",
                              {about.name}));
  if (found.empty()) return not_seen("nobody has accepted a dry run of this bank");
  if (found[0].integer(2) < about.radius)
    return not_seen("the accepted dry run was of a smaller radius");
  ENTENTE_TRY(since, tx.query("SELECT COUNT(*) FROM bank_entry WHERE bank = $1 AND changed > $2 "
                              "AND tombstoned_at IS NULL",
                              {about.name, found[0].integer(1)}));
  if (const std::int64_t count = since.at(0).integer(0); count > 0)
    return not_seen(fmt::format("{} entries changed since the accepted dry run", count));
  return set_dry_run(tx, about.name, false, decision, {{"report", found[0].integer(0)}});
}

Result<void> suspend(store::Tx& tx, const Banks& banks, std::string_view bank,
                     const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  ENTENTE_TRY(about, banks.find(tx, bank));
  if (about.dry_run) return {};
  return set_dry_run(tx, about.name, true, decision, {});
}

}  // namespace entente::matching

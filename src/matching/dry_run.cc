// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "entente/hamming/index.h"
#include "entente/matching/bank_rows.h"

namespace entente::matching {

namespace {

using fingerprint::Pdq;
using rows::text;

// Queries looked up together. A batch's hits lie in memory: where everything resembles everything
// (a bank of one template), 64 queries find 64 times kChunk.
constexpr std::size_t kBatch = 64;
// Candidates held at once; a bank of ten million passes through in 200 of these.
constexpr std::int64_t kChunk = 50'000;

std::vector<Pdq> hashes_of(std::span<const Candidate> candidates) {
  std::vector<Pdq> out;
  out.reserve(candidates.size());
  for (const Candidate& candidate : candidates) out.push_back(candidate.pdq);
  return out;
}

// Calls `found(candidate, upload, distance)` for every pair within the radius. The larger side is
// indexed, the smaller one asks.
template <class F>
void each_pair(const std::vector<Pdq>& uploads, const std::vector<Pdq>& candidates, int radius,
               F&& found) {
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
  for (std::size_t from = 0; from < asked.size(); from += kBatch) {
    const std::span<const Pdq> batch(asked.data() + from, std::min(kBatch, asked.size() - from));
    const auto hits = index->search_batch(batch, radius);
    check(hits.has_value(), "a search of a dry run");
    for (std::size_t i = 0; i < batch.size(); ++i) {
      for (const hamming::Hit& hit : (*hits)[i]) {
        const auto row = static_cast<std::size_t>(hit.id);
        swapped ? found(from + i, row, hit.distance) : found(row, from + i, hit.distance);
      }
    }
  }
}

// What one candidate would have matched: how many, and the nearest few.
struct Tally {
  std::int64_t uploads = 0;
  std::vector<std::pair<int, std::size_t>> nearest;  // distance, upload; ascending

  void add(int distance, std::size_t upload) {
    ++uploads;
    const std::pair<int, std::size_t> one(distance, upload);
    if (nearest.size() == kMaxSamples && nearest.back() < one) return;
    nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), one), one);
    if (nearest.size() > kMaxSamples) nearest.pop_back();
  }
};

// A dry run fed chunk by chunk: memory for the uploads and one chunk, whatever the bank's size and
// however much matches.
class Simulation {
 public:
  Simulation(std::span<const RecordedUpload> uploads, int radius)
      : uploads_(uploads), hit_(uploads.size(), false) {
    check(radius >= 0 && radius <= fingerprint::kMatchDistance, "a radius is 0 to 31");
    report_.radius = radius;
    report_.uploads = static_cast<std::int64_t>(uploads.size());
    hashes_.reserve(uploads.size());
    for (const RecordedUpload& upload : uploads) hashes_.push_back(upload.pdq);
  }

  void feed(std::span<const Candidate> candidates) {
    report_.entries += static_cast<std::int64_t>(candidates.size());
    std::vector<Tally> tallies(candidates.size());
    each_pair(hashes_, hashes_of(candidates), report_.radius,
              [&](std::size_t candidate, std::size_t upload, int distance) {
                ++report_.matches;
                ++report_.by_distance.at(static_cast<std::size_t>(distance));
                report_.matched_uploads += hit_[upload] ? 0 : 1;
                hit_[upload] = true;
                tallies[candidate].add(distance, upload);
              });
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      if (tallies[i].uploads > 0) rank(candidates[i].entry, tallies[i]);
    }
  }

  DryRunReport report() && { return std::move(report_); }

 private:
  // Most uploads first; of equals the one that came first.
  void rank(const std::string& entry, const Tally& tally) {
    std::vector<Offender>& all = report_.offenders;
    if (all.size() == kMaxOffenders && all.back().uploads >= tally.uploads) return;
    Offender offender{entry, tally.uploads, tally.nearest.front().first, {}};
    for (const auto& [distance, upload] : tally.nearest)
      offender.samples.push_back(uploads_[upload].id);
    const auto place = std::find_if(all.begin(), all.end(), [&](const Offender& other) {
      return other.uploads < offender.uploads;
    });
    all.insert(place, std::move(offender));
    if (all.size() > kMaxOffenders) all.pop_back();
  }

  std::span<const RecordedUpload> uploads_;
  std::vector<Pdq> hashes_;
  std::vector<bool> hit_;
  DryRunReport report_;
};

// Live entries of a bank after an id.
struct Page {
  std::vector<Candidate> candidates;
  EntryId last = 0;
};
Result<Page> page_of(store::Tx& tx, const std::string& bank, EntryId after) {
  ENTENTE_TRY(found, tx.query("SELECT id, pdq FROM bank_entry WHERE bank = $1 AND id > $2 AND "
                              "tombstoned_at IS NULL ORDER BY id LIMIT $3",
                              {bank, after, kChunk}));
  Page out;
  out.candidates.reserve(found.size());
  for (const store::Row& row : found) {
    ENTENTE_TRY(pdq, Pdq::parse(row.text(1)));
    out.last = row.integer(0);
    out.candidates.push_back({std::to_string(out.last), pdq});
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
  Simulation simulation(uploads, radius);
  simulation.feed(candidates);
  return std::move(simulation).report();
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

Result<DryRunReport> dry_run(store::Store& store, const Banks& banks, std::string_view bank,
                             std::int64_t uploads, Instant now) {
  Bank about;
  std::int64_t covers = 0;
  std::vector<RecordedUpload> seen;
  ENTENTE_CHECK_OK(store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(found, banks.find(tx, bank));
    ENTENTE_TRY(number, banks.sequence(tx));
    ENTENTE_TRY(recent, recent_uploads(tx, uploads));
    about = std::move(found);
    covers = number;
    seen = std::move(recent);
    return {};
  }));
  Simulation simulation(seen, about.radius);
  // Each page is a snapshot of its own. An entry that comes in between may be tried or not; its
  // number is above `covers`, so the report does not speak for it.
  for (EntryId after = 0;;) {
    ENTENTE_TRY(page, store::read_returning<Page>(
                          store, [&](store::Tx& tx) { return page_of(tx, about.name, after); }));
    if (page.candidates.empty()) break;
    simulation.feed(page.candidates);
    after = page.last;
  }
  DryRunReport report = std::move(simulation).report();
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
  ENTENTE_TRY(since, tx.query("SELECT COUNT(*) FROM bank_entry WHERE bank = $1 AND born > $2 "
                              "AND tombstoned_at IS NULL",
                              {about.name, found[0].integer(1)}));
  if (const std::int64_t count = since.at(0).integer(0); count > 0)
    return not_seen(fmt::format("{} entries came since the accepted dry run", count));
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

// SPDX-License-Identifier: Apache-2.0
//
// A bank is tried before it is trusted: what would it have matched among the last uploads? The
// report says how many, at what distances, which entries most, and names samples to look at. A bank
// in dry run goes live only after a person has accepted a report that covers all its entries; one
// added since asks for a new report (kRefused, field "dry_run").
//
// Reading and computing are apart, because a computation must not sit in a unit of work: read the
// uploads and the entries (or a delta's lines, sharing.h), `simulate`, then `record`. Pure
// functions are thread-safe; the others run inside the caller's unit of work.
#pragma once

#include <array>
#include <span>

#include "entente/matching/banks.h"

namespace entente::matching {

// The uploads one run looks at: 32 bytes each, and a run over a bank of a million takes seconds.
inline constexpr std::int64_t kMaxDryRunUploads = 100'000;
inline constexpr std::int64_t kDefaultDryRunUploads = 10'000;
// What a person looks through before saying yes.
inline constexpr std::size_t kMaxOffenders = 20;
inline constexpr std::size_t kMaxSamples = 5;

struct RecordedUpload {
  std::string id;  // of the check
  fingerprint::Pdq pdq;
};
struct Candidate {
  std::string entry;  // an entry's id, or the line of a delta or list
  fingerprint::Pdq pdq;
};

struct Offender {
  std::string entry;
  std::int64_t uploads = 0;
  int nearest = 0;
  std::vector<std::string> samples;  // ids of checks, nearest first
};

struct DryRunReport {
  std::int64_t id = 0;  // once recorded
  std::string bank;
  int radius = 0;
  std::int64_t covers = 0;  // the change feed's number: entries up to here were tried
  std::int64_t entries = 0;
  std::int64_t uploads = 0;
  std::int64_t matched_uploads = 0;
  std::int64_t matches = 0;  // pairs
  std::array<std::int64_t, fingerprint::kMatchDistance + 1> by_distance{};
  std::vector<Offender> offenders;  // most uploads first
  Instant at;
  std::string accepted_by;
  std::optional<Instant> accepted_at;
};

// Pure: exact, every pair within `radius`.
DryRunReport simulate(std::span<const RecordedUpload> uploads,
                      std::span<const Candidate> candidates, int radius);
json::Object to_json(const DryRunReport& report);

// The last uploads with a usable fingerprint, newest first.
Result<std::vector<RecordedUpload>> recent_uploads(store::Tx& tx, std::int64_t count);

// All at once: reads the uploads and, page by page, the bank's entries that are not tombstoned;
// computes outside any unit of work; records the report. Memory is bounded by the uploads.
Result<DryRunReport> dry_run(store::Store& store, const Banks& banks, std::string_view bank,
                             std::int64_t uploads, Instant now);

Result<std::int64_t> record(store::Tx& tx, const DryRunReport& report);
Result<DryRunReport> find_report(store::Tx& tx, std::int64_t id);
// The last report of a bank; kNotFound.
Result<DryRunReport> last_report(store::Tx& tx, std::string_view bank);
// "I have seen it, and it may go live." Repeating is success.
Result<void> accept_report(store::Tx& tx, std::int64_t id, const Decision& decision);
Result<void> go_live(store::Tx& tx, const Banks& banks, std::string_view bank,
                     const Decision& decision);
// Back into dry run: from this commit on it matches nothing.
Result<void> suspend(store::Tx& tx, const Banks& banks, std::string_view bank,
                     const Decision& decision);

}  // namespace entente::matching

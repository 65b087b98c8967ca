// SPDX-License-Identifier: Apache-2.0
//
// What a policy would have done: a candidate run over recorded upload checks, held against what
// people decided about them. Its numbers are about the past and about matches only: an upload that
// no bank knew is not in them, and a check that nobody reviewed counts for load, not for precision.
//
// `back_test` is pure. `read_checks` reads rows in the caller's unit of work; facts that a record
// of an earlier program lacks (source, standing) are taken from the entry as it is now.
#pragma once

#include <array>
#include <map>

#include "entente/matching/policy.h"

namespace entente::matching {

// What one back-test reads: near a month of a middle-sized platform's checks, some 100 MB.
inline constexpr std::int64_t kMaxBackTestChecks = 200'000;
// Ids listed for each kind of surprise: enough to look at by eye.
inline constexpr std::size_t kMaxBackTestSamples = 20;

struct CheckRow {
  std::string id;
  Instant at;
  Proposal recorded = Proposal::kNone;  // what was answered then
  std::vector<MatchFacts> matches;
  std::optional<bool> removed;  // a person's decision: removed or kept; nothing: nobody decided
};

struct Counts {
  std::int64_t total = 0;
  std::int64_t removed = 0;
  std::int64_t kept = 0;
  std::int64_t undecided = 0;
};

struct BackTest {
  std::int64_t checks = 0;
  std::array<Counts, kProposals> by_proposal;  // indexed by Proposal
  // [recorded][candidate]: how many move from one to the other.
  std::array<std::array<std::int64_t, kProposals>, kProposals> moved{};
  // Of the decided ones that it would send to people or hold, the share that people removed;
  // nothing when none was decided.
  std::optional<double> review_precision;  // proposals review and stronger
  std::optional<double> hold_precision;    // hold only
  // Of the ones people removed, the share it would not have passed silently.
  std::optional<double> recall;
  // "2026-11-13" (UTC) → how many of each proposal.
  std::map<std::string, std::array<std::int64_t, kProposals>> by_day;
  std::map<std::string, std::int64_t> by_rule;  // matches each rule decided
  std::vector<std::string> held_but_kept;       // lawful, and would have been held
  std::vector<std::string> passed_but_removed;  // removed, and would have passed silently
};

BackTest back_test(std::span<const CheckRow> checks, const Policy& candidate);
json::Object to_json(const BackTest& result);

// Checks with at least one match, made at or after `since`, oldest first, at most `limit`
// (kMaxBackTestChecks).
Result<std::vector<CheckRow>> read_checks(store::Tx& tx, const Banks& banks, Instant since,
                                          std::int64_t limit);

}  // namespace entente::matching

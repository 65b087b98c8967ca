// SPDX-License-Identifier: Apache-2.0
//
// The SQL of case work: steps as they were signed, and projections that can be rebuilt from them
// (`act` rows for lists and queues). Functions run inside the caller's unit of work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "entente/acts/apply.h"
#include "entente/store/store.h"

namespace entente::dossier {

store::Migration migration();

struct LeafInfo {
  std::string origin;
  std::int64_t index = -1;  // -1: no leaf here
  std::string entry;        // the leaf as logged
  Bytes salt;               // opens the leaf's commitment to the payload
  std::string proof;        // tlog-proof, for steps of other parties
};

// What this node adds to a step: what became of it here.
struct StepRow {
  std::string status;  // applied | refused | waiting
  std::string why;     // JSON of the refusal
  bool own = false;
  LeafInfo leaf;
  Instant received;
};

struct StoredStep : StepRow {
  std::int64_t seq = 0;
  acts::Step step;
  std::string envelope;
};

Result<std::vector<StoredStep>> steps_of(store::Tx& tx, std::string_view act);
Result<std::optional<StoredStep>> find_step(store::Tx& tx, std::string_view step);
Result<void> insert_step(store::Tx& tx, const acts::Step& step, const std::string& envelope,
                         const StepRow& row);
Result<void> set_status(store::Tx& tx, std::string_view step, std::string_view status,
                        std::string_view why);
// Where the step's leaf stands in this node's ledger; nothing when it has none (yet).
struct LeafPlace {
  std::string origin;
  std::int64_t index = 0;
};
Result<std::optional<LeafPlace>> leaf_of(store::Tx& tx, std::string_view step);
// The last row of the act: steps are only ever added, and what a unit took back it took back from
// the end. The number alone would not do: one of a unit that was rolled back is given again.
struct Version {
  std::int64_t last = 0;
  std::string step;
  friend bool operator==(const Version&, const Version&) = default;
};
Result<Version> version_of(store::Tx& tx, std::string_view act);

// What lists and queues show of an act.
struct ActRow {
  std::string act, dossier, regime, mode, position;
  Instant created, updated;
  bool waits = false;           // for a decision of this organisation's people
  std::optional<Instant> due;   // strict, of the clock that presses most
  std::optional<Instant> next;  // when the scheduler must look again
  json::Object summary;
};
Result<void> put_act(store::Tx& tx, const ActRow& row);
struct Page {
  std::vector<ActRow> rows;
  std::optional<std::string> next;
};
Result<Page> list_acts(store::Tx& tx, std::string_view cursor, std::size_t limit);
// By time left: acts with a due time first, the earliest first; the others by age.
Result<Page> list_queue(store::Tx& tx, std::string_view cursor, std::size_t limit);
Result<std::optional<ActRow>> find_act(store::Tx& tx, std::string_view act);
Result<std::vector<std::string>> acts_due(store::Tx& tx, Instant now, std::size_t limit);

struct Refusal {
  std::int64_t id = 0;
  Instant at;
  std::string act, step, move, party, source;
  Error why;
};
Result<void> log_refusal(store::Tx& tx, const Refusal& refusal);
Result<std::vector<Refusal>> list_refusals(store::Tx& tx, std::int64_t before, std::size_t limit);

// Private links for the person concerned and the notifier. One per act and role; making it again
// returns the same.
Result<std::string> case_token(store::Tx& tx, std::string_view act, std::string_view role,
                               std::string_view fresh, Instant now);
struct CaseLink {
  std::string act, role;
};
Result<std::optional<CaseLink>> find_case(store::Tx& tx, std::string_view token);

// What was lodged through a private link under an Idempotency-Key: a client that lost the answer
// asks again and gets the step it made. `key` and `body` are hashes: the link's token is a secret.
struct Lodged {
  std::string body, step;
};
Result<std::optional<Lodged>> find_lodged(store::Tx& tx, std::string_view key);
Result<void> put_lodged(store::Tx& tx, std::string_view key, const Lodged& lodged, Instant now);

// Which peers have confirmed which of our steps.
Result<void> acknowledge(store::Tx& tx, std::string_view step, std::string_view party,
                         std::string_view receipt, Instant now);
Result<std::vector<StoredStep>> unacknowledged(store::Tx& tx, std::string_view act,
                                               std::string_view party);

// True the first time for an effect's key: the node answers each cause with one step, however often
// the fold sees it.
Result<bool> answer_once(store::Tx& tx, std::string_view effect, Instant now);

// Peers' clocks against ours, in milliseconds (theirs minus ours).
Result<void> record_skew(store::Tx& tx, std::string_view party, std::int64_t ms, Instant now);
Result<std::int64_t> skew_of(store::Tx& tx, std::string_view party);

}  // namespace entente::dossier

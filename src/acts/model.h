// SPDX-License-Identifier: Apache-2.0
//
// The values of the pure core: regions and their states, steps, and the state of an act.
//
// An act is never stored as such: it is the fold of its steps (fold.h). Everything here is a value;
// nothing does I/O or asks for the time. Words, and one act from
// its first step to its last: ARCHITECTURE.md.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"
#include "entente/core/time.h"
#include "entente/json/json.h"

namespace entente::acts {

// The seven regions of an act, and its finality flag, which moves by the same rules.
enum class Region : std::uint8_t {
  kIssue,
  kDelivery,
  kExecution,  // one machine per target
  kReview,     // one machine per review; the act's own value is the gravest of them
  kDisclosure,
  kRetention,
  kPublication,
  kFinality,
};
inline constexpr std::size_t kRegions = 8;

std::string_view region_name(Region region);
std::optional<Region> region_from(std::string_view name);
// The states of a region, in order; index 0 is where every act begins.
const std::vector<std::string_view>& region_states(Region region);

using StateIndex = std::uint8_t;
std::optional<StateIndex> state_from(Region region, std::string_view name);
std::string_view state_name(Region region, StateIndex state);

// A set of states of one region: "execution=pending|overdue".
struct StateSet {
  Region region = Region::kIssue;
  std::uint32_t mask = 0;  // bit i: state i
  bool has(StateIndex s) const { return (mask >> s & 1U) != 0; }
  friend bool operator==(const StateSet&, const StateSet&) = default;
};

// What a signed step claims about each hand that signed it. Verified against the directory before
// the fold sees it.
struct Hand {
  std::string party;   // domain of the organisation
  std::string person;  // stable pseudonym of the natural person; empty for a node's own key
  std::string role;    // a role of the regime
  std::string keyid;
  friend bool operator==(const Hand&, const Hand&) = default;
};

inline constexpr std::size_t kMaxTargets = 256;  // an order names items, not a catalogue (SG05)
inline constexpr std::size_t kMaxAfter = 64;     // concurrent heads an honest step can have seen
inline constexpr std::size_t kMaxStepBytes = 256 * 1024;

// One signed statement that moves an act: the payload of a DSSE envelope of type kStepType.
inline constexpr std::string_view kStepType = "application/vnd.entente.step+json";

struct Step {
  std::string id;       // lower-case hex SHA-256 of the payload bytes as signed
  std::string act;      // ULID
  std::string dossier;  // ULID
  std::string regime;   // "eu-tco-removal@1"
  std::string move;
  std::vector<Hand> by;            // at least one; the first is the author
  Instant at;                      // the author's clock
  std::vector<std::string> after;  // ids of the steps it has seen (the heads of its author's view)
  std::optional<std::size_t> target;  // for moves of one target
  std::string review;                 // for moves of one review: the id of the step that opened it
  json::Object body;
  // Whoever read the step has held the form in its body against this regime's schema already, and
  // it conforms: `apply` does not do it again. Never part of the payload.
  bool form_conforms = false;

  const Hand& author() const { return by.front(); }
};

// Payload text of a step without id. Members in canonical order: equal steps have equal bytes.
std::string step_payload(const Step& step);
// Decodes and checks the form of a payload; computes nothing about its truth. `id` is given by the
// caller, who hashed the bytes.
Result<Step> parse_step(std::string_view payload, std::string id);

struct Target {
  std::string kind;   // url | host | domain | account_id | post_id | hash
  std::string value;  // never public in clear
  std::string canonical;
  std::string evidence_sha256;
};

struct Event {
  std::string move;
  std::string role;
  std::string party;
  std::string person;
  std::string step;
  std::optional<std::size_t> target;
  std::string review;
  Instant at;
};

struct TargetState {
  StateIndex state = 0;
  std::string by_step;  // the step that moved it here
  Instant since;
};

struct Review {
  std::string id;     // the opening step
  std::string route;  // "scrutiny", "court", "complaint", …
  std::string role;   // who opened it
  Instant opened;
  StateIndex state = 1;
  std::string by_step;
};

struct RefusedStep {
  std::string step;
  std::string move;
  Error why;
};

struct ActState {
  std::string act, dossier, regime;
  std::array<StateIndex, kRegions>
      region{};  // kExecution and kReview are derived from the lists below
  std::array<std::string, kRegions> region_step;  // the step that last moved each region
  std::vector<Target> targets;
  std::vector<TargetState> execution;
  std::vector<Review> reviews;
  std::map<std::string, std::string> participants;  // position -> party domain
  json::Object form;                                // of the draft in force
  std::string draft;                                // id of the step that carries it
  std::optional<Instant> unseal_at;
  std::optional<Instant> retention_until;
  std::vector<Event> events;  // every applied step, in fold order
  std::set<std::string> seen;
  std::vector<std::string> heads;  // steps nobody has built on yet, sorted
  std::vector<RefusedStep> refused;

  bool started() const { return !act.empty(); }
  // Latest event of a move, optionally by a party or for a target; null when there is none.
  const Event* last(std::string_view move, std::string_view party = {},
                    std::optional<std::size_t> target = {}) const;
};

// Deterministic text of a state: two nodes with the same steps print the same bytes (invariant I5).
std::string canonical(const ActState& state);

}  // namespace entente::acts

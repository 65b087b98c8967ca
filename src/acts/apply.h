// SPDX-License-Identifier: Apache-2.0
//
// The three pure functions everything rests on. No I/O, no wall clock, no randomness: the same
// inputs give the same bits on every node, today and at replay.
#pragma once

#include <functional>
#include <span>

#include "entente/acts/model.h"
#include "entente/acts/regime.h"

namespace entente::acts {

// Applies one step. The refusal names the safeguard or rule, the field and how to mend it. `now` is
// the instant at which the step is judged: its own time at replay (so that replay is
// deterministic), the node's clock for the check that a step does not come from the future.
Result<ActState> apply(const ActState& state, const Step& step, const Regime& regime, Instant now);

// How far a peer's clock may run ahead before its steps are refused as coming from the future.
inline constexpr Millis kMaxSkew = std::chrono::minutes(10);

struct ClockInstance {
  std::string id;
  ClockKind kind = ClockKind::kDuty;
  std::optional<std::size_t> target;
  std::string review;
  std::string owner;
  std::string role;  // for windows: whose
  Instant started;
  Instant due;       // strict: what screens and alarms show
  Instant due_1182;  // Reg. (EEC, Euratom) 1182/71 Art. 3: what an infringement or a lapsed right
                     // is asserted on
  std::string then;
};

// The clocks that run in this state. Computed, never stored.
std::vector<ClockInstance> clocks(const ActState& state, const Regime& regime);
// The end of one clock for one actor, whether it still runs or not; nullopt when nothing has
// started it.
std::optional<ClockInstance> clock_for(const ActState& state, const Regime& regime,
                                       const ClockRule& rule, std::string_view role,
                                       std::optional<std::size_t> target, std::string_view review);

struct WantedEffect {
  std::string key;  // idempotency key: one per kind, act, target and causing step
  std::string kind;
  std::string at;  // position
  std::string act;
  std::optional<std::size_t> target;
  bool undo = false;
  std::string result;  // move that reports it, or empty
};

// What must change in the real world because one step took the act from `before` to `after`.
// Compare step by step: a jump over several steps would hide what was entered and left between
// them.
std::vector<WantedEffect> effects(const ActState& before, const ActState& after,
                                  const Regime& regime);

// Folds a set of steps, in whatever order they came: by causality (`after`), ties by id. Steps
// whose predecessors are missing wait (`waiting`); steps their regime forbids are kept as refused.
struct Folded {
  ActState state;
  std::vector<std::string> waiting;
};
// `on_applied` hears of each applied step in fold order, with the state before and after it.
using OnApplied =
    std::function<void(const ActState& before, const ActState& after, const Step& step)>;
Folded fold(std::span<const Step> steps, const Regime& regime, const OnApplied& on_applied = {});

// Moves a role could make now, for screens: structurally possible, before the safeguards see the
// body.
std::vector<const Move*> possible(const ActState& state, const Regime& regime,
                                  std::string_view role, std::optional<std::size_t> target,
                                  Instant now);

bool holds(const ActState& state, const Condition& condition, std::optional<std::size_t> target);
// True when some target or region is in a restricting state.
bool restricted(const ActState& state, const Regime& regime);

}  // namespace entente::acts

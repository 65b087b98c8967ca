// SPDX-License-Identifier: Apache-2.0
//
// A regime as a finite machine, for the checker (check.h): one target, one review (a new one
// takes the place of the one that was followed), every safeguard satisfiable, every clock able to
// run out. A state is one 64-bit word, so that a regime of some hundred thousand states is explored
// in tens of milliseconds. Private to the checker; pure, any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "entente/acts/regime.h"

namespace entente::acts {

// Four bits per region, four for the route of the open review, the rest flags.
using Packed = std::uint64_t;

class Machine {
 public:
  // Every name the regime uses must resolve (property P8) before a machine is made of it.
  explicit Machine(const Regime& regime);

  // False when the regime needs more flags or routes than a word holds.
  bool fits() const { return fits_; }

  const Regime& regime() const { return regime_; }
  const Move& move(std::size_t i) const { return regime_.moves[i]; }
  static StateIndex at(Packed s, Region r) {
    return static_cast<StateIndex>(s >> (4U * static_cast<unsigned>(r)) & 0xFU);
  }
  static Packed with(Packed s, Region r, StateIndex to) {
    const unsigned shift = 4U * static_cast<unsigned>(r);
    return (s & ~(Packed{0xF} << shift)) | (Packed{to} << shift);
  }
  bool is_review_open(Packed s) const { return at(s, Region::kReview) == 1; }

  // May this move be made here: regions, conditions, route of the review, and, for moves that wait
  // for a clock, that the clock has started and is live.
  bool possible(std::size_t move, Packed s) const;
  Packed after(std::size_t move, Packed s) const;
  // Has the clock started, and do its conditions hold?
  bool live(const ClockRule& rule, Packed s) const;

  bool has_reasons(Packed s) const { return (s & kReasons) != 0; }
  bool is_validated(Packed s) const { return (s & kValidated) != 0; }
  // Real-world effects that restrict somebody and have not been undone, by index into
  // regime().effects.
  std::vector<std::size_t> in_force(Packed s) const;

 private:
  static constexpr unsigned kRouteShift = 32;
  static constexpr Packed kStarted = Packed{1} << 36;
  static constexpr Packed kReasons = Packed{1} << 37;
  static constexpr Packed kValidated = Packed{1} << 38;
  static constexpr unsigned kFirstFlag = 39;

  struct Condition {
    bool negated = false;
    Packed flag = 0;  // event conditions
    StateSet states;
  };
  struct Compiled {
    std::vector<Condition> when;
    Packed sets = 0;                       // event and clock flags
    std::uint32_t routes = ~0U;            // bit: route of the review it may decide
    std::size_t route = 0;                 // 1-based, for moves that open a review
    std::optional<std::size_t> waits_for;  // clock
    bool reasons = false;
  };
  struct Effect {
    std::size_t index = 0;
    Packed flag = 0;
  };

  Packed new_flag();
  Packed event_flag(const std::string& move);
  std::vector<Condition> compile(const std::vector<acts::Condition>& conditions);
  bool all_hold(const std::vector<Condition>& conditions, Packed s) const;
  bool live(std::size_t clock, Packed s) const;

  const Regime& regime_;
  bool fits_ = true;
  unsigned next_flag_ = kFirstFlag;
  std::map<std::string, Packed> event_flags_;
  std::vector<std::string> routes_;
  std::vector<Compiled> moves_;
  std::vector<Packed> clock_flags_;  // zero: not started by a move of its own (per review)
  std::vector<std::vector<Condition>> clock_live_;
  std::vector<Effect> effects_;
};

struct Edge {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t move = 0;
};

// Everything that can be reached, in breadth-first order, with the edge by which each state was
// first reached.
struct Graph {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::vector<Packed> states;             // [0] is the start
  std::vector<Edge> edges;                // grouped by `from`, in order
  std::vector<std::uint32_t> reached_by;  // index into edges; kNone for the start
  bool complete = true;                   // false: more than kMaxStates

  // A regime that needs more than this to be understood by a machine will not be understood by its
  // users.
  static constexpr std::size_t kMaxStates = 1'000'000;

  // "role:move" from the start to a state, and one move further if given.
  std::vector<std::string> path(const Regime& regime, std::uint32_t state,
                                std::optional<std::uint32_t> then = std::nullopt) const;
};

Graph explore(const Machine& machine);

// Does an effect of this kind only tell somebody something, or file something? Such effects need no
// undoing. The list is closed: a new kind counts as a restriction until it is named here.
bool only_tells(std::string_view effect_kind);

}  // namespace entente::acts

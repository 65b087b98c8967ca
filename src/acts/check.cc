// SPDX-License-Identifier: Apache-2.0
//
// What is proved, and how the words are meant:
//   the end          finality is closed; or issue is withdrawn or lapsed, nothing is restricted and
//   nothing is still
//                    being put back.
//   restricting      the regime's `restricting` states; the ones of execution are taken together.
//   the issuer       every role in the position "issuer", its node included: a right may not hang
//   on it (I2). the person hit   the role "user". a restoring move marked `restores`, or leading
//   into a state that the regime calls `restored`. signatures       those a person has to give;
//   moves that a "…_system" role can make cost nothing.
#include "entente/acts/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

#include "machine.h"
#include "references.h"

namespace entente::acts {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kProperties = {{
    {"P1", "Every state the regime names can be reached, and every move can happen."},
    {"P2", "There is no trap: from every reachable state the end can still be reached."},
    {"P3",
     "Nobody is restricted before reasons, legal basis, the log, a signature and the validation "
     "demanded."},
    {"P4",
     "The person a restriction hits can challenge it without the issuer, and the issuer cannot "
     "dispose of it."},
    {"P5",
     "Every restriction can be reversed without the issuer, and no effect of it survives the "
     "reversal."},
    {"P6",
     "Every restriction and seal has a live exit timer; what is only passed through has a live "
     "duty clock."},
    {"P7", "Giving a right back needs fewer signatures than taking it."},
    {"P8",
     "Everything the regime names exists, in both languages; a notice puts no deadline on its "
     "addressee."},
}};

constexpr std::string_view kPersonHit = "user";
constexpr std::string_view kIssuer = "issuer";

class Checker {
 public:
  Checker(const Regime& regime, const Machine& machine, const Graph& graph)
      : regime_(regime), machine_(machine), graph_(graph) {
    for (const auto& s : regime.restricting)
      (s.region == Region::kExecution ? restricting_.mask : other_restricting_mask(s)) |= s.mask;
    for (const auto& s : regime.restored)
      if (s.region == Region::kExecution) restored_.mask |= s.mask;
    for (const auto state : graph.states)
      for (std::size_t r = 0; r < kRegions; ++r)
        reached_[r] |= 1U << Machine::at(state, static_cast<Region>(r));
  }

  std::vector<Finding> all() {
    everything_happens();
    no_trap();
    grounds_first();
    contestable();
    reversible();
    ends();
    fewer_signatures();
    no_deadline_on_a_notice();
    return std::move(findings_);
  }

 private:
  std::uint32_t& other_restricting_mask(const StateSet& s) {
    for (auto& o : others_)
      if (o.region == s.region) return o.mask;
    others_.push_back({s.region, 0});
    return others_.back().mask;
  }

  StateIndex execution(std::uint32_t i) const {
    return Machine::at(graph_.states[i], Region::kExecution);
  }
  bool restricts(std::uint32_t i) const { return restricting_.has(execution(i)); }
  std::string_view execution_name(std::uint32_t i) const {
    return state_name(Region::kExecution, execution(i));
  }

  // The first finding of a kind is the one with the shortest path: states come in breadth-first
  // order.
  void report(std::string property, std::string detail, std::vector<std::string> path) {
    const bool known = std::any_of(findings_.begin(), findings_.end(), [&](const Finding& f) {
      return f.property == property && f.detail == detail;
    });
    if (!known) findings_.push_back({std::move(property), std::move(detail), std::move(path)});
  }
  std::vector<std::string> path(std::uint32_t state,
                                std::optional<std::uint32_t> then = std::nullopt) const {
    return graph_.path(regime_, state, then);
  }

  bool some_role(const Move& m, bool (*wanted)(const Role&, const std::string&)) const {
    return std::any_of(m.by.begin(), m.by.end(),
                       [&](const std::string& name) { return wanted(*regime_.role(name), name); });
  }
  bool without_issuer(const Move& m) const {
    return some_role(m, [](const Role& r, const std::string&) { return r.position != kIssuer; });
  }
  bool by_issuer(const Move& m) const {
    return some_role(m, [](const Role& r, const std::string&) { return r.position == kIssuer; });
  }
  // The moves through which a node, not the issuer's, ends something.
  bool by_other_node(const Move& m) const {
    return some_role(m, [](const Role& r, const std::string&) {
      return r.position != kIssuer && r.key == KeyKind::kNode;
    });
  }
  int cost(const Move& m) const {
    const bool automatic = some_role(m, [](const Role& r, const std::string& name) {
      return r.key == KeyKind::kNode && name.ends_with("_system");
    });
    return automatic ? 0 : m.signatures;
  }

  // P1
  void named(const StateSet& set, const std::string& where) {
    const auto missing = set.mask & ~reached_[static_cast<std::size_t>(set.region)];
    for (std::size_t i = 0; i < region_states(set.region).size(); ++i)
      if ((missing >> i & 1U) != 0)
        report(
            "P1",
            fmt::format("{} names {}={}, which cannot be reached", where, region_name(set.region),
                        state_name(set.region, static_cast<StateIndex>(i))),
            {});
  }
  void named(const std::vector<Condition>& conditions, const std::string& where) {
    for (const auto& c : conditions)
      if (c.event.empty()) named(c.states, where);
  }
  void everything_happens() {
    std::vector<bool> happens(regime_.moves.size());
    for (const auto& e : graph_.edges) happens[e.move] = true;
    for (std::size_t i = 0; i < regime_.moves.size(); ++i) {
      const Move& m = regime_.moves[i];
      const std::string where = "move " + m.name;
      if (!happens[i]) report("P1", where + " can never happen", {});
      if (m.has_region) {
        named(m.from, where);
        named({m.from.region, 1U << m.to}, where);
      }
      named(m.when, where);
      for (const auto& t : m.then) {
        named(t.from, where);
        named({t.from.region, 1U << t.to}, where);
      }
    }
    for (const auto& c : regime_.clocks) named(c.live, "clock " + c.id);
    for (const auto& e : regime_.effects) {
      named(e.enters, "effect " + e.kind);
      if (e.undone) named(e.undone_enters, "effect " + e.kind);
      named(e.when, "effect " + e.kind);
    }
    for (const auto& s : regime_.restricting) named(s, "restricting");
    for (const auto& s : regime_.restored) named(s, "restored");
  }

  // The states from which some state of `goal` can be reached over the edges that `allowed` lets
  // pass.
  template <class Allowed>
  std::vector<bool> can_reach(std::vector<bool> goal, const Allowed& allowed) const {
    std::vector<std::uint32_t> start(graph_.states.size() + 1);
    for (const auto& e : graph_.edges) ++start[e.to + 1];
    for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
    std::vector<std::uint32_t> incoming(graph_.edges.size());
    auto at = start;
    for (std::uint32_t i = 0; i < graph_.edges.size(); ++i) incoming[at[graph_.edges[i].to]++] = i;
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < goal.size(); ++i)
      if (goal[i]) open.push_back(i);
    while (!open.empty()) {
      const auto to = open.back();
      open.pop_back();
      for (auto k = start[to]; k < start[to + 1]; ++k) {
        const Edge& e = graph_.edges[incoming[k]];
        if (goal[e.from] || !allowed(e)) continue;
        goal[e.from] = true;
        open.push_back(e.from);
      }
    }
    return goal;
  }

  // P2
  bool is_end(std::uint32_t i) const {
    const Packed s = graph_.states[i];
    if (state_name(Region::kFinality, Machine::at(s, Region::kFinality)) == "closed") return true;
    const auto issue = state_name(Region::kIssue, Machine::at(s, Region::kIssue));
    if (issue != "withdrawn" && issue != "lapsed") return false;
    if (restricts(i) || execution_name(i) == "reversing") return false;
    return std::none_of(others_.begin(), others_.end(),
                        [&](const StateSet& o) { return o.has(Machine::at(s, o.region)); });
  }
  void no_trap() {
    std::vector<bool> goal(graph_.states.size());
    for (std::uint32_t i = 0; i < goal.size(); ++i) goal[i] = is_end(i);
    const auto good = can_reach(std::move(goal), [](const Edge&) { return true; });
    for (std::uint32_t i = 0; i < good.size(); ++i) {
      if (good[i]) continue;
      report("P2", fmt::format("no way to the end once execution is {}", execution_name(i)),
             path(i));
      return;
    }
  }

  // P3
  void grounds_first() {
    for (const auto& e : graph_.edges) {
      const Packed to = graph_.states[e.to];
      const std::string by = machine_.move(e.move).name;
      for (const auto& o : others_)
        if (o.has(Machine::at(to, o.region)) &&
            !o.has(Machine::at(graph_.states[e.from], o.region)) && !machine_.has_reasons(to))
          report("P3",
                 fmt::format("{} restricts before reasons and legal basis are given (SG01)", by),
                 path(e.from, e.move));
      if (!restricts(e.to) || restricts(e.from)) continue;
      std::string_view lacks;
      if (!machine_.has_reasons(to))
        lacks = "reasons and legal basis are given (SG01)";
      else if (state_name(Region::kIssue, Machine::at(to, Region::kIssue)) != "signed")
        lacks = "the act is signed";
      else if (Machine::at(to, Region::kPublication) == 0)
        lacks = "the act is in the log (SG12)";
      else if (!regime_.validation.empty() && !machine_.is_validated(to))
        lacks = "the act is validated (SG02)";
      if (!lacks.empty())
        report("P3", fmt::format("{} restricts before {}", by, lacks), path(e.from, e.move));
    }
  }

  // P4
  bool opens_review(std::size_t move, Packed s) const {
    const Move& m = regime_.moves[move];
    return !m.route.empty() && std::find(m.by.begin(), m.by.end(), kPersonHit) != m.by.end() &&
           machine_.possible(move, s);
  }
  bool can_challenge(Packed s) const {
    for (std::size_t m = 0; m < regime_.moves.size(); ++m)
      if (opens_review(m, s)) return true;
    return false;
  }
  // After the timers of seals have run out by themselves.
  bool can_challenge_once_opened(Packed s) const {
    for (const auto& c : regime_.clocks) {
      if (c.kind != ClockKind::kExit || c.then.empty() || !machine_.live(c, s)) continue;
      const auto move = static_cast<std::size_t>(regime_.move(c.then) - regime_.moves.data());
      const Move& m = regime_.moves[move];
      if (m.has_region && m.from.region == Region::kDisclosure && by_other_node(m) &&
          machine_.possible(move, s) && can_challenge(machine_.after(move, s)))
        return true;
    }
    return false;
  }
  void contestable() {
    for (std::uint32_t i = 0; i < graph_.states.size(); ++i) {
      const Packed s = graph_.states[i];
      if (!restricts(i) || can_challenge(s) || can_challenge_once_opened(s)) continue;
      report("P4",
             fmt::format("the {} cannot challenge while execution is {}", kPersonHit,
                         execution_name(i)),
             path(i));
    }
    for (const auto& e : graph_.edges) {
      const Move& m = machine_.move(e.move);
      const Packed s = graph_.states[e.from];
      if (!machine_.is_review_open(s) || machine_.is_review_open(graph_.states[e.to]) ||
          !by_issuer(m))
        continue;
      if (!m.has_region || m.from.region != Region::kReview || m.restores) continue;
      if (!open_on_route_of_person(m)) continue;
      report(
          "P4",
          fmt::format("the issuer can dispose of a challenge of the {} by {}", kPersonHit, m.name),
          path(e.from, e.move));
    }
  }
  bool open_on_route_of_person(const Move& decision) const {
    return std::any_of(regime_.moves.begin(), regime_.moves.end(), [&](const Move& m) {
      return !m.route.empty() && std::find(m.by.begin(), m.by.end(), kPersonHit) != m.by.end() &&
             (decision.routes.empty() || std::find(decision.routes.begin(), decision.routes.end(),
                                                   m.route) != decision.routes.end());
    });
  }

  // P5
  void reversible() {
    std::vector<bool> goal(graph_.states.size());
    for (std::uint32_t i = 0; i < goal.size(); ++i) goal[i] = restored_.has(execution(i));
    const auto good =
        can_reach(goal, [&](const Edge& e) { return without_issuer(machine_.move(e.move)); });
    for (std::uint32_t i = 0; i < good.size(); ++i) {
      if (restricts(i) && !good[i])
        report("P5",
               fmt::format("nobody but the issuer can reverse once execution is {}",
                           execution_name(i)),
               path(i));
      if (!goal[i]) continue;
      for (const auto e : machine_.in_force(graph_.states[i]))
        report("P5",
               fmt::format("effect {} is still in force once execution is {}",
                           regime_.effects[e].kind, execution_name(i)),
               path(i));
    }
  }

  // P6
  bool passed_through(StateIndex state) const {
    return std::any_of(regime_.effects.begin(), regime_.effects.end(), [&](const EffectRule& e) {
      const auto leads_on = [&](const StateSet& enters, const std::string& result) {
        const Move* m = result.empty() ? nullptr : regime_.move(result);
        return m != nullptr && enters.region == Region::kExecution && enters.has(state) &&
               m->has_region && m->from.region == Region::kExecution && m->from.has(state);
      };
      return leads_on(e.enters, e.result) || (e.undone && leads_on(e.undone_enters, e.undo_result));
    });
  }
  bool has_duty(Packed s) const {
    return std::any_of(regime_.clocks.begin(), regime_.clocks.end(), [&](const ClockRule& c) {
      return c.kind == ClockKind::kDuty &&
             std::any_of(c.live.begin(), c.live.end(),
                         [](const Condition& k) {
                           return k.event.empty() && k.states.region == Region::kExecution;
                         }) &&
             machine_.live(c, s);
    });
  }
  // A timer that ends a restriction of `region`: its move leaves that region's restricting states
  // or, for execution, ends the hold, after which there is nothing left to give back. An open
  // review may hold it up, never for good: the timer counts if it can act once the review is
  // decided.
  bool has_exit(const StateSet& restricting, Packed s) const {
    const Packed decided =
        machine_.is_review_open(s)
            ? Machine::with(s, Region::kReview, *state_from(Region::kReview, "upheld"))
            : s;
    for (const auto& c : regime_.clocks) {
      if (c.kind != ClockKind::kExit || c.then.empty() || !machine_.live(c, s)) continue;
      const auto move = static_cast<std::size_t>(regime_.move(c.then) - regime_.moves.data());
      const Move& m = regime_.moves[move];
      if (!by_other_node(m)) continue;
      for (const Packed here : {s, decided}) {
        if (!machine_.possible(move, here)) continue;
        const Packed next = machine_.after(move, here);
        if (!restricting.has(Machine::at(next, restricting.region))) return true;
        if (restricting.region == Region::kExecution && is_erased(next)) return true;
      }
    }
    return false;
  }
  static bool is_erased(Packed s) {
    return state_name(Region::kRetention, Machine::at(s, Region::kRetention)) == "erased";
  }
  void ends() {
    for (std::uint32_t i = 0; i < graph_.states.size(); ++i) {
      const Packed s = graph_.states[i];
      for (const auto& o : others_) {
        const auto here = Machine::at(s, o.region);
        if (o.has(here) && !has_exit(o, s))
          report("P6",
                 fmt::format("no exit timer runs while {} is {}", region_name(o.region),
                             state_name(o.region, here)),
                 path(i));
      }
      if (passed_through(execution(i))) {
        if (!has_duty(s))
          report("P6", fmt::format("no duty clock runs while execution is {}", execution_name(i)),
                 path(i));
      } else if (restricts(i) && !is_erased(s) && !has_exit(restricting_, s)) {
        report("P6", fmt::format("no exit timer runs while execution is {}", execution_name(i)),
               path(i));
      }
    }
  }

  // P7
  bool restoring(const Move& m) const {
    if (m.restores) return true;
    const auto back = [&](Region region, StateIndex to) {
      return std::any_of(regime_.restored.begin(), regime_.restored.end(),
                         [&](const StateSet& s) { return s.region == region && s.has(to); });
    };
    return (m.has_region && back(m.from.region, m.to)) ||
           std::any_of(m.then.begin(), m.then.end(),
                       [&](const Consequence& c) { return back(c.from.region, c.to); });
  }
  void fewer_signatures() {
    std::vector<int> best(graph_.states.size(), -1);
    std::vector<std::uint32_t> parent(graph_.states.size(), Graph::kNone);
    std::vector<std::size_t> first(graph_.states.size() + 1, graph_.edges.size());
    for (std::size_t i = graph_.edges.size(); i-- > 0;) first[graph_.edges[i].from] = i;
    std::vector<std::deque<std::pair<std::uint32_t, std::uint32_t>>> buckets(1);
    buckets[0].emplace_back(0U, Graph::kNone);
    for (std::size_t price = 0; price < buckets.size(); ++price) {
      while (!buckets[price].empty()) {
        const auto [state, by] = buckets[price].front();
        buckets[price].pop_front();
        if (best[state] >= 0) continue;
        best[state] = static_cast<int>(price);
        parent[state] = by;
        if (restricts(state)) return compare_prices(static_cast<int>(price), state, parent);
        for (auto k = first[state]; k < graph_.edges.size() && graph_.edges[k].from == state; ++k) {
          const auto total =
              price + static_cast<std::size_t>(cost(machine_.move(graph_.edges[k].move)));
          if (total >= buckets.size()) buckets.resize(total + 1);
          buckets[total].emplace_back(graph_.edges[k].to, static_cast<std::uint32_t>(k));
        }
      }
    }
  }
  void compare_prices(int price, std::uint32_t state, const std::vector<std::uint32_t>& parent) {
    std::vector<std::string> way;
    for (auto e = parent[state]; e != Graph::kNone; e = parent[graph_.edges[e].from]) {
      const Move& m = machine_.move(graph_.edges[e].move);
      way.push_back(m.by.front() + ":" + m.name);
    }
    std::reverse(way.begin(), way.end());
    for (const auto& m : regime_.moves)
      if (restoring(m) && m.signatures >= price)
        report("P7",
               fmt::format("{} needs {} signature(s); restricting needs only {}", m.name,
                           m.signatures, price),
               way);
  }

  // P8, the part that needs the machine (SG32).
  void no_deadline_on_a_notice() {
    if (regime_.mode != "notice") return;
    for (std::uint32_t i = 0; i < graph_.states.size(); ++i) {
      if (execution(i) != 0) continue;
      for (const auto& c : regime_.clocks)
        if (c.kind == ClockKind::kDuty && regime_.role(c.owner)->position == "addressee" &&
            machine_.live(c, graph_.states[i]) && !machine_.is_review_open(graph_.states[i]))
          report("P8",
                 fmt::format("clock {} puts a deadline on the addressee of a notice (SG32)", c.id),
                 path(i));
    }
  }

  const Regime& regime_;
  const Machine& machine_;
  const Graph& graph_;
  StateSet restricting_{Region::kExecution, 0};
  StateSet restored_{Region::kExecution, 0};
  std::vector<StateSet> others_;  // restricting states of other regions: seals
  std::array<std::uint32_t, kRegions> reached_{};
  std::vector<Finding> findings_;
};

}  // namespace

Report check_regime(const Regime& regime) {
  Report out{regime.name(), 0, check_references(regime)};
  if (!out.ok()) return out;
  const Machine machine(regime);
  if (!machine.fits()) {
    out.findings.push_back(
        {"P8", "more review routes, clocks, effects and event conditions than can be proved", {}});
    return out;
  }
  const Graph graph = explore(machine);
  out.states = graph.states.size();
  if (!graph.complete) {
    out.findings.push_back(
        {"P8", fmt::format("more than {} states: too large to prove", Graph::kMaxStates), {}});
    return out;
  }
  out.findings = Checker(regime, machine, graph).all();
  return out;
}

std::string to_text(const Finding& f) {
  std::string out = f.property + " " + f.detail;
  if (!f.path.empty()) out += fmt::format("; path: {}", fmt::join(f.path, " > "));
  return out;
}

std::vector<std::pair<std::string_view, std::string_view>> properties() {
  return {kProperties.begin(), kProperties.end()};
}

}  // namespace entente::acts

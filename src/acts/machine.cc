// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <algorithm>
#include <unordered_map>

namespace entente::acts {
namespace {

// What `then` and `to` do to a region, in the packed word.
Packed consequence(Packed s, const Consequence& c) {
  const auto here = Machine::at(s, c.from.region);
  return c.from.has(here) ? Machine::with(s, c.from.region, c.to) : s;
}

bool in(const StateSet& set, Packed s) {
  return set.has(Machine::at(s, set.region));
}

}  // namespace

bool only_tells(std::string_view kind) {
  const auto dot = kind.find('.');
  const auto family = kind.substr(0, dot);
  const auto verb = dot == std::string_view::npos ? std::string_view() : kind.substr(dot + 1);
  return family == "act" || family == "record" || verb.starts_with("inform") ||
         verb.starts_with("acknowledge");
}

Packed Machine::new_flag() {
  if (next_flag_ >= 64) {
    fits_ = false;
    return 0;
  }
  return Packed{1} << next_flag_++;
}

Packed Machine::event_flag(const std::string& move) {
  const auto it = event_flags_.find(move);
  if (it != event_flags_.end()) return it->second;
  return event_flags_[move] = new_flag();
}

std::vector<Machine::Condition> Machine::compile(const std::vector<acts::Condition>& conditions) {
  std::vector<Condition> out;
  out.reserve(conditions.size());
  for (const auto& c : conditions)
    out.push_back({c.negated, c.event.empty() ? 0 : event_flag(c.event), c.states});
  return out;
}

Machine::Machine(const Regime& regime) : regime_(regime), moves_(regime.moves.size()) {
  for (const auto& m : regime.moves)
    if (!m.route.empty() && std::find(routes_.begin(), routes_.end(), m.route) == routes_.end())
      routes_.push_back(m.route);
  if (routes_.size() > 15) fits_ = false;
  for (std::size_t i = 0; i < moves_.size(); ++i) moves_[i].when = compile(regime.moves[i].when);
  for (const auto& c : regime.clocks) {
    clock_live_.push_back(compile(c.live));
    clock_flags_.push_back(c.per_review ? 0 : new_flag());
  }
  for (std::size_t i = 0; i < regime.effects.size(); ++i)
    if (!only_tells(regime.effects[i].kind)) effects_.push_back({i, new_flag()});
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    const Move& m = regime.moves[i];
    Compiled& c = moves_[i];
    c.reasons = std::find(m.safeguards.begin(), m.safeguards.end(), "SG01") != m.safeguards.end();
    if (const auto f = event_flags_.find(m.name); f != event_flags_.end()) c.sets |= f->second;
    for (std::size_t k = 0; k < regime.clocks.size(); ++k) {
      const auto& rule = regime.clocks[k];
      const bool starts =
          std::find(rule.starts.begin(), rule.starts.end(), m.name) != rule.starts.end() ||
          std::any_of(rule.anchors.begin(), rule.anchors.end(),
                      [&](const auto& a) { return a.second == m.name; });
      if (starts) c.sets |= clock_flags_[k];
      if (rule.id == m.after_due) c.waits_for = k;
    }
    if (!m.route.empty())
      c.route = static_cast<std::size_t>(std::find(routes_.begin(), routes_.end(), m.route) -
                                         routes_.begin()) +
                1;
    if (m.routes.empty()) continue;
    c.routes = 0;
    for (std::size_t r = 0; r < routes_.size(); ++r)
      if (std::find(m.routes.begin(), m.routes.end(), routes_[r]) != m.routes.end())
        c.routes |= 1U << (r + 1);
  }
}

bool Machine::all_hold(const std::vector<Condition>& conditions, Packed s) const {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& c) {
    const bool value = c.flag != 0 ? (s & c.flag) != 0 : in(c.states, s);
    return value != c.negated;
  });
}

bool Machine::live(std::size_t clock, Packed s) const {
  const auto& rule = regime_.clocks[clock];
  if (rule.per_review) {
    const auto route = s >> kRouteShift & 0xFU;
    if (!is_review_open(s) || route == 0) return false;
    if (!rule.route.empty() && routes_[route - 1] != rule.route) return false;
  } else if ((s & clock_flags_[clock]) == 0) {
    return false;
  }
  return all_hold(clock_live_[clock], s);
}

bool Machine::live(const ClockRule& rule, Packed s) const {
  return live(static_cast<std::size_t>(&rule - regime_.clocks.data()), s);
}

bool Machine::possible(std::size_t i, Packed s) const {
  const Move& m = regime_.moves[i];
  const Compiled& c = moves_[i];
  if ((s & kStarted) == 0 && !m.drafts) return false;
  if (m.has_region && !in(m.from, s)) return false;
  if (!m.routes.empty() &&
      (!is_review_open(s) || (c.routes >> (s >> kRouteShift & 0xFU) & 1U) == 0))
    return false;
  if (c.waits_for && !live(*c.waits_for, s)) return false;
  return all_hold(c.when, s);
}

Packed Machine::after(std::size_t i, Packed s) const {
  const Move& m = regime_.moves[i];
  const Compiled& c = moves_[i];
  Packed next = (s | kStarted | c.sets);
  if (m.drafts)
    next &= ~(kReasons | kValidated);  // a new draft has to be reasoned and validated anew
  if (c.reasons) next |= kReasons;
  if (m.name == regime_.validation) next |= kValidated;
  if (m.has_region) next = with(next, m.from.region, m.to);
  for (const auto& t : m.then) next = consequence(next, t);
  if (c.route != 0)
    next = (next & ~(Packed{0xF} << kRouteShift)) | (Packed{c.route} << kRouteShift);
  if (!is_review_open(next)) next &= ~(Packed{0xF} << kRouteShift);
  for (const auto& e : effects_) {
    const auto& rule = regime_.effects[e.index];
    // `when` is left out: an effect that may be wanted counts as wanted.
    if (in(rule.enters, next) && !in(rule.enters, s)) next |= e.flag;
    if (rule.undone && in(rule.undone_enters, next) && !in(rule.undone_enters, s)) next &= ~e.flag;
  }
  return next;
}

std::vector<std::size_t> Machine::in_force(Packed s) const {
  std::vector<std::size_t> out;
  for (const auto& e : effects_)
    if ((s & e.flag) != 0) out.push_back(e.index);
  return out;
}

Graph explore(const Machine& machine) {
  Graph g;
  std::unordered_map<Packed, std::uint32_t> index;
  index.reserve(1U << 16U);
  g.states.push_back(0);
  g.reached_by.push_back(Graph::kNone);
  index.emplace(0, 0);
  const auto moves = static_cast<std::uint32_t>(machine.regime().moves.size());
  for (std::uint32_t from = 0; from < g.states.size(); ++from) {
    const Packed s = g.states[from];
    for (std::uint32_t m = 0; m < moves; ++m) {
      if (!machine.possible(m, s)) continue;
      const Packed next = machine.after(m, s);
      if (next == s) {
        g.edges.push_back({from, from, m});
        continue;
      }
      const auto [it, fresh] = index.emplace(next, static_cast<std::uint32_t>(g.states.size()));
      if (fresh) {
        if (g.states.size() >= Graph::kMaxStates) {
          g.complete = false;
          return g;
        }
        g.states.push_back(next);
        g.reached_by.push_back(static_cast<std::uint32_t>(g.edges.size()));
      }
      g.edges.push_back({from, it->second, m});
    }
  }
  return g;
}

std::vector<std::string> Graph::path(const Regime& regime, std::uint32_t state,
                                     std::optional<std::uint32_t> then) const {
  std::vector<std::string> out;
  const auto say = [&](std::uint32_t m) {
    out.push_back(regime.moves[m].by.front() + ":" + regime.moves[m].name);
  };
  if (then) say(*then);
  for (auto e = reached_by[state]; e != kNone; e = reached_by[edges[e].from]) say(edges[e].move);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace entente::acts

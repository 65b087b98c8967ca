// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "entente/acts/apply.h"

namespace entente::acts {
namespace {

using std::chrono::days;
using std::chrono::hours;

Instant ceil_to_hour(Instant t) {
  const auto floor = std::chrono::floor<hours>(t);
  return floor == t ? t : Instant(floor + hours(1));
}

bool is_working_day(Instant t) {
  const std::chrono::weekday day{std::chrono::floor<days>(t)};
  return day != std::chrono::Saturday && day != std::chrono::Sunday;
}

// Reg. 1182/71 Art. 3: the hour (or day) of the event is not counted; hours run through week-ends;
// a period in days, weeks or months ends with its last day and rolls to the next working day. It
// only ever lengthens a duty or a window; seals, holds and restrictions end strictly (legal.md §0,
// asymmetry rule).
Instant due_1182(const ClockRule& rule, const Period& period, Instant start, Instant strict) {
  if (rule.kind == ClockKind::kExit) return strict;
  if (period.in_hours()) return period.after(ceil_to_hour(start));
  auto day = std::chrono::floor<days>(strict);
  while (!is_working_day(day)) day += days(1);
  return Instant(day + days(1)) - Millis(1);
}

const Event* latest_start(const ActState& state, const Regime& regime, const ClockRule& rule,
                          std::string_view role, std::optional<std::size_t> target,
                          std::string_view party) {
  const auto anchor = rule.anchors.find(std::string(role));
  const Event* best = nullptr;
  // By time, not by place in the fold: of two concurrent starts the later instant counts, whatever
  // their ids.
  const auto consider = [&](std::string_view move, std::string_view by) {
    // A judgment moves every target, whatever number its step bears.
    const Move* rule_of = regime.move(move);
    const bool one_target =
        rule_of == nullptr || !rule_of->has_region || rule_of->from.region == Region::kExecution;
    for (const auto& e : state.events) {
      if (e.move != move || (!by.empty() && e.party != by)) continue;
      if (one_target && target && e.target && *e.target != *target) continue;
      if (best == nullptr || e.at > best->at) best = &e;
    }
  };
  if (anchor != rule.anchors.end())
    consider(anchor->second, party);
  else
    for (const auto& move : rule.starts) consider(move, {});
  return best;
}

std::string_view form_text(const ActState& state, std::string_view pointer) {
  const auto* v = json::at_pointer(state.form, pointer);
  return v != nullptr && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

// The period that counts here: the regime's, or the one of the act's own form within the regime's
// bound: a window cannot be made shorter than the law's, nor an exit later.
Period period_of(const ActState& state, const ClockRule& rule, Instant start) {
  if (rule.period_from.empty()) return rule.period;
  const auto stated = parse_period(form_text(state, rule.period_from));
  if (!stated) return rule.period;
  const bool bounded = !(rule.period == Period{});
  const bool later = stated->after(start) > rule.period.after(start);
  if (bounded && rule.kind == ClockKind::kExit && later) return rule.period;
  if (bounded && rule.kind == ClockKind::kWindow && !later) return rule.period;
  return *stated;
}

// The instant that stands in the form; for an exit never later than the regime's period.
std::optional<Instant> instant_of(const ActState& state, const ClockRule& rule, Instant start) {
  if (!rule.due_from.starts_with('/')) return std::nullopt;
  const auto stated = parse_rfc3339(form_text(state, rule.due_from));
  if (!stated) return std::nullopt;
  return rule.kind == ClockKind::kExit ? std::min(*stated, rule.period.after(start)) : *stated;
}

bool applies(const ActState& state, const ClockRule& rule) {
  if (rule.only_if.empty()) return true;
  const auto eq = rule.only_if.find('=');
  const auto* v = json::at_pointer(state.form, rule.only_if.substr(0, eq));
  return v != nullptr && v->is_string() &&
         std::string_view(v->get_string()) == rule.only_if.substr(eq + 1);
}

}  // namespace

std::optional<ClockInstance> clock_for(const ActState& state, const Regime& regime,
                                       const ClockRule& rule, std::string_view role,
                                       std::optional<std::size_t> target, std::string_view review) {
  if (!applies(state, rule)) return std::nullopt;
  ClockInstance c;
  c.id = rule.id;
  c.kind = rule.kind;
  c.owner = rule.owner;
  c.then = rule.then;
  if (rule.per_target) c.target = target;
  if (rule.per_review) {
    const auto it = std::find_if(state.reviews.begin(), state.reviews.end(), [&](const Review& r) {
      return r.id == review && (rule.route.empty() || r.route == rule.route);
    });
    if (it == state.reviews.end()) return std::nullopt;
    c.review = it->id;
    c.started = it->opened;
  } else {
    // A window runs from the own receipt of whoever claims it (I8). The person hit has no node:
    // told is told, by whichever participant the law charges with it.
    std::string_view party;
    if (const Role* r = regime.role(role); r != nullptr && role != "user") {
      const auto p = state.participants.find(r->position);
      if (p != state.participants.end()) party = p->second;
    }
    if (!rule.anchors.empty()) c.role = std::string(role);
    const Event* start =
        latest_start(state, regime, rule, role, rule.per_target ? target : std::nullopt, party);
    if (start == nullptr) return std::nullopt;
    c.started = start->at;
  }
  const Period period = period_of(state, rule, c.started);
  const auto stated = instant_of(state, rule, c.started);
  // Neither the law nor the act names an end: nothing runs.
  if (!stated && period == Period{} &&
      (!rule.period_from.empty() || rule.due_from.starts_with('/')))
    return std::nullopt;
  c.due = stated.value_or(period.after(c.started));
  if (rule.due_from == "unseal_at" && state.unseal_at) c.due = *state.unseal_at;
  if (rule.due_from == "retention_until" && state.retention_until) c.due = *state.retention_until;
  // An instant that the act itself names is what it is: there is nothing to roll.
  c.due_1182 = stated ? c.due : due_1182(rule, period, c.started, c.due);
  return c;
}

std::vector<ClockInstance> clocks(const ActState& state, const Regime& regime) {
  std::vector<ClockInstance> out;
  const auto live = [&](const ClockRule& rule, std::optional<std::size_t> target) {
    return std::all_of(rule.live.begin(), rule.live.end(),
                       [&](const Condition& c) { return holds(state, c, target); });
  };
  const auto add = [&](const ClockRule& rule, std::string_view role,
                       std::optional<std::size_t> target, std::string_view review) {
    if (!live(rule, target)) return;
    if (auto c = clock_for(state, regime, rule, role, target, review)) out.push_back(*std::move(c));
  };
  for (const auto& rule : regime.clocks) {
    if (rule.per_target) {
      for (std::size_t i = 0; i < state.execution.size(); ++i) add(rule, rule.owner, i, {});
    } else if (rule.per_review) {
      for (const auto& r : state.reviews)
        if (r.state == 1) add(rule, rule.owner, std::nullopt, r.id);
    } else if (!rule.anchors.empty()) {
      for (const auto& [role, move] : rule.anchors) add(rule, role, std::nullopt, {});
    } else {
      add(rule, rule.owner, std::nullopt, {});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.due < b.due; });
  return out;
}

}  // namespace entente::acts

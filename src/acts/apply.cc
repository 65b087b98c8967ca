// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/apply.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/acts/safeguards.h"

namespace entente::acts {
namespace {

constexpr auto kExecution = static_cast<std::size_t>(Region::kExecution);
constexpr auto kReview = static_cast<std::size_t>(Region::kReview);

Unexpected refuse(std::string rule, std::string detail, std::string field = {},
                  std::string mend = {}) {
  return fail(
      Error{Code::kRefused, std::move(detail), std::move(field), std::move(rule), std::move(mend)});
}

bool condition_states(const ActState& s, const StateSet& set, std::optional<std::size_t> target) {
  if (set.region == Region::kExecution) {
    if (target) return *target < s.execution.size() && set.has(s.execution[*target].state);
    return std::any_of(s.execution.begin(), s.execution.end(),
                       [&](const TargetState& t) { return set.has(t.state); });
  }
  return set.has(s.region[static_cast<std::size_t>(set.region)]);
}

// The act's own value of a region made of several machines: the least advanced target, the gravest
// review.
void derive(ActState& s) {
  if (!s.execution.empty()) {
    const auto first = std::min_element(
        s.execution.begin(), s.execution.end(),
        [](const TargetState& a, const TargetState& b) { return a.state < b.state; });
    s.region[kExecution] = first->state;
    s.region_step[kExecution] = first->by_step;
  }
  // Open beats everything, else annulled > infringed > upheld > none.
  StateIndex value = 0;
  std::string by;
  for (const auto& r : s.reviews) {
    const bool open_now = r.state == 1;
    if ((value != 1 && r.state > value) || open_now) {
      value = r.state;
      by = r.by_step;
    }
    if (value == 1) break;
  }
  s.region[kReview] = value;
  s.region_step[kReview] = by;
}

Result<void> check_hands(const ActState& state, const Step& step, const Regime& regime,
                         const Move& move) {
  std::set<std::string> signers;  // natural persons, and nodes by their party: a node counts once
  for (const auto& hand : step.by) {
    const Role* role = regime.role(hand.role);
    if (role == nullptr)
      return refuse("role", fmt::format("{} has no role \"{}\"", regime.name(), hand.role), "/by");
    if (std::find(move.by.begin(), move.by.end(), hand.role) == move.by.end())
      return refuse("role", fmt::format("a {} may not {}", hand.role, move.name), "/by",
                    "this move belongs to: " + fmt::format("{}", fmt::join(move.by, ", ")));
    if ((role->key == KeyKind::kPerson) == hand.person.empty())
      return refuse(role->key == KeyKind::kPerson ? "SG21" : "role",
                    role->key == KeyKind::kPerson
                        ? "a natural person must make this move; a machine cannot"
                        : "this move is made by the node, not by a person",
                    "/by");
    // Once the act names its participants, a role's hand must come from the participant in that
    // position.
    const auto it = state.participants.find(role->position);
    if (state.started() && (it == state.participants.end() || it->second != hand.party))
      return refuse("role", fmt::format("{} is not the {} of this act", hand.party, role->position),
                    "/by");
    signers.insert(hand.person.empty() ? "node " + hand.party : "person " + hand.person);
  }
  if (static_cast<int>(signers.size()) < move.signatures)
    return refuse("SG03",
                  fmt::format("{} needs {} distinct signatures; {} given", move.name,
                              move.signatures, signers.size()),
                  "/by");
  return {};
}

// SG03: one natural person cannot hold two of a separated set of roles on one act.
Result<void> check_separation(const ActState& state, const Step& step, const Regime& regime) {
  for (const auto& group : regime.separate) {
    for (const auto& hand : step.by) {
      if (hand.person.empty() || std::find(group.begin(), group.end(), hand.role) == group.end())
        continue;
      for (const auto& other : step.by)
        if (other.person == hand.person && other.role != hand.role &&
            std::find(group.begin(), group.end(), other.role) != group.end())
          return refuse("SG03",
                        fmt::format("the same person signs as {} and as {}", hand.role, other.role),
                        "/by", "another person must sign");
      for (const auto& e : state.events) {
        if (e.person != hand.person || e.role == hand.role) continue;
        if (std::find(group.begin(), group.end(), e.role) == group.end()) continue;
        return refuse(
            "SG03",
            fmt::format("the same person already acted as {} on this act and cannot act as {}",
                        e.role, hand.role),
            "/by", "another person must take this step");
      }
    }
  }
  return {};
}

Result<void> check_times(const ActState& state, const Step& step, const Regime& regime,
                         const Move& move) {
  const auto role = step.author().role;
  if (!move.within.empty()) {
    const auto* rule = regime.clock(move.within);
    const auto c = rule == nullptr
                       ? std::nullopt
                       : clock_for(state, regime, *rule, role, step.target, step.review);
    if (c && step.at > c->due_1182)
      return refuse("window",
                    fmt::format("the time for this ended at {}", format_rfc3339(c->due_1182)),
                    "/at", "other remedies stay open: see the redress block of the act");
  }
  if (!move.after_due.empty()) {
    const auto* rule = regime.clock(move.after_due);
    const auto c = rule == nullptr
                       ? std::nullopt
                       : clock_for(state, regime, *rule, role, step.target, step.review);
    if (!c)
      return refuse("clock", fmt::format("the clock \"{}\" has not started", move.after_due),
                    "/at");
    if (step.at < c->due_1182)
      return refuse("clock", fmt::format("too early: due at {}", format_rfc3339(c->due_1182)),
                    "/at");
  }
  return {};
}

bool on_route(const Move& move, const Review& review) {
  return move.routes.empty() ||
         std::find(move.routes.begin(), move.routes.end(), review.route) != move.routes.end();
}

// What a step points at must be there, and a decision must be one of the route it decides: the
// issuer's answer to a recommendation cannot dispose of a challenge before the court.
Result<void> check_pointers(const ActState& state, const Step& step, const Move& move) {
  if (step.target && !move.drafts && *step.target >= state.execution.size())
    return refuse("form", "no such target", "/target");
  if (step.review.empty()) {
    if (!move.routes.empty())
      return refuse("form", "this move concerns one review", "/review",
                    "name the step that opened it");
    return {};
  }
  const auto it = std::find_if(state.reviews.begin(), state.reviews.end(),
                               [&](const Review& r) { return r.id == step.review; });
  if (it == state.reviews.end())
    return refuse("form", "no such review", "/review", "name the step that opened it");
  if (!on_route(move, *it))
    return refuse("route", fmt::format("{} does not decide a {} review", move.name, it->route),
                  "/review", fmt::format("it decides: {}", fmt::join(move.routes, ", ")));
  return {};
}

Result<void> check_from(const ActState& state, const Step& step, const Move& move) {
  if (!move.has_region) return {};
  const auto wrong = [&](StateIndex have) {
    return refuse("state",
                  fmt::format("{} is not possible while {} is {}", move.name,
                              region_name(move.from.region), state_name(move.from.region, have)));
  };
  if (move.from.region == Region::kExecution) {
    if (!step.target)
      return refuse("form", "this move concerns one target", "/target", "name the target's number");
    if (*step.target >= state.execution.size()) return refuse("form", "no such target", "/target");
    const auto have = state.execution[*step.target].state;
    if (!move.from.has(have)) return wrong(have);
  } else if (move.from.region == Region::kReview && move.route.empty()) {
    const auto it = std::find_if(state.reviews.begin(), state.reviews.end(),
                                 [&](const Review& r) { return r.id == step.review; });
    if (it == state.reviews.end())
      return refuse("form", "no such review", "/review", "name the step that opened it");
    if (!move.from.has(it->state)) return wrong(it->state);
  } else {
    const auto have = state.region[static_cast<std::size_t>(move.from.region)];
    if (!move.from.has(have)) return wrong(have);
  }
  return {};
}

Result<void> check_causality(const ActState& state, const Step& step) {
  if (state.seen.contains(step.id))
    return refuse("duplicate", "this step is already part of the act");
  for (const auto& a : step.after)
    if (!state.seen.contains(a))
      return refuse("causality", "the step names a predecessor that is not there", "/after");
  if (state.started() && step.after.empty())
    return refuse("causality", "a later step must name the steps it has seen", "/after");
  if (state.started() &&
      (step.act != state.act || step.dossier != state.dossier || step.regime != state.regime))
    return refuse("form", "act, dossier and regime must stay what the first step said", "/act");
  // The step must not be dated before what it answers, beyond what clocks may differ.
  for (const auto& e : state.events)
    if (std::binary_search(step.after.begin(), step.after.end(), e.step) &&
        step.at + kMaxSkew < e.at)
      return refuse("clock", "the step is dated before the step it answers", "/at");
  return {};
}

// The first step: who takes part, which targets, the form.
Result<void> take_draft(ActState& next, const Step& step, const Regime& regime) {
  json::Reader r(step.body, "/body");
  const auto& form = r.object("form");
  const auto& participants = r.object("participants");
  const auto& targets = r.array("targets", kMaxTargets);
  ENTENTE_CHECK_OK(r.done());
  next.form = form;
  next.draft = step.id;
  next.participants.clear();
  json::Reader p(participants, "/body/participants");
  for (const auto& position : regime.positions)
    next.participants[position] = p.text(position, {.min = 3, .max = 253});
  ENTENTE_CHECK_OK(p.done());
  for (const auto& hand : step.by)
    if (next.participants[regime.role(hand.role)->position] != hand.party)
      return refuse("role", "the author is not the participant it claims to speak for",
                    "/body/participants");
  next.targets.clear();
  next.execution.clear();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string path = fmt::format("/body/targets/{}", i);
    if (!targets[i].is_object()) return refuse("SG05", "a target must be an object", path);
    json::Reader t(targets[i].get_object(), path);
    Target target;
    target.kind = t.text("kind", {.max = 20});
    target.value = t.text("value", {.max = 2048});
    target.evidence_sha256 = t.text_if("evidence_sha256", {.min = 64, .max = 64}).value_or("");
    ENTENTE_CHECK_OK(t.done());
    ENTENTE_TRY(canonical_value, canonical_target(target.kind, target.value));
    target.canonical = canonical_value;
    next.targets.push_back(std::move(target));
    next.execution.push_back({0, step.id, step.at});
  }
  return {};
}

void move_region(ActState& next, Region region, StateIndex to, const Step& step) {
  next.region[static_cast<std::size_t>(region)] = to;
  next.region_step[static_cast<std::size_t>(region)] = step.id;
}

void take_consequence(ActState& next, const Consequence& c, const Step& step) {
  if (c.from.region == Region::kExecution) {
    for (auto& t : next.execution)
      if (c.from.has(t.state)) t = {c.to, step.id, step.at};
  } else if (c.from.has(next.region[static_cast<std::size_t>(c.from.region)])) {
    move_region(next, c.from.region, c.to, step);
  }
}

// Instants that later clocks end at: `unseal_at` and `retention_until` in the body of a sealing or
// holding step, or the regime's own period when a hold begins by consequence.
void take_instants(ActState& next, const ActState& before, const Step& step, const Regime& regime) {
  const auto entered = [&](Region r, std::string_view state) {
    const auto i = static_cast<std::size_t>(r);
    return next.region[i] != before.region[i] && state_name(r, next.region[i]) == state;
  };
  if (entered(Region::kDisclosure, "sealed") || entered(Region::kDisclosure, "extended")) {
    if (const auto t = parse_rfc3339(json::text_or(step.body, "unseal_at"))) next.unseal_at = *t;
  }
  // Each item is kept for the whole period from its own removal, so a later removal moves the end;
  // it never comes nearer.
  const auto held =
      state_name(Region::kRetention, next.region[static_cast<std::size_t>(Region::kRetention)]);
  for (const auto& c : regime.clocks) {
    if (c.due_from != "retention_until" || (held != "hold" && held != "extended")) continue;
    if (!entered(Region::kRetention, "hold") &&
        std::find(c.starts.begin(), c.starts.end(), step.move) == c.starts.end())
      continue;
    const Instant until = c.period.after(step.at);
    if (!next.retention_until || *next.retention_until < until) next.retention_until = until;
  }
  if (entered(Region::kRetention, "extended")) {
    if (const auto t = parse_rfc3339(json::text_or(step.body, "until"))) next.retention_until = *t;
  }
}

void record(ActState& next, const Step& step) {
  for (const auto& hand : step.by)
    next.events.push_back({step.move, hand.role, hand.party, hand.person, step.id, step.target,
                           step.review, step.at});
  next.seen.insert(step.id);
  std::erase_if(next.heads, [&](const std::string& h) {
    return std::binary_search(step.after.begin(), step.after.end(), h);
  });
  next.heads.insert(std::lower_bound(next.heads.begin(), next.heads.end(), step.id), step.id);
}

// Forms and safeguards see the draft in force, so they judge `next` before any region moves. A
// draft's form comes first: the safeguards read it. Elsewhere the safeguard comes first, so that a
// refusal bears its number.
Result<void> check_body(const ActState& next, const Step& step, const Regime& regime,
                        const Move& move) {
  if (move.drafts && !move.schema.empty() && !step.form_conforms)
    ENTENTE_CHECK_OK(check_form(regime, move.schema, json::Value(next.form), "/body/form"));
  for (const auto& number : move.safeguards)
    ENTENTE_CHECK_OK(find_safeguard(number)({next, step, regime, move}));
  if (!move.drafts && !move.schema.empty())
    ENTENTE_CHECK_OK(check_form(regime, move.schema, json::Value(step.body), "/body"));
  return {};
}

}  // namespace

bool holds(const ActState& state, const Condition& c, std::optional<std::size_t> target) {
  const bool value =
      c.event.empty() ? condition_states(state, c.states, target) : state.last(c.event) != nullptr;
  return value != c.negated;
}

bool restricted(const ActState& state, const Regime& regime) {
  return std::any_of(regime.restricting.begin(), regime.restricting.end(),
                     [&](const StateSet& s) { return condition_states(state, s, std::nullopt); });
}

Result<ActState> apply(const ActState& state, const Step& step, const Regime& regime, Instant now) {
  if (step.regime != regime.name())
    return refuse("regime", "the step belongs to " + step.regime, "/regime");
  if (step.at > now + kMaxSkew)
    return refuse("clock", "the step is dated in the future", "/at", "set the sender's clock");
  const Move* move = regime.move(step.move);
  if (move == nullptr)
    return refuse("move", fmt::format("{} has no move \"{}\"", regime.name(), step.move), "/move");
  ENTENTE_CHECK_OK(check_causality(state, step));
  if (!state.started() && !move->drafts)
    return refuse("state", "an act begins with its draft", "/move");
  ENTENTE_CHECK_OK(check_hands(state, step, regime, *move));
  ENTENTE_CHECK_OK(check_separation(state, step, regime));
  ENTENTE_CHECK_OK(check_pointers(state, step, *move));
  ENTENTE_CHECK_OK(check_from(state, step, *move));
  for (const auto& c : move->when)
    if (!holds(state, c, step.target))
      return refuse("state", fmt::format("{} needs {}", move->name, c.text));
  ENTENTE_CHECK_OK(check_times(state, step, regime, *move));

  ActState next = state;
  if (!state.started()) {
    next.act = step.act;
    next.dossier = step.dossier;
    next.regime = step.regime;
  }
  if (move->drafts) ENTENTE_CHECK_OK(take_draft(next, step, regime));
  ENTENTE_CHECK_OK(check_body(next, step, regime, *move));

  if (move->has_region) {
    if (move->from.region == Region::kExecution) {
      next.execution[*step.target] = {move->to, step.id, step.at};
    } else if (move->from.region == Region::kReview && !move->route.empty()) {
      next.reviews.push_back({step.id, move->route, step.author().role, step.at, 1, step.id});
    } else if (move->from.region == Region::kReview) {
      for (auto& r : next.reviews)
        if (r.id == step.review) {
          r.state = move->to;
          r.by_step = step.id;
        }
    } else {
      move_region(next, move->from.region, move->to, step);
    }
  }
  for (const auto& c : move->then) take_consequence(next, c, step);
  derive(next);
  take_instants(next, state, step, regime);
  record(next, step);
  return next;
}

std::vector<const Move*> possible(const ActState& state, const Regime& regime,
                                  std::string_view role, std::optional<std::size_t> target,
                                  Instant now) {
  std::vector<const Move*> out;
  Step probe;
  probe.at = now;
  probe.target = target;
  probe.by.push_back({{}, {}, std::string(role), {}});
  for (const auto& move : regime.moves) {
    if (std::find(move.by.begin(), move.by.end(), role) == move.by.end()) continue;
    if (!state.started() && !move.drafts) continue;
    if (move.has_region && move.from.region == Region::kExecution && !target) continue;
    if (move.has_region && move.from.region == Region::kReview && move.route.empty()) {
      if (std::none_of(state.reviews.begin(), state.reviews.end(), [&](const Review& r) {
            return move.from.has(r.state) && on_route(move, r);
          }))
        continue;
    } else if (!check_from(state, probe, move)) {
      continue;
    }
    if (!std::all_of(move.when.begin(), move.when.end(),
                     [&](const Condition& c) { return holds(state, c, target); }))
      continue;
    if (!check_times(state, probe, regime, move)) continue;
    out.push_back(&move);
  }
  return out;
}

}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// What follows from a step in the same transaction: deliveries, wanted effects and effects no
// longer wanted, the steps this node makes itself, and the projection that lists and queues read.
#include <fmt/format.h>

#include <algorithm>

#include "entente/core/id.h"
#include "entente/core/log.h"
#include "entente/crypto/sha256.h"
#include "entente/dossier/service.h"

namespace entente::dossier {
namespace {

// A node that answers its own steps with further steps stops here; no regime needs more than three.
constexpr int kMaxDepth = 8;

}  // namespace

// Our steps go to every other participant once the act has been sent; before that it is nobody
// else's business. The sending step takes everything before it along (exchange sends what a peer
// has not confirmed).
Result<void> Service::deliver(store::Tx& tx, const Loaded& loaded, const acts::Step& step) {
  if (loaded.state.last("send") == nullptr) return {};
  for (const auto& [position, party] : loaded.state.participants) {
    if (party == parts_.party) continue;
    effects::Effect e;
    e.key = fmt::format("deliver:{}:{}", step.id, party);
    if (e.key.size() > effects::kMaxKeyBytes)
      e.key = "deliver:" + step.id + ":" + to_hex(crypto::sha256(as_bytes(party))).substr(0, 32);
    e.kind = "deliver";
    e.act = loaded.state.act;
    e.payload = {{"to", party},
                 {"act", loaded.state.act},
                 {"serial_group", "deliver:" + party + ":" + loaded.state.act}};
    ENTENTE_TRY(fresh, effects::enqueue(tx, e, parts_.clock.now()));
    static_cast<void>(fresh);
  }
  return {};
}

Result<void> Service::want(store::Tx& tx, const Loaded& loaded,
                           const std::vector<acts::WantedEffect>& wanted,
                           std::vector<std::string>& made, int depth) {
  const std::string here = position(loaded.state);
  for (const auto& w : wanted) {
    if (w.at != here) continue;
    if (w.kind.starts_with("act.")) {
      ENTENTE_TRY(first, answer_once(tx, w.key, parts_.clock.now()));
      if (!first) continue;
      if (depth >= kMaxDepth) return fail(Code::kInternal, "steps that answer steps without end");
      ENTENTE_TRY(current, held(tx, w.act));
      ENTENTE_TRY(body, node_body(tx, w, *current));
      Wish wish{{}, w.act, w.result, {}, w.target, {}, std::move(body)};
      ENTENTE_TRY(signed_step, sign_as_node(wish, *current));
      ENTENTE_TRY(outcome, admit(tx, signed_step, Source::kNode, depth + 1));
      if (outcome.status == "applied") made.push_back(outcome.step);
      made.insert(made.end(), outcome.made.begin(), outcome.made.end());
      continue;
    }
    ENTENTE_CHECK_OK(enqueue(tx, w, loaded, {}));
  }
  return {};
}

Result<void> Service::enqueue(store::Tx& tx, const acts::WantedEffect& w, const Loaded& loaded,
                              const std::string& cause) {
  effects::Effect e;
  e.key = w.key;
  e.kind = w.kind;
  e.act = w.act;
  e.payload = {{"act", w.act}, {"result", w.result}, {"serial_group", "act:" + w.act}};
  if (w.target) e.payload["target"] = *w.target;
  if (!cause.empty()) e.payload["cause"] = cause;
  if (fill_effect_) ENTENTE_CHECK_OK(fill_effect_(tx, w, loaded, e));
  ENTENTE_TRY(fresh, effects::enqueue(tx, e, parts_.clock.now()));
  static_cast<void>(fresh);
  return {};
}

// A step that came late may go before one that already had effects, and take its ground away: the
// order was withdrawn while it was being accepted. What the fold no longer wants is called off, or
// undone if it has begun; nothing may stay restricted by a step that is refused.
Result<void> Service::take_back(store::Tx& tx, const Loaded& loaded,
                                const std::vector<acts::WantedEffect>& wanted) {
  effects::Filter filter;
  filter.act = loaded.state.act;
  filter.limit = effects::kMaxListed;
  const Instant now = parts_.clock.now();
  ENTENTE_TRY(entries, effects::list(tx, filter, now));
  const auto& rules = loaded.regime->effects;
  for (const auto& entry : entries) {
    const auto& e = entry.effect;
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const auto& r) { return r.undone && r.kind == e.kind; });
    if (rule == rules.end() || entry.state == effects::State::kCancelled ||
        entry.state == effects::State::kFailed ||
        std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return w.key == e.key; }))
      continue;
    ENTENTE_TRY(called_off, effects::cancel(tx, e.key, now));
    if (called_off) continue;
    acts::WantedEffect undo{"undo:" + e.key, rule->undo, rule->at, e.act, std::nullopt, true, {}};
    if (const auto* t = e.payload.if_contains("target")) undo.target = t->to_number<std::size_t>();
    ENTENTE_CHECK_OK(enqueue(tx, undo, loaded, e.key.substr(e.key.rfind(':') + 1)));
  }
  return {};
}

// Bodies of the steps a node makes by itself.
Result<json::Object> Service::node_body(store::Tx& tx, const acts::WantedEffect& effect,
                                        const Loaded& loaded) {
  if (effect.result == "send") {
    const auto* signature = loaded.state.last("sign");
    ENTENTE_TRY(leaf, leaf_of(tx, signature == nullptr ? loaded.state.draft : signature->step));
    if (!leaf) return fail(Code::kInternal, "the order has no leaf");
    return json::Object{{"leaf", {{"origin", leaf->origin}, {"index", leaf->index}}}};
  }
  if (effect.result == "receive" || effect.result == "receive_copy") {
    json::Object body{{"received_at", format_rfc3339(parts_.clock.now())},
                      {"contact_point", parts_.url}};
    if (const auto* sent = loaded.state.last("send"))
      body["sender_skew_ms"] = to_ms(sent->at) - to_ms(parts_.clock.now());
    return body;
  }
  return json::Object{};
}

Result<Service::Verified> Service::sign_as_node(const Wish& wish, const Loaded& loaded) {
  const acts::Regime* regime =
      loaded.regime != nullptr ? loaded.regime : parts_.regimes.find(wish.regime);
  if (regime == nullptr) return fail(Code::kNotFound, "no such regime");
  const acts::Move* move = nullptr;
  for (const auto& m : regime->moves)
    if (wish.move.empty() ? m.drafts : m.name == wish.move) move = &m;
  if (move == nullptr) return fail(Code::kNotFound, "the regime has no such move: " + wish.move);
  acts::Hand hand{parts_.party, {}, wish.role, parts_.node_key.public_key().id()};
  if (hand.role.empty()) {
    // The role of this move that the node holds in this act.
    const std::string here = loaded.state.started() ? position(loaded.state) : std::string();
    for (const auto& name : move->by) {
      const auto* role = regime->role(name);
      if (role->key == acts::KeyKind::kNode && (here.empty() || role->position == here)) {
        hand.role = name;
        break;
      }
    }
  }
  Verified v;
  v.step = step_from(wish, loaded, hand);
  v.step.move = move->name;
  v.step.regime = regime->name();
  v.regime = regime;
  v.envelope = {std::string(acts::kStepType), to_bytes(acts::step_payload(v.step)), {}};
  ENTENTE_CHECK_OK(crypto::sign(v.envelope, parts_.node_key));
  v.step.id = to_hex(crypto::sha256(v.envelope.payload));
  v.envelope_json = crypto::to_json(v.envelope);
  return v;
}

Result<Outcome> Service::make(store::Tx& tx, const Wish& wish) {
  auto loaded = std::make_shared<const Loaded>();
  if (!wish.act.empty()) {
    ENTENTE_TRY(l, held(tx, wish.act));
    loaded = std::move(l);
    if (!loaded->state.started()) return fail(Code::kNotFound, "no such act");
  }
  ENTENTE_TRY(v, sign_as_node(wish, *loaded));
  return admit(tx, v, Source::kNode, 0);
}

acts::Step Service::step_from(const Wish& wish, const Loaded& loaded,
                              const acts::Hand& hand) const {
  acts::Step s;
  s.at = parts_.clock.now();
  s.act = loaded.state.started() ? loaded.state.act : make_ulid(s.at, parts_.random);
  s.dossier = loaded.state.started() ? loaded.state.dossier : make_ulid(s.at, parts_.random);
  s.regime = loaded.regime != nullptr ? loaded.regime->name() : wish.regime;
  s.move = wish.move;
  s.by.push_back(hand);
  s.after = loaded.state.heads;
  s.target = wish.target;
  s.review = wish.review;
  s.body = wish.body;
  return s;
}

Result<Prepared> Service::prepare(const Wish& wish, const acts::Hand& hand) {
  return store::read_returning<Prepared>(parts_.store, [&](store::Tx& tx) -> Result<Prepared> {
    Loaded loaded;
    if (!wish.act.empty()) {
      ENTENTE_TRY(l, load(tx, wish.act));
      loaded = std::move(l);
      if (!loaded.state.started()) return fail(Code::kNotFound, "no such act");
    }
    const acts::Regime* regime =
        loaded.regime != nullptr ? loaded.regime : parts_.regimes.find(wish.regime);
    if (regime == nullptr)
      return fail(Code::kNotFound, "this node does not speak that regime", "/regime");
    Prepared p;
    p.step = step_from(wish, loaded, hand);
    p.step.regime = regime->name();
    if (p.step.move.empty())
      for (const auto& m : regime->moves)
        if (m.drafts) p.step.move = m.name;
    p.payload = acts::step_payload(p.step);
    p.step.id = to_hex(crypto::sha256(as_bytes(p.payload)));
    ENTENTE_TRY(next, acts::apply(loaded.state, p.step, *regime, parts_.clock.now()));
    if (regime->move(p.step.move)->drafts) ENTENTE_CHECK_OK(check_participants(tx, next, *regime));
    return p;
  });
}

// ── the projection
// ───────────────────────────────────────────────────────────────────────────────────────────────

// Does the act wait for a decision of ours? Execution still open, a review to decide, a draft to
// sign.
Result<void> Service::project(store::Tx& tx, const Loaded& loaded) {
  const auto& state = loaded.state;
  const auto& regime = *loaded.regime;
  const std::string here = position(state);
  const Instant now = parts_.clock.now();
  ActRow row;
  row.act = state.act;
  row.dossier = state.dossier;
  row.regime = state.regime;
  row.mode = regime.mode;
  row.position = here;
  row.created = row.updated = now;
  for (const auto& [name, role] : regime.roles) {
    if (role.position != here || role.key != acts::KeyKind::kPerson) continue;
    for (std::size_t t = 0; t < std::max<std::size_t>(state.execution.size(), 1); ++t) {
      for (const auto* move : acts::possible(state, regime, name, t, now)) {
        if (!move->has_region) continue;
        const bool decides = move->from.region == acts::Region::kExecution ||
                             (move->from.region == acts::Region::kReview && move->route.empty()) ||
                             (move->from.region == acts::Region::kIssue &&
                              acts::state_name(acts::Region::kIssue, move->to) == "signed");
        if (decides) row.waits = true;
      }
    }
  }
  for (const auto& c : acts::clocks(state, regime)) {
    const auto* owner = regime.role(c.role.empty() ? c.owner : c.role);
    if (c.kind == acts::ClockKind::kDuty && owner != nullptr && owner->position == here && !row.due)
      row.due = c.due;
    if (c.then.empty()) continue;
    const auto* then = regime.move(c.then);
    if (then == nullptr) continue;
    for (const auto& by : then->by) {
      const auto* role = regime.role(by);
      if (role->position == here && role->key == acts::KeyKind::kNode &&
          (!row.next || c.due_1182 < *row.next))
        row.next = c.due_1182;
    }
  }
  row.summary = {{"regions", regions_json(state)}, {"targets", state.targets.size()}};
  if (const auto it = state.participants.find("issuer"); it != state.participants.end())
    row.summary["from"] = it->second;
  if (const auto* received = state.last("receive"))
    row.summary["received_at"] = format_rfc3339(received->at);
  return put_act(tx, row);
}

}  // namespace entente::dossier

// SPDX-License-Identifier: Apache-2.0
#include "entente/dossier/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/core/id.h"
#include "entente/core/log.h"
#include "entente/crypto/sha256.h"

namespace entente::dossier {
namespace {

// A node that answers its own steps with further steps stops here; no regime needs more than three.
constexpr int kMaxDepth = 8;

bool covers(const std::vector<std::string>& after, const std::vector<std::string>& heads) {
  return std::includes(after.begin(), after.end(), heads.begin(), heads.end());
}

// A draft that was refused because this node has no business in the act (I7) is kept, but is no
// part of any act here: the fold, which knows no directory, would take it.
bool is_foreign(const StoredStep& s) {
  if (s.status != "refused") return false;
  const auto why = json::parse_object(s.why);
  return why && json::text_or(*why, "rule") == "I7";
}

// What the fold sees.
std::vector<acts::Step> foldable(const std::vector<StoredStep>& steps) {
  std::vector<acts::Step> out;
  out.reserve(steps.size());
  for (const auto& s : steps)
    if (!is_foreign(s)) out.push_back(s.step);
  return out;
}

std::string kind_of_position(std::string_view position) {
  if (position == "addressee") return "platform";
  if (position == "overseer") return "overseer";
  return "authority";
}

}  // namespace

json::Object regions_json(const acts::ActState& state) {
  json::Object out;
  for (std::size_t i = 0; i < acts::kRegions; ++i) {
    const auto region = static_cast<acts::Region>(i);
    out[acts::region_name(region)] = acts::state_name(region, state.region[i]);
  }
  return out;
}

std::string error_json(const Error& e) {
  return json::canonical(json::Object{{"code", code_name(e.code)},
                                      {"rule", e.rule},
                                      {"field", e.field},
                                      {"detail", e.detail},
                                      {"mend", e.mend}});
}

Service::Service(Parts parts) : parts_(std::move(parts)) {}

std::string Service::position(const acts::ActState& state) const {
  for (const auto& [position, party] : state.participants)
    if (party == parts_.party) return position;
  return {};
}

Result<std::shared_ptr<const Loaded>> Service::held(store::Tx& tx, std::string_view act) {
  ENTENTE_TRY(version, version_of(tx, act));
  {
    const std::lock_guard lock(cache_mutex_);
    const auto it = cache_.find(act);
    if (it != cache_.end() && it->second->version == version) return it->second;
  }
  ENTENTE_TRY(steps, steps_of(tx, act));
  auto made = std::make_shared<Loaded>();
  Loaded& out = *made;
  out.version = version;
  if (steps.empty()) return std::shared_ptr<const Loaded>(std::move(made));
  out.regime = parts_.regimes.find(steps.front().step.regime);
  if (out.regime == nullptr)
    return fail(Code::kUnsupported, "this node does not speak " + steps.front().step.regime);
  auto folded = acts::fold(foldable(steps), *out.regime);
  out.state = std::move(folded.state);
  out.waiting = std::move(folded.waiting);
  return std::shared_ptr<const Loaded>(std::move(made));
}

Result<Loaded> Service::load(store::Tx& tx, std::string_view act) {
  ENTENTE_TRY(loaded, held(tx, act));
  return *loaded;
}

// ── signatures
// ───────────────────────────────────────────────────────────────────────────────────────────────────

Result<void> Service::check_hand(store::Tx& tx, const crypto::Envelope& envelope,
                                 const acts::Hand& hand, const acts::Regime& regime) {
  const auto unauthorised = [](std::string why) {
    return fail(Error{Code::kUnauthorised, std::move(why), "/by", "signature", {}});
  };
  ENTENTE_TRY(owner, identity::find_key(tx, hand.keyid));
  if (!owner) return unauthorised("the signing key is not in this node's directory");
  if (owner->party != hand.party) return unauthorised("the key belongs to another organisation");
  // A revoked key is refused whatever time the step claims: whoever stole it can write any date.
  if (owner->revoked_at) return unauthorised("the signing key was revoked");
  const acts::Role* role = regime.role(hand.role);
  if (role == nullptr)
    return fail(
        Error{Code::kRefused, "no such role in this regime: " + hand.role, "/by", "role", {}});
  if (role->key == acts::KeyKind::kNode) {
    if (!owner->person.empty() || !hand.person.empty())
      return unauthorised("this role signs with the organisation's node key");
  } else {
    if (owner->person.empty())
      return fail(Error{Code::kRefused,
                        "a natural person must make this move; a machine cannot",
                        "/by",
                        "SG21",
                        {}});
    if (owner->person != hand.person) return unauthorised("the key belongs to another person");
    if (std::find(owner->roles.begin(), owner->roles.end(), hand.role) == owner->roles.end())
      return fail(Error{Code::kForbidden, "this person does not hold the role " + hand.role, "/by",
                        "role", "the organisation grants roles with `entente person add`"});
  }
  for (const auto& s : envelope.signatures)
    if (s.keyid == hand.keyid) return crypto::verify_signature(envelope, s, owner->key);
  return unauthorised("a hand is named that did not sign");
}

Result<Service::Verified> Service::verify(std::string_view envelope_json, const LeafInfo& leaf) {
  Verified v;
  ENTENTE_TRY(envelope, crypto::parse_envelope(envelope_json));
  v.envelope = std::move(envelope);
  if (v.envelope.payload_type != acts::kStepType)
    return fail(Code::kInvalid, "not a step: payload type " + v.envelope.payload_type.substr(0, 80),
                "/payloadType");
  ENTENTE_TRY(step, acts::parse_step(as_text(v.envelope.payload),
                                     to_hex(crypto::sha256(v.envelope.payload))));
  v.step = std::move(step);
  v.envelope_json = crypto::to_json(v.envelope);
  v.foreign_leaf = leaf;
  v.regime = parts_.regimes.find(v.step.regime);
  if (v.regime == nullptr)
    return fail(Error{Code::kUnsupported,
                      "this node does not speak the regime " + v.step.regime,
                      "/regime",
                      "regime",
                      {}});
  if (v.envelope.signatures.size() != v.step.by.size())
    return fail(Error{Code::kUnauthorised,
                      "the number of signatures is not the number of hands",
                      "/by",
                      "signature",
                      {}});
  // Not kept: a step that is early by its author's clock may come again, and is then in time.
  if (v.step.at > parts_.clock.now() + acts::kMaxSkew)
    return fail(Error{Code::kRefused, "the step is dated in the future", "/at", "clock",
                      "set the sender's clock"});
  ENTENTE_CHECK_OK(parts_.store.read([&](store::Tx& tx) -> Result<void> {
    for (const auto& hand : v.step.by)
      ENTENTE_CHECK_OK(check_hand(tx, v.envelope, hand, *v.regime));
    const auto* move = v.regime->move(v.step.move);
    if (move != nullptr && move->drafts) return learn_kinds(tx, v.step);
    return {};
  }));
  return v;
}

// Empty for a party that is not in the directory.
Result<std::string> Service::kind_of(store::Tx& tx, const std::string& party) {
  {
    const std::lock_guard lock(kinds_mutex_);
    if (const auto it = kinds_.find(party); it != kinds_.end()) return it->second;
  }
  ENTENTE_TRY(row, identity::find_party(tx, party));
  return row ? row->kind : std::string();
}

// Remembers the kinds of a draft's participants. Only from a reader's snapshot: what a writer sees
// may still be undone.
Result<void> Service::learn_kinds(store::Tx& committed, const acts::Step& step) {
  const auto* named = json::find(step.body, "participants");
  if (named == nullptr || !named->is_object()) return {};
  for (const auto& [position, party] : named->get_object()) {
    if (!party.is_string()) continue;
    const std::string name(party.get_string());
    ENTENTE_TRY(kind, kind_of(committed, name));
    if (kind.empty()) continue;
    const std::lock_guard lock(kinds_mutex_);
    kinds_.emplace(name, kind);
  }
  return {};
}

Result<void> Service::check_participants(store::Tx& tx, const acts::ActState& state) {
  bool ours = false;
  for (const auto& [position, party] : state.participants) {
    ours = ours || party == parts_.party;
    ENTENTE_TRY(kind, kind_of(tx, party));
    const auto field = "/body/participants/" + position;
    if (kind.empty()) {
      // Whom we do not know we cannot hear, but another node may know them; only issuer and
      // addressee must be known.
      if (position == "issuer" || position == "addressee")
        return fail(Error{Code::kConflict, party + " is not in this node's directory", field, "I7",
                          "confirm its fingerprint first: entente party add"});
      continue;
    }
    if (kind != kind_of_position(position))
      return fail(Error{Code::kRefused,
                        fmt::format("a {} cannot be the {} of an act", kind, position),
                        field,
                        "I7",
                        {}});
  }
  if (!ours)
    return fail(Error{
        Code::kRefused, "this node takes no part in the act", "/body/participants", "I7", {}});
  return {};
}

// ── the road
// ─────────────────────────────────────────────────────────────────────────────────────────────────────

Result<Outcome> Service::submit(std::string_view envelope_json, Source source,
                                const LeafInfo& foreign_leaf) {
  auto verified = verify(envelope_json, foreign_leaf);
  // Another organisation's step comes from its node, with the proof that its ledger holds it (I1):
  // posted here directly it would move the act unlogged, and with a key its own node may have
  // revoked.
  if (verified && source == Source::kPerson && verified->step.author().party != parts_.party)
    verified = fail(Error{Code::kForbidden,
                          "a person's step is posted to the node of their own organisation", "/by",
                          "SG12", "post it there; it arrives here with its ledger proof"});
  if (!verified) {
    log::warn("step.refused", {{"source", source == Source::kPeer ? "peer" : "person"},
                               {"rule", verified.error().rule},
                               {"detail", verified.error().detail}});
    Refusal r{0,
              parts_.clock.now(),
              {},
              {},
              {},
              {},
              source == Source::kPeer ? "peer" : "person",
              verified.error()};
    if (auto logged = parts_.store.write([&](store::Tx& tx) { return log_refusal(tx, r); });
        !logged)
      return fail(logged.error());
    return fail(verified.error());
  }
  ENTENTE_TRY(outcome, store::write_returning<Outcome>(parts_.store, [&](store::Tx& tx) {
                return admit(tx, *verified, source, 0);
              }));
  if (outcome.status == "refused" && source == Source::kPerson) return fail(*outcome.why);
  return outcome;
}

Result<std::vector<Result<Outcome>>> Service::submit_all(
    const std::vector<std::pair<std::string, LeafInfo>>& envelopes, Source source) {
  std::vector<Result<Verified>> verified;
  verified.reserve(envelopes.size());
  for (const auto& [text, leaf] : envelopes) verified.push_back(verify(text, leaf));
  std::vector<Result<Outcome>> out;
  ENTENTE_CHECK_OK(parts_.store.write([&](store::Tx& tx) -> Result<void> {
    out.clear();
    for (const auto& v : verified) {
      if (!v) {
        ENTENTE_CHECK_OK(
            log_refusal(tx, {0, parts_.clock.now(), {}, {}, {}, {}, "peer", v.error()}));
        out.emplace_back(tl::unexpect, v.error());
        continue;
      }
      auto outcome = admit(tx, *v, source, 0);
      // A fault of the store undoes the package; what is wrong with one step is that step's
      // outcome.
      if (!outcome) return fail(outcome.error());
      out.push_back(std::move(outcome));
    }
    return {};
  }));
  return out;
}

Result<Outcome> Service::outcome_of(store::Tx& tx, const StoredStep& stored) {
  ENTENTE_TRY(loaded, load(tx, stored.step.act));
  Outcome o{stored.step.act,
            stored.step.id,
            stored.step.move,
            stored.status,
            std::nullopt,
            true,
            std::nullopt,
            regions_json(loaded.state),
            {}};
  if (stored.leaf.index >= 0) o.leaf = stored.leaf;
  if (stored.status == "refused") {
    ENTENTE_TRY(why, json::parse_object(stored.why));
    o.why = Error{Code::kRefused,
                  std::string(json::text_or(why, "detail")),
                  std::string(json::text_or(why, "field")),
                  std::string(json::text_or(why, "rule")),
                  {}};
  }
  return o;
}

Result<Outcome> Service::find(store::Tx& tx, std::string_view step) {
  ENTENTE_TRY(stored, find_step(tx, step));
  if (!stored) return fail(Code::kNotFound, "no such step");
  return outcome_of(tx, *stored);
}

Result<Outcome> Service::refuse(store::Tx& tx, const Verified& v, Source source, Error why) {
  const bool kept = source == Source::kPeer;
  log::warn("step.refused", {{"act", v.step.act},
                             {"move", v.step.move},
                             {"party", v.step.author().party},
                             {"rule", why.rule},
                             {"field", why.field}});
  ENTENTE_CHECK_OK(log_refusal(
      tx, {0, parts_.clock.now(), v.step.act, v.step.id, v.step.move, v.step.author().party,
           source == Source::kPeer   ? "peer"
           : source == Source::kNode ? "node"
                                     : "person",
           why}));
  if (kept) {
    // Kept as refused, never silently dropped: its author's ledger has its leaf, ours has the
    // reason.
    StoredStep s{0,     v.step,         v.envelope_json,   "refused", error_json(why),
                 false, v.foreign_leaf, parts_.clock.now()};
    ENTENTE_CHECK_OK(insert_step(tx, s));
  }
  return Outcome{v.step.act, v.step.id,    v.step.move, "refused", std::move(why),
                 false,      std::nullopt, {},          {}};
}

// Neither kept nor confirmed, so that its sender delivers it again: whom this node does not know
// yet, it may know tomorrow.
Result<Outcome> Service::put_off(store::Tx& tx, const Verified& v, Error why) {
  ENTENTE_CHECK_OK(log_refusal(tx, {0, parts_.clock.now(), v.step.act, v.step.id, v.step.move,
                                    v.step.author().party, "peer", why}));
  return Outcome{v.step.act, v.step.id,    v.step.move, "rejected", std::move(why),
                 false,      std::nullopt, {},          {}};
}

Result<LeafInfo> Service::log_leaf(store::Tx& tx, const Verified& v, const acts::ActState& state) {
  ledger::LeafInput in{
      v.step.act,           v.step.regime, v.step.move,        v.step.author().party,
      v.step.author().role, v.step.at,     v.envelope.payload, {}};
  if (state.draft == v.step.id)
    for (std::size_t i = 0; i < state.targets.size(); ++i)
      in.guessable[fmt::format("target/{}", i)] = state.targets[i].canonical;
  ENTENTE_TRY(leaf, ledger::make_leaf(in, parts_.random));
  ENTENTE_TRY(index, parts_.log.append_leaf(tx, leaf, parts_.clock.now()));
  LeafInfo out;
  out.origin = parts_.log.origin();
  out.index = static_cast<std::int64_t>(index);
  out.entry = leaf.entry;
  const auto& salt = leaf.salts.at(std::string(ledger::kStepField)).bytes;
  out.salt = Bytes(salt.begin(), salt.end());
  return out;
}

// After a step was stored: what the fold now says of the `others` (steps that waited for this one,
// or that it came before) is written down, and cache and projection follow.
Result<void> Service::settle(store::Tx& tx, const std::shared_ptr<Loaded>& after,
                             const std::vector<StoredStep>& others) {
  for (const auto& o : others) {
    if (is_foreign(o)) continue;
    const auto refused = std::find_if(after->state.refused.begin(), after->state.refused.end(),
                                      [&](const auto& r) { return r.step == o.step.id; });
    const bool waits =
        std::find(after->waiting.begin(), after->waiting.end(), o.step.id) != after->waiting.end();
    const std::string_view status = waits                                   ? "waiting"
                                    : refused != after->state.refused.end() ? "refused"
                                                                            : "applied";
    if (status == o.status) continue;
    ENTENTE_CHECK_OK(
        set_status(tx, o.step.id, status, status == "refused" ? error_json(refused->why) : ""));
  }
  ENTENTE_TRY(version, version_of(tx, after->state.act));
  after->version = version;
  {
    const std::lock_guard lock(cache_mutex_);
    if (cache_.size() >= kMaxCachedActs) cache_.clear();
    cache_[after->state.act] = after;  // from here on nobody changes it
  }
  return project(tx, *after);
}

Result<Outcome> Service::admit(store::Tx& tx, const Verified& v, Source source, int depth) {
  ENTENTE_TRY(known, find_step(tx, v.step.id));
  if (known) return outcome_of(tx, *known);
  const Instant now = parts_.clock.now();
  ENTENTE_TRY(held_before, held(tx, v.step.act));
  const Loaded& before = *held_before;
  if (before.regime != nullptr && before.regime != v.regime)
    return refuse(tx, v, source,
                  {Code::kRefused, "the act is under another regime", "/regime", "regime", {}});

  const bool own = v.step.author().party == parts_.party;
  const bool first = !before.state.started();
  if (first && depth == 0) {
    // Only a draft may open an act, and only among organisations that know each other.
    const auto* move = v.regime->move(v.step.move);
    const bool predecessors = !v.step.after.empty();
    if (move != nullptr && !move->drafts && !predecessors)
      return refuse(tx, v, source,
                    {Code::kRefused, "an act begins with its draft", "/move", "state", {}});
  }

  const auto after = std::make_shared<Loaded>();
  after->regime = v.regime;
  std::vector<acts::WantedEffect> wanted;
  StoredStep stored{0, v.step, v.envelope_json, "applied", "", own, v.foreign_leaf, now};
  const bool missing =
      std::any_of(v.step.after.begin(), v.step.after.end(),
                  [&](const std::string& a) { return !before.state.seen.contains(a); });
  if (missing && source != Source::kPeer)
    return refuse(tx, v, source,
                  {Code::kRefused,
                   "the step names a predecessor that is not there",
                   "/after",
                   "causality",
                   {}});
  if (missing) {
    stored.status = "waiting";
    ENTENTE_CHECK_OK(insert_step(tx, stored));
    return Outcome{v.step.act,
                   v.step.id,
                   v.step.move,
                   "waiting",
                   std::nullopt,
                   false,
                   std::nullopt,
                   regions_json(before.state),
                   {}};
  }
  // The step is judged in the state it names. When it names the whole of what we hold, that is our
  // state.
  // A refused step is no head, and may find its place after this one: then the fold must say.
  std::vector<StoredStep> others;
  const bool tip = covers(v.step.after, before.state.heads) && before.waiting.empty() &&
                   before.state.refused.empty();
  if (tip) {
    auto next = acts::apply(before.state, v.step, *v.regime, now);
    if (!next) return refuse(tx, v, source, next.error());
    wanted = acts::effects(before.state, *next, *v.regime);
    after->state = *std::move(next);
  } else {
    ENTENTE_TRY(all, steps_of(tx, v.step.act));
    others = std::move(all);
    auto plain = foldable(others);
    plain.push_back(v.step);
    auto folded = acts::fold(
        plain, *v.regime, [&](const acts::ActState& b, const acts::ActState& a, const acts::Step&) {
          auto w = acts::effects(b, a, *v.regime);
          wanted.insert(wanted.end(), w.begin(), w.end());
        });
    after->state = std::move(folded.state);
    after->waiting = std::move(folded.waiting);
    for (const auto& r : after->state.refused) {
      if (r.step != v.step.id) continue;
      ENTENTE_TRY(refused, refuse(tx, v, source, r.why));
      // Kept as refused, it is there all the same for the steps that waited for it.
      if (source == Source::kPeer && after->state.started()) {
        ENTENTE_CHECK_OK(settle(tx, after, others));
        ENTENTE_CHECK_OK(want(tx, *after, wanted, refused.made, depth));
        ENTENTE_CHECK_OK(take_back(tx, *after, wanted));
      }
      return refused;
    }
  }
  if (v.regime->move(v.step.move)->drafts)
    if (auto ok = check_participants(tx, after->state); !ok)
      return source == Source::kPeer && ok.error().code == Code::kConflict
                 ? put_off(tx, v, ok.error())
                 : refuse(tx, v, source, ok.error());

  if (own) {
    ENTENTE_TRY(leaf, log_leaf(tx, v, after->state));
    stored.leaf = std::move(leaf);
  }
  ENTENTE_CHECK_OK(insert_step(tx, stored));
  ENTENTE_CHECK_OK(settle(tx, after, others));
  Outcome out{v.step.act,
              v.step.id,
              v.step.move,
              "applied",
              std::nullopt,
              false,
              std::nullopt,
              regions_json(after->state),
              {}};
  if (own) {
    out.leaf = stored.leaf;
    ENTENTE_CHECK_OK(deliver(tx, *after, v.step));
  }
  log::info("step.applied", {{"act", v.step.act},
                             {"move", v.step.move},
                             {"party", v.step.author().party},
                             {"role", v.step.author().role}});
  ENTENTE_CHECK_OK(want(tx, *after, wanted, out.made, depth));
  if (!tip) ENTENTE_CHECK_OK(take_back(tx, *after, wanted));
  if (!out.made.empty()) {
    ENTENTE_TRY(latest, held(tx, v.step.act));
    out.regions = regions_json(latest->state);
  }
  return out;
}

// ── what follows from a step
// ─────────────────────────────────────────────────────────────────────────────────────

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
      ENTENTE_TRY(current, load(tx, w.act));
      ENTENTE_TRY(body, node_body(tx, w, current));
      Wish wish{{}, w.act, w.result, {}, w.target, {}, std::move(body)};
      ENTENTE_TRY(signed_step, sign_as_node(wish, current));
      ENTENTE_TRY(outcome, admit(tx, std::move(signed_step), Source::kNode, depth + 1));
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
    ENTENTE_TRY(stored, find_step(tx, signature == nullptr ? loaded.state.draft : signature->step));
    if (!stored || stored->leaf.index < 0) return fail(Code::kInternal, "the order has no leaf");
    return json::Object{{"leaf", {{"origin", stored->leaf.origin}, {"index", stored->leaf.index}}}};
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
  Loaded loaded;
  if (!wish.act.empty()) {
    ENTENTE_TRY(l, load(tx, wish.act));
    loaded = std::move(l);
    if (!loaded.state.started()) return fail(Code::kNotFound, "no such act");
  }
  ENTENTE_TRY(v, sign_as_node(wish, loaded));
  return admit(tx, std::move(v), Source::kNode, 0);
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
    if (regime->move(p.step.move)->drafts) ENTENTE_CHECK_OK(check_participants(tx, next));
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

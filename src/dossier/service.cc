// SPDX-License-Identifier: Apache-2.0
#include "entente/dossier/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/core/id.h"
#include "entente/core/log.h"
#include "entente/crypto/sha256.h"

namespace entente::dossier {
namespace {

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
    const StepRow row{"refused", error_json(why), false, v.foreign_leaf, parts_.clock.now()};
    ENTENTE_CHECK_OK(insert_step(tx, v.step, v.envelope_json, row));
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
  StepRow stored{"applied", "", own, v.foreign_leaf, now};
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
    ENTENTE_CHECK_OK(insert_step(tx, v.step, v.envelope_json, stored));
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
    if (auto ok = check_participants(tx, after->state, *v.regime); !ok)
      return source == Source::kPeer && ok.error().code == Code::kConflict
                 ? put_off(tx, v, ok.error())
                 : refuse(tx, v, source, ok.error());

  if (own) {
    ENTENTE_TRY(leaf, log_leaf(tx, v, after->state));
    stored.leaf = std::move(leaf);
  }
  ENTENTE_CHECK_OK(insert_step(tx, v.step, v.envelope_json, stored));
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

}  // namespace entente::dossier

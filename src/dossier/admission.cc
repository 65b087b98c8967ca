// SPDX-License-Identifier: Apache-2.0
//
// Who may speak: signatures against the directory, and whether the organisations an act names are
// what it takes them for. Nothing here looks at the state of an act.
#include <fmt/format.h>

#include <algorithm>

#include "entente/acts/safeguards.h"
#include "entente/crypto/sha256.h"
#include "entente/dossier/service.h"

namespace entente::dossier {
namespace {

// What the regime says, or what the first regimes left unsaid.
std::vector<std::string> kinds_of_position(const acts::Regime& regime,
                                           const std::string& position) {
  if (const auto it = regime.kinds.find(position); it != regime.kinds.end()) return it->second;
  if (position == "addressee") return {"platform"};
  if (position == "overseer") return {"overseer"};
  return {"authority"};
}

}  // namespace

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
  const auto* move = v.regime->move(v.step.move);
  ENTENTE_CHECK_OK(parts_.store.read([&](store::Tx& tx) -> Result<void> {
    for (const auto& hand : v.step.by)
      ENTENTE_CHECK_OK(check_hand(tx, v.envelope, hand, *v.regime));
    if (move != nullptr && move->drafts) return learn_kinds(tx, v.step);
    return {};
  }));
  // Here, where callers run side by side, and only for known hands: a stranger's form is not worth
  // the work. What does not conform is refused where steps are judged.
  if (const auto* form = json::find(v.step.body, "form");
      move != nullptr && move->drafts && !move->schema.empty() && form != nullptr)
    v.step.form_conforms =
        acts::check_form(*v.regime, move->schema, *form, "/body/form").has_value();
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

Result<void> Service::check_participants(store::Tx& tx, const acts::ActState& state,
                                         const acts::Regime& regime) {
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
    const auto allowed = kinds_of_position(regime, position);
    if (std::find(allowed.begin(), allowed.end(), kind) == allowed.end())
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

}  // namespace entente::dossier

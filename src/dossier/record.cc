// SPDX-License-Identifier: Apache-2.0
//
// What the public and the person concerned see of an act. The public part names organisations, law,
// times and proofs; it never holds an address, a person, or a word of free text that could hold
// one.
#include <fmt/format.h>

#include "entente/dossier/view.h"
#include "entente/ledger/leaf.h"

namespace entente::dossier {
namespace {

using acts::Region;

bool sealed(const acts::ActState& s) {
  const auto state = acts::state_name(Region::kDisclosure,
                                      s.region[static_cast<std::size_t>(Region::kDisclosure)]);
  return state == "sealed" || state == "extended";
}

Result<std::string> shown_name(store::Tx& tx, const std::string& party) {
  ENTENTE_TRY(row, identity::find_party(tx, party));
  return row ? row->name : party;
}

json::Object log_json(const Service& service) {
  const auto& log = service.parts().log;
  return {{"origin", log.origin()},
          {"vkey", log.note_key().vkey()},
          {"checkpoint_url", service.parts().url + "/ledger/checkpoint"}};
}

Result<json::Array> public_steps(store::Tx& tx, Service& service, const Loaded& loaded) {
  json::Array out;
  ENTENTE_TRY(steps, steps_of(tx, loaded.state.act));
  for (const auto& s : steps) {
    if (s.status != "applied") continue;
    const auto* move = loaded.regime->move(s.step.move);
    const auto* role = loaded.regime->role(s.step.author().role);
    if (move == nullptr || role == nullptr) continue;
    ENTENTE_TRY(name, shown_name(tx, s.step.author().party));
    json::Object o{{"step", s.step.id},
                   {"move", s.step.move},
                   {"title", text_json(move->title)},
                   {"role_title", text_json(role->title)},
                   {"party", name},
                   {"at", format_rfc3339(s.step.at)}};
    if (!move->document.empty()) o["document"] = move->document;
    if (s.leaf.index >= 0) {
      o["leaf"] = {{"origin", s.leaf.origin}, {"index", s.leaf.index}};
      o["entry"] = s.leaf.entry;
      o["proof"] =
          fmt::format("{}/v1/acts/{}/steps/{}/proof", service.parts().url, s.step.act, s.step.id);
    }
    out.push_back(std::move(o));
  }
  return out;
}

// The draft's leaf commits to each target; the record shows the commitments, never what they stand
// for.
Result<json::Array> committed_targets(store::Tx& tx, const acts::ActState& state) {
  json::Array out;
  ENTENTE_TRY(draft, find_step(tx, state.draft));
  std::optional<ledger::Leaf> leaf;
  if (draft && !draft->leaf.entry.empty())
    if (auto parsed = ledger::parse_leaf(draft->leaf.entry)) leaf = *std::move(parsed);
  for (std::size_t i = 0; i < state.targets.size(); ++i) {
    json::Object o{{"kind", state.targets[i].kind},
                   {"state", acts::state_name(Region::kExecution, state.execution[i].state)}};
    if (leaf)
      if (const auto it = leaf->fields.find(fmt::format("target/{}", i)); it != leaf->fields.end())
        o["commitment"] = to_hex(it->second);
    out.push_back(std::move(o));
  }
  return out;
}

json::Value form_part(const acts::ActState& s, std::string_view name) {
  const auto* v = s.form.if_contains(name);
  return v == nullptr ? json::Value() : *v;
}

}  // namespace

Result<json::Object> public_record(store::Tx& tx, Service& service, std::string_view act) {
  ENTENTE_TRY(loaded, service.load(tx, act));
  const auto& s = loaded.state;
  const auto issue = acts::state_name(Region::kIssue, s.region[0]);
  if (!s.started() || issue == "none" || issue == "checked" || issue == "validated" ||
      s.last("sign") == nullptr) {
    if (!s.started() || loaded.regime->mode != "notice")
      return fail(Code::kNotFound, "no public record of that number");
  }
  json::Object o = regime_head_json(*loaded.regime);
  o["regime"] = s.regime;
  o.erase("name");
  o.erase("type");
  o["act"] = s.act;
  o["sealed"] = sealed(s);
  o["log"] = log_json(service);
  json::Object parties;
  for (const auto& [position, party] : s.participants) {
    // While a seal lasts, saying who must stay silent would break it.
    if (sealed(s) && position != "issuer") continue;
    ENTENTE_TRY(name, shown_name(tx, party));
    parties[position] = name;
  }
  o["parties"] = std::move(parties);
  if (sealed(s)) {
    o["unseal_at"] = s.unseal_at ? json::Value(format_rfc3339(*s.unseal_at)) : json::Value();
    o["state"] = json::Object{{"disclosure", "sealed"}};
    o["steps"] = json::Array{};
    return o;
  }
  o["unseal_at"] = json::Value();
  o["state"] = regions_json(s);
  ENTENTE_TRY(targets, committed_targets(tx, s));
  o["targets"] = std::move(targets);
  o["legal_basis"] = form_part(s, "legal_basis");
  const json::Value form(s.form);
  if (const auto* types = json::at_pointer(form, "/b/types")) o["types"] = *types;
  if (!form_part(s, "g").is_null()) o["redress"] = form_part(s, "g");
  json::Array clocks;
  for (const auto& c : acts::clocks(s, *loaded.regime))
    clocks.push_back(clock_json(c, *loaded.regime));
  o["clocks"] = std::move(clocks);
  ENTENTE_TRY(steps, public_steps(tx, service, loaded));
  o["steps"] = std::move(steps);
  return o;
}

Result<json::Object> case_view(store::Tx& tx, Service& service, const CaseLink& link) {
  ENTENTE_TRY(loaded, service.load(tx, link.act));
  const auto& s = loaded.state;
  if (!s.started()) return fail(Code::kNotFound, "no such case");
  const auto& regime = *loaded.regime;
  ENTENTE_TRY(url, record_url(tx, service, s));
  json::Object o{
      {"act", s.act},
      {"role", link.role},
      {"mode", regime.mode},
      {"title", text_json(regime.title)},
      {"state", acts::state_name(Region::kExecution,
                                 s.region[static_cast<std::size_t>(Region::kExecution)])},
      {"legal_basis", form_part(s, "legal_basis")},
      {"record_url", url}};
  if (!s.targets.empty()) o["item"] = s.targets.front().value;
  const auto it = s.participants.find("issuer");
  if (it != s.participants.end()) {
    ENTENTE_TRY(name, shown_name(tx, it->second));
    o["authority"] = name;
  }
  if (!form_part(s, "g").is_null()) o["redress"] = form_part(s, "g");
  // To the user: the reasons of the restriction. For an order they are the form's; for a notice,
  // the decision's (who notified, and in which words, is not the user's to know: DSA Art.
  // 17(3)(b)).
  if (link.role == "user" && regime.mode == "order") o["reasons"] = form_part(s, "reasons");
  ENTENTE_TRY(steps, steps_of(tx, link.act));
  json::Array events;
  for (const auto& st : steps) {
    if (st.status != "applied") continue;
    const auto* move = regime.move(st.step.move);
    if (move == nullptr) continue;
    events.push_back({{"move", st.step.move},
                      {"title", text_json(move->title)},
                      {"at", format_rfc3339(st.step.at)}});
    if (regime.mode == "notice" && (st.step.move == "accept" || st.step.move == "refuse")) {
      const auto explanation =
          json::text_or(st.step.body, "explanation", json::text_or(st.step.body, "reasons"));
      o["reasons"] = explanation;
      if (const auto ground = json::text_or(st.step.body, "legal_ground"); !ground.empty())
        o["legal_basis"] = ground;
    }
  }
  o["events"] = std::move(events);
  json::Array remedies;
  const Instant now = service.parts().clock.now();
  for (const auto* m : acts::possible(s, regime, link.role, std::nullopt, now)) {
    if (m->route.empty()) continue;
    json::Object r{{"move", m->name}, {"title", text_json(m->title)}, {"until", json::Value()}};
    if (const auto* rule = regime.clock(m->within))
      if (const auto c = acts::clock_for(s, regime, *rule, link.role, std::nullopt, {}))
        r["until"] = format_rfc3339(c->due_1182);
    remedies.push_back(std::move(r));
  }
  o["remedies"] = std::move(remedies);
  return o;
}

}  // namespace entente::dossier

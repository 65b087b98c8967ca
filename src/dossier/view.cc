// SPDX-License-Identifier: Apache-2.0
#include "entente/dossier/view.h"

#include <fmt/format.h>

#include <algorithm>

namespace entente::dossier {
namespace {

using acts::Region;

json::Array texts(const std::vector<std::string>& v) {
  return json::Array(v.begin(), v.end());
}

json::Object move_json(const acts::Move& m) {
  json::Object o{{"name", m.name},
                 {"title", text_json(m.title)},
                 {"by", texts(m.by)},
                 {"safeguards", texts(m.safeguards)}};
  if (!m.schema.empty()) o["schema"] = m.schema;
  if (!m.document.empty()) o["document"] = m.document;
  if (!m.law.empty()) o["law"] = m.law;
  return o;
}

std::string period_text(const acts::ClockRule& c) {
  return format_period(c.period);
}

json::Value participant_json(store::Tx& tx, const std::string& party) {
  const auto row = identity::find_party(tx, party);
  const std::string name = row && *row ? (*row)->name : party;
  return json::Object{{"party", party}, {"name", name}};
}

json::Object step_json(const StoredStep& s, const acts::Regime& regime) {
  const auto* move = regime.move(s.step.move);
  const auto* role = regime.role(s.step.author().role);
  json::Object o{
      {"step", s.step.id},
      {"move", s.step.move},
      {"title", move != nullptr ? text_json(move->title)
                                : json::Object{{"en", s.step.move}, {"fr", s.step.move}}},
      {"role", s.step.author().role},
      {"role_title",
       role != nullptr ? text_json(role->title)
                       : json::Object{{"en", s.step.author().role}, {"fr", s.step.author().role}}},
      {"party", s.step.author().party},
      {"at", format_rfc3339(s.step.at)},
      {"status", s.status},
      {"body", s.step.body}};
  if (!s.step.author().person.empty()) o["person"] = s.step.author().person;
  if (s.step.target) o["target"] = *s.step.target;
  if (!s.step.review.empty()) o["review"] = s.step.review;
  if (move != nullptr && !move->document.empty()) o["document"] = move->document;
  if (move != nullptr && !move->law.empty()) o["law"] = move->law;
  if (s.leaf.index >= 0) o["leaf"] = {{"origin", s.leaf.origin}, {"index", s.leaf.index}};
  if (s.status == "refused")
    if (const auto why = json::parse_object(s.why)) o["why"] = *why;
  return o;
}

json::Array clocks_json(const acts::ActState& state, const acts::Regime& regime) {
  json::Array out;
  for (const auto& c : acts::clocks(state, regime)) out.push_back(clock_json(c, regime));
  return out;
}

json::Array possible_json(const Loaded& l, const identity::SessionUser& user,
                          const std::string& here, Instant now) {
  json::Array out;
  for (const auto& entry : l.regime->roles) {  // clang 14 cannot capture a structured binding
    const auto& name = entry.first;
    const auto& role = entry.second;
    if (role.position != here || role.key != acts::KeyKind::kPerson || !user.has(name)) continue;
    const auto add = [&](const acts::Move& m, std::optional<std::size_t> target,
                         const std::string& review) {
      json::Object o{{"move", m.name},
                     {"title", text_json(m.title)},
                     {"role", name},
                     {"restores", m.restores}};
      if (target) o["target"] = *target;
      if (!review.empty()) o["review"] = review;
      if (!m.schema.empty()) o["schema"] = m.schema;
      out.push_back(std::move(o));
    };
    for (const auto* m : acts::possible(l.state, *l.regime, name, std::nullopt, now)) {
      if (m->drafts) continue;  // redrafting is the composer's
      if (m->has_region && m->from.region == Region::kReview && m->route.empty()) {
        for (const auto& r : l.state.reviews)
          if (m->from.has(r.state)) add(*m, std::nullopt, r.id);
      } else {
        add(*m, std::nullopt, {});
      }
    }
    for (std::size_t t = 0; t < l.state.execution.size(); ++t)
      for (const auto* m : acts::possible(l.state, *l.regime, name, t, now))
        if (m->has_region && m->from.region == Region::kExecution) add(*m, t, {});
  }
  return out;
}

}  // namespace

json::Object text_json(const acts::Text& t) {
  return {{"en", t.en}, {"fr", t.fr}};
}

json::Object regime_head_json(const acts::Regime& r) {
  return {{"name", r.name()},
          {"type", r.type},
          {"mode", r.mode},
          {"title", text_json(r.title)},
          {"sources", texts(r.sources)}};
}

json::Object regime_json(const acts::Regime& r) {
  json::Object o = regime_head_json(r);
  o["legal_basis"] = texts(r.legal_basis);
  o["territories"] = texts(r.territories);
  o["min_reasons"] = r.min_reasons;
  o["positions"] = texts(r.positions);
  json::Object roles;
  for (const auto& [name, role] : r.roles)
    roles[name] = {{"title", text_json(role.title)},
                   {"position", role.position},
                   {"key", role.key == acts::KeyKind::kNode ? "node" : "person"}};
  o["roles"] = std::move(roles);
  json::Array moves;
  for (const auto& m : r.moves) moves.push_back(move_json(m));
  o["moves"] = std::move(moves);
  json::Array clocks;
  for (const auto& c : r.clocks) {
    const char* kind = c.kind == acts::ClockKind::kDuty     ? "duty"
                       : c.kind == acts::ClockKind::kWindow ? "window"
                                                            : "exit";
    clocks.push_back({{"id", c.id},
                      {"title", text_json(c.title)},
                      {"kind", kind},
                      {"period", period_text(c)},
                      {"law", c.law}});
  }
  o["clocks"] = std::move(clocks);
  json::Object forms;
  for (const auto& [name, document] : r.schema_documents) forms[name] = document;
  o["forms"] = std::move(forms);
  return o;
}

json::Object clock_json(const acts::ClockInstance& c, const acts::Regime& regime) {
  const auto* rule = regime.clock(c.id);
  const char* kind = c.kind == acts::ClockKind::kDuty     ? "duty"
                     : c.kind == acts::ClockKind::kWindow ? "window"
                                                          : "exit";
  json::Object o{{"id", c.id},
                 {"title", text_json(rule->title)},
                 {"kind", kind},
                 {"owner", c.owner},
                 {"started", format_rfc3339(c.started)},
                 {"due", format_rfc3339(c.due)},
                 {"due_1182", format_rfc3339(c.due_1182)},
                 {"law", rule->law}};
  if (!c.role.empty()) o["role"] = c.role;
  if (c.target) o["target"] = *c.target;
  if (!c.review.empty()) o["review"] = c.review;
  return o;
}

json::Object outcome_json(const Outcome& out) {
  json::Object o{{"act", out.act},
                 {"step", out.step},
                 {"move", out.move},
                 {"status", out.status},
                 {"regions", out.regions}};
  if (out.leaf && out.leaf->index >= 0)
    o["leaf"] = {{"origin", out.leaf->origin}, {"index", out.leaf->index}};
  return o;
}

Result<std::string> record_url(store::Tx& tx, Service& service, const acts::ActState& state) {
  auto it = state.participants.find("issuer");
  if (it == state.participants.end()) it = state.participants.find("addressee");
  if (it == state.participants.end() || it->second == service.parts().party)
    return service.parts().url + "/record/" + state.act;
  ENTENTE_TRY(party, identity::find_party(tx, it->second));
  return (party ? party->url : service.parts().url) + "/record/" + state.act;
}

Result<json::Object> act_view(store::Tx& tx, Service& service, std::string_view act,
                              const identity::SessionUser& user,
                              const std::function<bool(const std::string& url)>& has_content) {
  ENTENTE_TRY(loaded, service.load(tx, act));
  if (!loaded.state.started()) return fail(Code::kNotFound, "no such act");
  const auto& s = loaded.state;
  const auto& regime = *loaded.regime;
  const std::string here = service.position(s);
  const Instant now = service.parts().clock.now();
  ENTENTE_TRY(steps, steps_of(tx, act));
  ENTENTE_TRY(url, record_url(tx, service, s));
  json::Object participants;
  for (const auto& [position, party] : s.participants)
    participants[position] = participant_json(tx, party);
  json::Array targets;
  for (std::size_t i = 0; i < s.targets.size(); ++i)
    targets.push_back({{"kind", s.targets[i].kind},
                       {"value", s.targets[i].value},
                       {"state", acts::state_name(Region::kExecution, s.execution[i].state)},
                       {"since", format_rfc3339(s.execution[i].since)},
                       {"has_content", here == "addressee" && has_content &&
                                           has_content(s.targets[i].canonical)}});
  json::Array reviews;
  for (const auto& r : s.reviews)
    reviews.push_back({{"id", r.id},
                       {"route", r.route},
                       {"role", r.role},
                       {"opened", format_rfc3339(r.opened)},
                       {"state", acts::state_name(Region::kReview, r.state)}});
  json::Array step_list;
  for (const auto& st : steps) step_list.push_back(step_json(st, regime));
  return json::Object{{"act", s.act},
                      {"dossier", s.dossier},
                      {"regime", regime_head_json(regime)},
                      {"position", here},
                      {"participants", std::move(participants)},
                      {"form", s.form},
                      {"draft", s.draft},
                      {"targets", std::move(targets)},
                      {"regions", regions_json(s)},
                      {"reviews", std::move(reviews)},
                      {"steps", std::move(step_list)},
                      {"clocks", clocks_json(s, regime)},
                      {"possible", possible_json(loaded, user, here, now)},
                      {"record_url", url},
                      {"now", format_rfc3339(now)}};
}

Result<json::Object> queue_page(store::Tx& tx, Service& service, std::string_view cursor,
                                std::size_t limit) {
  ENTENTE_TRY(page, list_queue(tx, cursor, limit));
  json::Array items;
  for (const auto& row : page.rows) {
    ENTENTE_TRY(loaded, service.load(tx, row.act));
    const auto& regime = *loaded.regime;
    json::Object item{
        {"kind", "act"},
        {"id", row.act},
        {"mode", row.mode},
        {"title", text_json(regime.title)},
        {"summary", fmt::format("{} target(s)", loaded.state.targets.size())},
        {"state", acts::state_name(Region::kExecution, loaded.state.region[2])},
        {"received_at", json::text_or(row.summary, "received_at", format_rfc3339(row.created))},
        {"due", row.due ? json::Value(format_rfc3339(*row.due)) : json::Value()},
        {"due_1182", json::Value()}};
    if (loaded.state.targets.size() == 1) item["target"] = 0;
    if (const auto from = json::text_or(row.summary, "from"); !from.empty())
      item["from"] = participant_json(tx, std::string(from)).at("name");
    for (const auto& c : acts::clocks(loaded.state, regime)) {
      if (!row.due || c.kind != acts::ClockKind::kDuty || c.due != *row.due) continue;
      item["clock"] = text_json(regime.clock(c.id)->title);
      item["due_1182"] = format_rfc3339(c.due_1182);
      break;
    }
    items.push_back(std::move(item));
  }
  return json::Object{{"items", std::move(items)},
                      {"next", page.next ? json::Value(*page.next) : json::Value()},
                      {"now", format_rfc3339(service.parts().clock.now())}};
}

Result<json::Object> act_page(store::Tx& tx, Service& service, std::string_view cursor,
                              std::size_t limit) {
  ENTENTE_TRY(page, list_acts(tx, cursor, limit));
  json::Array items;
  for (const auto& row : page.rows) {
    const auto* regime = service.parts().regimes.find(row.regime);
    const auto* regions = row.summary.if_contains("regions");
    items.push_back(
        {{"act", row.act},
         {"dossier", row.dossier},
         {"regime", row.regime},
         {"mode", row.mode},
         {"title", regime != nullptr ? text_json(regime->title)
                                     : json::Object{{"en", row.regime}, {"fr", row.regime}}},
         {"regions", regions != nullptr ? *regions : json::Value(json::Object{})},
         {"due", row.due ? json::Value(format_rfc3339(*row.due)) : json::Value()},
         {"updated_at", format_rfc3339(row.updated)}});
  }
  return json::Object{{"items", std::move(items)},
                      {"next", page.next ? json::Value(*page.next) : json::Value()}};
}

}  // namespace entente::dossier

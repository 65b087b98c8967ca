// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/model.h"

#include <algorithm>

#include "entente/core/id.h"

namespace entente::acts {
namespace {

struct RegionInfo {
  std::string_view name;
  std::vector<std::string_view> states;
};

// legal.md §9.2, with three additions explained in docs/decisions/0003-accepted-and-lapsed.md:
// `accepted` and `reversing` are the moments when an effect is wanted but not yet attested,
// `lapsed` is a target whose order ended before anything was done about it.
const std::array<RegionInfo, kRegions>& regions() {
  static const std::array<RegionInfo, kRegions> kTable = {{
      {"issue", {"none", "checked", "validated", "signed", "withdrawn", "lapsed"}},
      {"delivery", {"none", "sent", "received", "failed"}},
      {"execution",
       {"pending", "accepted", "executed", "partial", "impossible", "clarify", "refused", "overdue",
        "reversing", "reversed", "lapsed"}},
      {"review", {"none", "open", "upheld", "infringed", "annulled"}},
      {"disclosure", {"open", "sealed", "extended", "opened"}},
      {"retention", {"none", "hold", "extended", "erased"}},
      {"publication", {"none", "committed", "published", "stub", "unsealed"}},
      {"finality", {"provisional", "final", "closed"}},
  }};
  return kTable;
}

json::Value hand_json(const Hand& h) {
  json::Object o{{"keyid", h.keyid}, {"party", h.party}, {"role", h.role}};
  if (!h.person.empty()) o["person"] = h.person;
  return o;
}

bool is_step_id(std::string_view s) {
  return s.size() == 64 && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<Hand> read_hands(json::Reader& r) {
  std::vector<Hand> out;
  for (const auto& v : r.array("by", 16)) {
    if (!v.is_object()) {
      r.fault("by", "must be a list of objects");
      return {};
    }
    json::Reader h(v.get_object(), "/by");
    Hand hand;
    hand.keyid = h.text("keyid", {.max = 64});
    hand.party = h.text("party", {.max = 253});
    hand.role = h.text("role", {.max = 40});
    hand.person = h.text_if("person", {.max = 64}).value_or("");
    if (const auto done = h.done(); !done) r.fault("by", done.error().detail);
    out.push_back(std::move(hand));
  }
  if (out.empty()) r.fault("by", "must name at least one hand");
  return out;
}

}  // namespace

std::string_view region_name(Region region) {
  return regions()[static_cast<std::size_t>(region)].name;
}

std::optional<Region> region_from(std::string_view name) {
  for (std::size_t i = 0; i < kRegions; ++i)
    if (regions()[i].name == name) return static_cast<Region>(i);
  return std::nullopt;
}

const std::vector<std::string_view>& region_states(Region region) {
  return regions()[static_cast<std::size_t>(region)].states;
}

std::optional<StateIndex> state_from(Region region, std::string_view name) {
  const auto& states = region_states(region);
  const auto it = std::find(states.begin(), states.end(), name);
  if (it == states.end()) return std::nullopt;
  return static_cast<StateIndex>(it - states.begin());
}

std::string_view state_name(Region region, StateIndex state) {
  return region_states(region).at(state);
}

std::string step_payload(const Step& step) {
  json::Object o;
  o["v"] = 1;
  o["act"] = step.act;
  o["dossier"] = step.dossier;
  o["regime"] = step.regime;
  o["move"] = step.move;
  o["at"] = format_rfc3339(step.at);
  json::Array after(step.after.begin(), step.after.end());
  o["after"] = std::move(after);
  json::Array by;
  for (const auto& h : step.by) by.push_back(hand_json(h));
  o["by"] = std::move(by);
  if (step.target) o["target"] = *step.target;
  if (!step.review.empty()) o["review"] = step.review;
  o["body"] = step.body;
  return json::canonical(o);
}

Result<Step> parse_step(std::string_view payload, std::string id) {
  ENTENTE_TRY(object, json::parse_object(payload, kMaxStepBytes));
  json::Reader r(object);
  r.integer("v", 1, 1);
  Step s;
  s.id = std::move(id);
  s.act = r.text("act", {.min = 26, .max = 26});
  s.dossier = r.text("dossier", {.min = 26, .max = 26});
  s.regime = r.text("regime", {.max = 80});
  s.move = r.text("move", {.max = 40});
  s.at = r.time("at");
  s.after = r.texts("after", kMaxAfter, {.min = 64, .max = 64});
  s.by = read_hands(r);
  if (const auto t = r.integer_if("target", 0, static_cast<std::int64_t>(kMaxTargets) - 1))
    s.target = static_cast<std::size_t>(*t);
  s.review = r.text_if("review", {.min = 64, .max = 64}).value_or("");
  s.body = r.object("body");
  if (!is_ulid(s.act)) r.fault("act", "must be a ULID");
  if (!is_ulid(s.dossier)) r.fault("dossier", "must be a ULID");
  if (!std::all_of(s.after.begin(), s.after.end(), is_step_id) ||
      (!s.review.empty() && !is_step_id(s.review)))
    r.fault("after", "must hold step ids (64 hexadecimal digits)");
  if (!std::is_sorted(s.after.begin(), s.after.end()) ||
      std::adjacent_find(s.after.begin(), s.after.end()) != s.after.end())
    r.fault("after", "must be sorted and without repetition");
  ENTENTE_CHECK_OK(r.done());
  return s;
}

const Event* ActState::last(std::string_view move, std::string_view party,
                            std::optional<std::size_t> target) const {
  for (auto it = events.rbegin(); it != events.rend(); ++it) {
    if (it->move != move) continue;
    if (!party.empty() && it->party != party) continue;
    if (target && it->target && *it->target != *target) continue;
    return &*it;
  }
  return nullptr;
}

std::string canonical(const ActState& s) {
  json::Object o;
  o["act"] = s.act;
  o["dossier"] = s.dossier;
  o["regime"] = s.regime;
  json::Object regions_json;
  for (std::size_t i = 0; i < kRegions; ++i)
    regions_json[region_name(static_cast<Region>(i))] =
        json::Array{json::Value(state_name(static_cast<Region>(i), s.region[i])),
                    json::Value(s.region_step[i])};
  o["regions"] = std::move(regions_json);
  json::Array execution;
  for (const auto& t : s.execution)
    execution.push_back(
        {state_name(Region::kExecution, t.state), t.by_step, format_rfc3339(t.since)});
  o["execution"] = std::move(execution);
  json::Array reviews;
  for (const auto& r : s.reviews)
    reviews.push_back({r.id, r.route, r.role, format_rfc3339(r.opened),
                       state_name(Region::kReview, r.state), r.by_step});
  o["reviews"] = std::move(reviews);
  json::Object participants;
  for (const auto& [position, party] : s.participants) participants[position] = party;
  o["participants"] = std::move(participants);
  o["form"] = s.form;
  o["draft"] = s.draft;
  o["unseal_at"] = s.unseal_at ? json::Value(format_rfc3339(*s.unseal_at)) : json::Value();
  o["retention_until"] =
      s.retention_until ? json::Value(format_rfc3339(*s.retention_until)) : json::Value();
  json::Array events;
  for (const auto& e : s.events)
    events.push_back({e.move, e.role, e.party, e.person, e.step, format_rfc3339(e.at)});
  o["events"] = std::move(events);
  o["heads"] = json::Array(s.heads.begin(), s.heads.end());
  json::Array refused;
  for (const auto& x : s.refused) refused.push_back({x.step, x.move, x.why.rule, x.why.detail});
  o["refused"] = std::move(refused);
  return json::canonical(o);
}

}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// For tests, of this module and of those above it: a valid form, hands, steps with true ids, and an
// act that is driven from move to move. Everything is valid by default; a test breaks one thing and
// looks at the refusal.
//
//   testing::Drive act(testing::tco());
//   act.through({"compose", "sign", "send", "receive"});
//   act.wait(std::chrono::minutes(90));
//   const auto refused = act.make("execute", {.target = 0});
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>

#include "entente/acts/apply.h"
#include "entente/acts/testing_forms.h"
#include "entente/crypto/sha256.h"

namespace entente::acts::testing {

inline constexpr std::string_view kIssuer = "authority.example";
inline constexpr std::string_view kAddressee = "platform.example";
inline constexpr std::string_view kOverseer = "overseer.example";
inline constexpr std::string_view kHome = "home.example";
inline constexpr std::string_view kCourt = "court.example";
inline constexpr std::string_view kEnforcing = "enforcing.example";
inline constexpr std::string_view kAct = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
inline constexpr std::string_view kDossier = "01BX5ZZKBKACTAV9WEVGEMMVRZ";
inline const std::string kSomeHash(64, 'a');

inline Instant instant(std::string_view text) {
  return parse_rfc3339(text).value();
}

inline const Catalogue& catalogue() {
  static const Catalogue all = Catalogue::builtin().value();
  return all;
}
inline const Regime& tco() {
  return *catalogue().find("eu-tco-removal");
}
inline const Regime& cross_border() {
  return *catalogue().find("eu-tco-removal-cross-border");
}
inline const Regime& dsa() {
  return *catalogue().find("eu-dsa-notice");
}

inline const Regime& shipped(std::string_view id) {
  return *catalogue().find(id);
}

inline std::string_view party_of(std::string_view position) {
  if (position == "issuer") return kIssuer;
  if (position == "addressee") return kAddressee;
  if (position == "overseer") return kOverseer;
  if (position == "court") return kCourt;
  if (position == "enforcing") return kEnforcing;
  return kHome;
}

// One person per role, so that separated roles are separated people.
inline Hand hand(const Regime& regime, std::string_view role, std::string_view person = {}) {
  const Role* r = regime.role(role);
  Hand h{std::string(party_of(r->position)), {}, std::string(role), "key-" + std::string(role)};
  if (r->key == KeyKind::kPerson)
    h.person = person.empty() ? std::string(role) + "-1" : std::string(person);
  return h;
}

inline json::Object annex_i(Instant now, bool silent = false) {
  const auto at = [&](std::chrono::hours before) { return format_rfc3339(now - before); };
  const std::string no = "Looked at: the page serves no such purpose.";
  json::Object exemptions;
  for (const auto* ground : {"educational", "journalistic", "artistic", "research",
                             "counter_terrorism", "public_debate"})
    exemptions[ground] = json::Object{{"answer", "no"}, {"reason", no}};
  return {
      {"legal_basis", "Regulation (EU) 2021/784, Article 3"},
      {"territory", "all_member_states"},
      {"language", "fr"},
      {"reasons",
       "The page calls by name for the killing of passers-by in the next days, gives a place and a "
       "time, and "
       "has been shared several thousand times since this morning. It solicits the commission of "
       "an offence "
       "in the sense of Article 3(1)(a) of Directive (EU) 2017/541 and thereby causes a danger."},
      {"a", json::Object{{"ms_issuing", "FR"},
                         {"addressee", "Platform Example SAS"},
                         {"contact_point", "tco@platform.example"},
                         {"ms_home", "FR"},
                         {"issued_at", at(std::chrono::hours(0))},
                         {"ref", "2026/1113-7"}}},
      {"b", json::Object{{"types", json::Array{"a_incite"}}}},
      {"c", json::Object{{"no_disclosure", silent}}},
      {"d", json::Object{{"cross_border", false}, {"copy_sent", false}}},
      {"e", json::Object{{"type", "law_enforcement"},
                         {"authority", "Authority Example"},
                         {"representative", "A. Martin"},
                         {"post", "Commissaire"},
                         {"file_no", "7-1113"},
                         {"address", "1 rue de l'Exemple, Paris"},
                         {"telephone", "+33 1 00 00 00 00"},
                         {"email", "desk@authority.example"}}},
      {"f", json::Object{{"feedback", "desk@authority.example"},
                         {"home_authority", "none: same Member State"}}},
      {"g", json::Object{{"body", "Tribunal administratif de Paris"},
                         {"deadline", "48 hours from receipt"},
                         {"law_url", "https://law.example/lcen/6-1-5"}}},
      {"exemption_assessment", std::move(exemptions)},
      {"deconfliction", json::Object{{"asked_at", at(std::chrono::hours(1))},
                                     {"outcome", "no_conflict"},
                                     {"with", "Europol"}}},
      {"prior_information", json::Object{{"sent_at", at(std::chrono::hours(48))}}},
  };
}

inline json::Object dsa_notice() {
  return {{"legal_basis", "Regulation (EU) 2022/2065, Article 16"},
          {"territory", "member_state"},
          {"language", "en"},
          {"reasons",
           "This page offers for sale a passport in the name of a living person, with its number."},
          {"category", "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"},
          {"anonymous", false},
          {"bona_fide", true}};
}

inline json::Object participants(const Regime& regime) {
  json::Object out;
  for (const auto& p : regime.positions) out[p] = party_of(p);
  return out;
}

inline json::Object draft_body(const Regime& regime, json::Object form, std::size_t targets = 1) {
  json::Array list;
  for (std::size_t i = 0; i < targets; ++i)
    list.push_back(json::Object{{"kind", regime.target_kinds.front()},
                                {"value", target_value(regime.target_kinds.front(), i)},
                                {"evidence_sha256", kSomeHash}});
  return {{"form", std::move(form)},
          {"participants", participants(regime)},
          {"targets", std::move(list)}};
}

// A body that the move's form and safeguards accept, in this state, at this time.
inline json::Object body_for(const Regime& regime, const Move& move, const ActState& state,
                             Instant now) {
  const std::string at = format_rfc3339(now);
  const std::string words = "Reasons of at least twenty characters, given in full.";
  const auto& s = move.schema;
  if (s == "tco-annex-i") return draft_body(regime, annex_i(now));
  if (s == "dsa-notice") return draft_body(regime, dsa_notice());
  if (move.drafts)
    if (auto form = draft_form(regime, s, now)) return draft_body(regime, *std::move(form));
  if (auto body = move_body(s, now)) return *std::move(body);
  if (s == "reasons") return {{"reasons", words}};
  if (s == "contest") return {{"grounds", words}};
  if (s == "signature") return {{"draft", state.draft}};
  if (s == "sent")
    return {{"leaf", json::Object{{"origin", "authority.example/ledger"}, {"index", 4}}}};
  if (s == "receipt") return {{"received_at", at}, {"contact_point", "tco@platform.example"}};
  if (s == "attestation") return {{"evidence", json::Object{{"public_status", 200}}}};
  if (s == "judgment")
    return {{"judgment_sha256", kSomeHash},
            {"court", "Tribunal administratif"},
            {"reference", "26-1"},
            {"reasons", words}};
  if (s == "tco-annex-iii")
    return {{"document", "D03"},
            {"ground", "force_majeure"},
            {"explanation", words},
            {"authorised_person", "B. Durand"}};
  if (s == "dsa-restriction")
    return {{"measure", "disabled"},
            {"measured_at", at},
            {"preserved_sha256", kSomeHash},
            {"evidence", json::Object{}}};
  if (s == "hold")
    return {{"until", format_rfc3339(state.retention_until.value_or(now) + std::chrono::days(30))},
            {"reasons", words}};
  if (s == "seal") {
    const Instant from = state.unseal_at && move.name == "extend_seal" ? *state.unseal_at : now;
    return {{"reason", "The addressee of the page would flee and destroy evidence."},
            {"unseal_at", format_rfc3339(from + std::chrono::weeks(6))}};
  }
  if (s == "dsa-decision")
    return {{"ground", "illegal_content"},
            {"legal_ground", "Penal code, Art. 441-1"},
            {"explanation", words},
            {"facts", words},
            {"restriction", "disabled"},
            {"territory", "member_state"},
            {"automated_detection", false},
            {"automated_decision", "not_automated"},
            {"category", "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"}};
  if (s == "tco-annex-ii")
    return {{"document", "D02"},
            {"measure", "removed"},
            {"measured_at", at},
            {"received_at", at},
            {"authority", "Authority Example"},
            {"authority_ref", "2026/1113-7"},
            {"addressee", "Platform Example SAS"},
            {"addressee_ref", "TS-9"},
            {"authorised_person", "B. Durand"},
            {"preserved_sha256", kSomeHash},
            {"evidence",
             json::Object{{"public_status", 410}, {"checked_at", at}, {"connector", "http"}}}};
  return {};
}

inline std::string step_id(const Step& step) {
  return to_hex(crypto::sha256(as_bytes(step_payload(step))));
}

// What a test wants otherwise than by default. Unset: the first role of the move, one person for
// it, the act's clock, every head of the state, target 0 where one is needed, and the review that
// the move can decide.
struct Wish {
  std::string role{};
  std::string person{};
  std::vector<Hand> by{};
  std::optional<json::Object> body{};
  std::optional<Instant> at{};
  std::optional<std::vector<std::string>> after{};
  std::optional<std::size_t> target{};
  std::optional<std::string> review{};
};

class Drive {
 public:
  explicit Drive(const Regime& regime, Instant start = instant("2026-11-13T20:00:00Z"))
      : now(start), regime_(&regime) {}

  Step step(std::string_view name, Wish wish = {}) const {
    const Move* move = regime_->move(name);
    Step s;
    s.act = kAct;
    s.dossier = kDossier;
    s.regime = regime_->name();
    s.move = name;
    s.at = wish.at.value_or(now);
    s.after = wish.after.value_or(state.heads);
    if (move != nullptr && wish.by.empty())
      wish.by.push_back(
          hand(*regime_, wish.role.empty() ? move->by.front() : wish.role, wish.person));
    s.by = wish.by;
    s.target = wish.target;
    if (move != nullptr && !s.target && move->has_region && move->from.region == Region::kExecution)
      s.target = 0;
    s.review = wish.review.value_or(move == nullptr ? std::string() : review_for(*move));
    s.body = wish.body         ? *wish.body
             : move == nullptr ? json::Object()
                               : body_for(*regime_, *move, state, s.at);
    s.id = step_id(s);
    return s;
  }

  // Judges at the act's clock; takes the step into the act when it is accepted.
  Result<void> make(std::string_view name, Wish wish = {}) {
    return take(step(name, std::move(wish)));
  }
  Result<void> take(const Step& s) {
    ENTENTE_TRY(next, apply(state, s, *regime_, now));
    for (auto& e : effects(state, next, *regime_)) wanted.push_back(std::move(e));
    state = std::move(next);
    steps.push_back(s);
    return {};
  }
  // Moves that must succeed, one second apart.
  Drive& through(std::initializer_list<std::string_view> moves) {
    for (const auto name : moves) {
      wait(std::chrono::seconds(1));
      const auto done = make(name);
      EXPECT_TRUE(done) << name << ": " << (done ? std::string() : to_string(done.error()));
    }
    return *this;
  }
  Drive& wait(Millis by) {
    now += by;
    return *this;
  }

  std::string_view in(Region region) const {
    return state_name(region, state.region[static_cast<std::size_t>(region)]);
  }
  std::optional<ClockInstance> clock(std::string_view id) const {
    for (auto& c : clocks(state, *regime_))
      if (c.id == id) return c;
    return std::nullopt;
  }
  const Regime& regime() const { return *regime_; }

  Instant now;
  ActState state;
  std::vector<Step> steps;
  std::vector<WantedEffect> wanted;

 private:
  std::string review_for(const Move& move) const {
    if (!move.route.empty() ||
        (move.routes.empty() && !(move.has_region && move.from.region == Region::kReview)))
      return {};
    for (auto it = state.reviews.rbegin(); it != state.reviews.rend(); ++it) {
      const bool on_route = move.routes.empty() || std::find(move.routes.begin(), move.routes.end(),
                                                             it->route) != move.routes.end();
      if (it->state == 1 && on_route) return it->id;
    }
    return state.reviews.empty() ? std::string() : state.reviews.back().id;
  }

  const Regime* regime_;
};

// A draft on its way, received at the instant of the vectors in specs: 2026-11-13T21:20:30Z.
inline Drive received(const Regime& regime, Instant at = instant("2026-11-13T21:20:30Z")) {
  Drive act(regime, at - std::chrono::minutes(10));
  act.through({"compose", "sign", "send"});
  act.now = at - std::chrono::seconds(1);
  act.through({"receive"});
  return act;
}

// A draft with one part of its form changed: `part` is merged over what stands there.
inline json::Object changed(const Drive& act, std::string_view part, const json::Value& value) {
  const auto& regime = act.regime();
  const Move* compose = nullptr;
  for (const auto& m : regime.moves)
    if (m.drafts) compose = &m;
  auto body = body_for(regime, *compose, act.state, act.now);
  auto& form = body.at("form").as_object();
  if (value.is_object() && form.contains(part)) {
    for (const auto& [k, v] : value.get_object()) form.at(part).as_object()[k] = v;
  } else {
    form[part] = value;
  }
  return body;
}

// The refusal of a move, or a failure of the test if it was accepted.
inline Error refusal(Drive& act, std::string_view move, Wish wish = {}) {
  const auto done = act.make(move, std::move(wish));
  if (!done) return done.error();
  ADD_FAILURE() << move << " was accepted";
  return {};
}

}  // namespace entente::acts::testing

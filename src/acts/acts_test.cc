// SPDX-License-Identifier: Apache-2.0
//
// One act, refused in every way that the law and the safeguards know, from its form to its sending.
// What comes after is execution_test.cc.
#include <gtest/gtest.h>

#include "entente/acts/safeguards.h"
#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::annex_i;
using testing::draft_body;
using testing::Drive;
using testing::refusal;
using testing::tco;

constexpr std::string_view kReasonsLongEnough =
    "Reasons of at least twenty characters, given in full.";

// ── the form
// ─────────────────────────────────────────────────────────────────────────────────────────────────────────
void collect_required(const json::Value& schema, const std::string& at,
                      std::vector<std::string>& out) {
  const auto* properties = json::at_pointer(schema, "/properties");
  const auto* required = json::at_pointer(schema, "/required");
  if (properties == nullptr || required == nullptr) return;
  for (const auto& name : required->get_array()) {
    const std::string here = at + "/" + std::string(name.get_string());
    out.push_back(here);
    collect_required(properties->get_object().at(name.get_string()), here, out);
  }
}

void remove(json::Object& object, std::string_view pointer) {
  const auto slash = pointer.find('/', 1);
  const auto name = pointer.substr(1, slash - 1);
  if (slash == std::string_view::npos)
    object.erase(name);
  else
    remove(object.at(name).as_object(), pointer.substr(slash));
}

std::string_view rule_for(std::string_view pointer) {
  if (pointer.starts_with("/exemption_assessment")) return "SG04";
  if (pointer.starts_with("/territory")) return "SG29";
  if (pointer.starts_with("/deconfliction")) return "SG35";
  if (pointer == "/c" || pointer.starts_with("/c/")) return "SG13";
  return "SG01";
}

TEST(AnnexI, EveryElementIsMissedByNumberAndField) {
  std::vector<std::string> required;
  collect_required(tco().schema_documents.at("tco-annex-i"), "", required);
  ASSERT_GT(required.size(), 50U);
  for (const auto& pointer : required) {
    Drive act(tco());
    auto form = annex_i(act.now);
    remove(form, pointer);
    const auto why = refusal(act, "compose", {.body = draft_body(tco(), form)});
    EXPECT_EQ(why.rule, rule_for(pointer)) << pointer << ": " << to_string(why);
    EXPECT_EQ(why.field, "/body/form" + pointer) << to_string(why);
    EXPECT_FALSE(act.state.started());
  }
}

TEST(AnnexI, AnUnknownElementIsRefused) {
  Drive act(tco());
  auto form = annex_i(act.now);
  form["decryption_key"] = "please";
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), form)}).rule, "SG01");
}

TEST(AnnexI, ThinReasonsAndAForeignLegalBasisAreRefused) {
  Drive act(tco());
  auto thin = annex_i(act.now);
  thin["reasons"] = std::string(199, 'x');
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), thin)}).field, "/body/form/reasons");
  // 199 letters of two bytes each are still 199 characters.
  std::string accents;
  for (int i = 0; i < 199; ++i) accents += "é";
  thin["reasons"] = accents;
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), thin)}).rule, "SG01");
  auto basis = annex_i(act.now);
  basis["legal_basis"] = "Regulation (EU) 2022/2065, Article 9";
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), basis)}).field,
            "/body/form/legal_basis");
}

TEST(SG04, EachExemptionStopsTheOrder) {
  for (const auto* ground : {"educational", "journalistic", "artistic", "research",
                             "counter_terrorism", "public_debate"}) {
    Drive act(tco());
    auto form = annex_i(act.now);
    form.at("exemption_assessment").as_object().at(ground).as_object()["answer"] = "yes";
    const auto why = refusal(act, "compose", {.body = draft_body(tco(), form)});
    EXPECT_EQ(why.rule, "SG04") << ground;
    EXPECT_EQ(why.field, std::string("/body/form/exemption_assessment/") + ground);
  }
}

TEST(SG29, TheTerritoryIsNeverTheWorld) {
  for (const auto* scope : {"worldwide", "all_member_states_and_more", "FR"}) {
    Drive act(tco());
    auto form = annex_i(act.now);
    form["territory"] = scope;
    EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), form)}).rule, "SG29") << scope;
  }
}

TEST(SG35, AConflictOrALateQueryStopsTheOrder) {
  Drive act(tco());
  auto conflict = annex_i(act.now);
  conflict.at("deconfliction").as_object()["outcome"] = "conflict";
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), conflict)}).rule, "SG35");
  auto late = annex_i(act.now);
  late.at("deconfliction").as_object()["asked_at"] = format_rfc3339(act.now + seconds(1));
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), late)}).rule, "SG35");
}

// ── targets
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(SG05, WhatIsNotOneExactItemIsRefused) {
  for (const std::string url : {"https://*.platform.example/post/1",
                                "https://platform.example/*",
                                "https://platform.example/post/*/comments",
                                "https://platform.example",
                                "https://platform.example/",
                                "https://platform.example//",
                                "https://platform.example/./",
                                "https://platform.example/?",
                                "https://platform.example/#top",
                                "https://user@platform.example/post/1",
                                "https://platform.example@evil.example/post/1",
                                "192.0.2.0/24",
                                "https://192.0.2.0/24",
                                "http://10.0.0.0/8",
                                "platform.example/post/1",
                                "ftp://platform.example/post/1",
                                "javascript:alert(1)",
                                "https:///post/1",
                                "https://platform..example/post/1",
                                "https://-platform.example/post/1",
                                "https://platform.example:99999999/a",
                                "https://platform.example:/a",
                                "https://platform.example/po st",
                                "https://platform.example\\@evil.example/a",
                                "https://platform.example/{a,b}",
                                "https://[2001:db8::]/32",
                                "https://plátform.example/a",
                                ""}) {
    const auto r = canonical_target("url", url);
    ASSERT_FALSE(r) << url << " became " << *r;
    EXPECT_EQ(r.error().rule, "SG05") << url;
  }
  for (const std::string host : {"*.example", "192.0.2.1", "192.0.2.0/24", "192.0.2.0-255",
                                 "localhost", "a..example", ".example", "exa mple.org"})
    EXPECT_FALSE(canonical_target("host", host)) << host;
  EXPECT_FALSE(canonical_target("account_id", ".*"));
  EXPECT_FALSE(canonical_target("everything_of", "someone"));
}

TEST(SG05, OneItemHasOneSpelling) {
  EXPECT_EQ(canonical_target("url", "HTTPS://Platform.Example:443/Post/1#c").value(),
            "https://platform.example/Post/1");
  EXPECT_EQ(canonical_target("url", "https://platform.example./Post/1?").value(),
            "https://platform.example/Post/1");
  EXPECT_EQ(canonical_target("url", "http://platform.example:8080/a").value(),
            "http://platform.example:8080/a");
  EXPECT_EQ(canonical_target("url", "https://platform.example?p=3").value(),
            "https://platform.example/?p=3");
}

TEST(SG05, ADraftWithNoItemTwoSpellingsOrTooManyIsRefused) {
  Drive act(tco());
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), annex_i(act.now), 0)}).rule, "SG05");
  EXPECT_EQ(refusal(act, "compose", {.body = draft_body(tco(), annex_i(act.now), 21)}).rule,
            "SG05");
  auto twice = draft_body(tco(), annex_i(act.now), 2);
  twice.at("targets").as_array()[1].as_object()["value"] =
      "https://PLATFORM.example:443/post/1#again";
  EXPECT_EQ(refusal(act, "compose", {.body = twice}).rule, "SG05");
  auto account = draft_body(tco(), annex_i(act.now));
  account.at("targets").as_array()[0] = json::Object{{"kind", "account_id"}, {"value", "42"}};
  EXPECT_EQ(refusal(act, "compose", {.body = account}).rule, "SG05");
}

// ── hands
// ────────────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(Hands, TheDrafterCannotSign) {
  Drive act(tco());
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "sign", {.person = "drafter-1"}).rule, "SG03");
  EXPECT_TRUE(act.make("sign", {.person = "somebody-else"}));
}

TEST(Hands, OnePersonCannotWearTwoHatsInOneStep) {
  auto act = testing::received(tco());
  act.through({"accept", "execute", "inform_user"}).wait(hours(24 * 60));
  const auto why = refusal(
      act, "finalise",
      {.by = {testing::hand(tco(), "signer", "p"), testing::hand(tco(), "court_clerk", "p")}});
  EXPECT_EQ(why.rule, "SG03");
}

// The same law, but two officials must sign.
const Regime& two_signers() {
  static const Regime regime = [] {
    return parse_regime({"two.toml", R"(
extends = "eu-tco-removal"
id = "two-signers"
[[move]]
name = "sign"
title = { en = "Sign", fr = "Signer" }
by = ["signer", "issuer_system"]
signatures = 2
region = "issue"
from = ["checked"]
to = "signed"
then = ["publication:none=>committed"]
schema = "signature"
safeguards = ["SG02"]
)"},
                        Catalogue::builtin_files())
        .value();
  }();
  return regime;
}

TEST(Hands, CosignaturesCountPeopleNotKeys) {
  const Regime& r = two_signers();
  Drive act(r);
  act.through({"compose"});
  const auto one = testing::hand(r, "signer", "p1");
  auto again = one;
  again.keyid = "another-key-of-p1";
  const auto node = testing::hand(r, "issuer_system");
  EXPECT_EQ(refusal(act, "sign", {.by = {one}}).rule, "SG03");
  EXPECT_EQ(refusal(act, "sign", {.by = {one, again}}).rule, "SG03");
  EXPECT_EQ(refusal(act, "sign", {.by = {node, node}}).rule, "SG03");
  EXPECT_TRUE(act.make("sign", {.by = {one, testing::hand(r, "signer", "p2")}}));
}

TEST(Hands, AMachineCannotDecide) {
  auto act = testing::received(tco());
  EXPECT_EQ(refusal(act, "accept", {.role = "platform_system"}).rule, "role");
  auto machine = testing::hand(tco(), "moderator");
  machine.person.clear();
  EXPECT_EQ(refusal(act, "accept", {.by = {machine}}).rule, "SG21");
  auto person_as_node = testing::hand(tco(), "platform_system");
  person_as_node.person = "p";
  act.through({"accept"});
  EXPECT_EQ(refusal(act, "execute", {.by = {person_as_node}}).rule, "role");
}

TEST(Hands, ThePartyMustHoldTheRolesPosition) {
  auto act = testing::received(tco());
  auto impostor = testing::hand(tco(), "moderator");
  impostor.party = "other-platform.example";
  EXPECT_EQ(refusal(act, "accept", {.by = {impostor}}).rule, "role");
  auto body = draft_body(tco(), annex_i(act.now));
  body.at("participants").as_object()["issuer"] = "somebody-else.example";
  Drive fresh(tco());
  EXPECT_EQ(refusal(fresh, "compose", {.body = body}).field, "/body/participants");
}

// ── signing, sealing, sending
// ────────────────────────────────────────────────────────────────────────────────────────
TEST(SG02, ASignatureOverAnOlderDraftIsRefused) {
  Drive act(tco());
  act.through({"compose"});
  const auto older = act.state.draft;
  act.through({"compose"});
  ASSERT_NE(act.state.draft, older);
  EXPECT_EQ(refusal(act, "sign", {.body = json::Object{{"draft", older}}}).rule, "SG02");
  EXPECT_EQ(refusal(act, "sign", {.body = json::Object{}}).rule, "SG02");
}

TEST(SG02, AValidationOfAnOlderDraftDoesNotCarryOver) {
  const auto regime = parse_regime({"validated.toml", R"(
extends = "eu-tco-removal"
id = "validated"
validation = "validate"
[roles.judge]
position = "overseer"
key = "person"
title = { en = "Judge", fr = "Juge" }
[[move]]
name = "validate"
title = { en = "Validate", fr = "Valider" }
by = ["judge"]
when = ["issue=checked"]
schema = "signature"
safeguards = ["SG02"]
)"},
                                   Catalogue::builtin_files());
  ASSERT_TRUE(regime) << to_string(regime.error());
  Drive act(*regime);
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG02");
  act.through({"validate"});
  // A redraft that a slow clock dates before the validation still undoes it.
  ASSERT_TRUE(act.make("compose", {.at = act.now - minutes(5)}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG02");
  act.through({"validate", "sign"});
}

TEST(TCO_3_2, AProviderNeverOrderedBeforeHearsTwelveHoursAhead) {
  const auto sign_with = [](json::Object prior) {
    Drive act(tco());
    auto form = annex_i(act.now);
    form["prior_information"] = std::move(prior);
    EXPECT_TRUE(act.make("compose", {.body = draft_body(tco(), form)}));
    return act.make("sign");
  };
  const auto ago = [](Millis before) { return format_rfc3339(Drive(tco()).now - before); };
  const auto late = sign_with({{"sent_at", ago(hours(11) + minutes(59))}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().rule, "TCO-3-2");
  EXPECT_FALSE(sign_with({{"sent_at", ago(-hours(1))}}));
  EXPECT_TRUE(sign_with({{"sent_at", ago(hours(12))}}));
  EXPECT_TRUE(sign_with(
      {{"emergency_reason", "An attack is announced for tonight; it cannot wait twelve hours."}}));
  Drive act(tco());
  auto none = annex_i(act.now);
  none["prior_information"] = json::Object{};
  EXPECT_FALSE(act.make("compose", {.body = draft_body(tco(), none)}));
}

TEST(SG12, NothingIsSentBeforeItIsLogged) {
  Drive act(tco());
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "send").rule, "state");  // not signed
  act.through({"sign"});
  EXPECT_EQ(refusal(act, "send", {.body = json::Object{}}).rule, "SG12");
  EXPECT_EQ(refusal(act, "send",
                    {.body = json::Object{{"leaf", json::Object{{"origin", ""}, {"index", 1}}}}})
                .rule,
            "SG12");
  EXPECT_EQ(
      refusal(act, "send", {.body = json::Object{{"leaf", json::Object{{"origin", "a/ledger"}}}}})
          .rule,
      "form");
}

json::Object seal_until(Instant until, std::string_view reason = kReasonsLongEnough) {
  return {{"reason", reason}, {"unseal_at", format_rfc3339(until)}};
}

TEST(SG13, ASealHasAReasonAnEndAndOneExtension) {
  Drive act(tco());
  act.through({"compose"});
  const Instant six_weeks = act.now + std::chrono::weeks(6);
  EXPECT_EQ(refusal(act, "seal", {.body = seal_until(six_weeks + seconds(1))}).rule, "SG13");
  EXPECT_EQ(refusal(act, "seal", {.body = seal_until(act.now)}).rule, "SG13");
  EXPECT_EQ(refusal(act, "seal", {.body = seal_until(six_weeks, "secret")}).rule, "SG13");
  EXPECT_EQ(refusal(act, "seal", {.body = json::Object{{"reason", kReasonsLongEnough}}}).rule,
            "SG13");
  ASSERT_TRUE(act.make("compose", {.body = draft_body(tco(), annex_i(act.now, true))}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG13");  // silence without a decision
  ASSERT_TRUE(act.make("seal", {.body = seal_until(six_weeks)}));
  act.through({"sign", "send", "receive"});
  EXPECT_EQ(refusal(act, "extend_seal").rule, "state");  // the overseer has not seen it
  act.through({"receive_copy"});
  EXPECT_EQ(refusal(act, "extend_seal",
                    {.body = seal_until(six_weeks + std::chrono::weeks(6) + seconds(1))})
                .rule,
            "SG13");
  Drive too_late = act;
  too_late.now = six_weeks + seconds(1);
  EXPECT_EQ(refusal(too_late, "extend_seal").rule, "SG13");
  act.through({"extend_seal"});
  EXPECT_EQ(refusal(act, "extend_seal").rule, "state");
  EXPECT_EQ(act.clock("unseal")->due, six_weeks + std::chrono::weeks(6));
}

TEST(SG13, ASealThatTheFormDoesNotAnnounceIsRefused) {
  Drive act(tco());
  act.through({"compose", "seal"});
  EXPECT_EQ(refusal(act, "sign").field, "/body/form/c/no_disclosure");
  act.through({"open_early", "sign"});
}

TEST(SG13, ASealLiftedBeforeTheSignatureCannotBeAnnounced) {
  Drive act(tco());
  ASSERT_TRUE(act.make("compose", {.body = draft_body(tco(), annex_i(act.now, true))}));
  act.through({"seal", "open_early"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG13");
}

TEST(SG13, TheSealOpensByItselfOnAnyNodeAndNotBefore) {
  Drive act(tco());
  ASSERT_TRUE(act.make("compose", {.body = draft_body(tco(), annex_i(act.now, true))}));
  act.through({"seal", "sign", "send", "receive", "accept", "execute"});
  EXPECT_EQ(refusal(act, "inform_user").rule, "state");
  act.now = *act.state.unseal_at - Millis(1);
  EXPECT_EQ(refusal(act, "unseal", {.role = "platform_system"}).rule, "clock");
  act.wait(Millis(1));
  ASSERT_TRUE(act.make("unseal", {.role = "platform_system"}));
  EXPECT_EQ(act.wanted.back().kind, "act.publish_opened");
  EXPECT_TRUE(std::any_of(act.wanted.begin(), act.wanted.end(),
                          [](const auto& e) { return e.kind == "user.inform_opened"; }));
  act.through({"inform_user"});
}

}  // namespace
}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// Court injunctions, orders to act under the DSA, and what is not an order at all: notices of
// trusted flaggers, voluntary referrals, life-threat notices. Each from draft to end.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::changed;
using testing::Drive;
using testing::kWords;
using testing::refusal;
using testing::shipped;

constexpr auto kDay = hours(24);

bool wants(const Drive& act, std::string_view kind) {
  return std::any_of(act.wanted.begin(), act.wanted.end(),
                     [&](const auto& e) { return e.kind == kind; });
}

// ── court injunctions ────────────────────────────────────────────────────────────────────────────

TEST(CourtInjunction, EndsAtItsTermByItselfOnAnyNode) {
  const auto& regime = shipped("court-injunction");
  auto act = testing::received(regime);
  act.through({"accept", "execute", "inform_user"});
  const Instant end = act.clock("term")->due;
  act.now = end - Millis(1);
  EXPECT_EQ(refusal(act, "end_of_term", {.role = "platform_system"}).rule, "clock");
  act.wait(Millis(1));
  ASSERT_TRUE(act.make("end_of_term", {.role = "platform_system"}));
  EXPECT_TRUE(wants(act, "content.restore"));
  act.through({"reversed", "finalise", "close"});
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
}

TEST(SG08, AnInjunctionWithoutATermOrWithAPastOrEndlessOneIsRefused) {
  const auto& regime = shipped("court-injunction");
  Drive act(regime);
  auto body = changed(act, "language", "fr");
  body.at("form").as_object().erase("term");
  EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG08");
  for (const auto days : {-1, 0, 24 * 366}) {
    body.at("form").as_object()["term"] = testing::until(act.now, kDay * days);
    EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG08") << days;
  }
}

TEST(SG08, AMirrorIsNotBlockedLongerThanWhatItMirrors) {
  const auto& regime = shipped("court-injunction-blocking");
  Drive act(regime);
  json::Object mirror{{"act", testing::kDossier},
                      {"judgment_sha256", testing::kSomeHash},
                      {"term_until", format_rfc3339(act.now + kDay * 300)}};
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "mirror_of", mirror)}).rule, "SG08");
  mirror["term_until"] = format_rfc3339(act.now + kDay * 365);
  ASSERT_TRUE(act.make("compose", {.body = changed(act, "mirror_of", mirror)}));
}

TEST(CourtInjunction, AnAccessProviderIsOrderedExactNamesAndUndoesThem) {
  const auto& regime = shipped("court-injunction-blocking");
  Drive wild(regime);
  auto body = changed(wild, "language", "fr");
  body.at("targets").as_array()[0].as_object()["value"] = "*.example-press.net";
  EXPECT_EQ(refusal(wild, "compose", {.body = body}).rule, "SG05");
  body.at("targets").as_array()[0].as_object()["value"] = "gouv.fr";
  EXPECT_EQ(refusal(wild, "compose", {.body = body}).rule, "SG06");
  auto act = testing::received(regime);
  act.through({"apply", "execute"});
  EXPECT_TRUE(wants(act, "dns.block"));
  EXPECT_FALSE(wants(act, "content.disable"));
  act.through({"contest", "annul"});
  EXPECT_TRUE(wants(act, "dns.unblock"));
  EXPECT_EQ(act.clock("restore")->due, act.now + kDay);
  act.through({"reversed"});
}

TEST(CourtInjunction, TheRegistrarDoesNotSignForTheJudge) {
  Drive act(shipped("court-injunction"));
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "sign", {.role = "drafter"}).rule, "role");
  EXPECT_EQ(refusal(act, "sign", {.person = "drafter-1"}).rule, "SG03");
}

// ── DSA, Art. 9 ──────────────────────────────────────────────────────────────────────────────────

TEST(DsaOrder, HasTheTimeThatItSetsAndNoneOtherwise) {
  const auto& regime = shipped("eu-dsa-order-act");
  auto act = testing::received(regime);
  EXPECT_FALSE(act.clock("execute"));
  EXPECT_EQ(refusal(act, "overdue").rule, "clock");
  Drive timed(regime);
  const Instant by = timed.now + hours(30);
  ASSERT_TRUE(timed.make("compose",
                         {.body = changed(timed, "effect_by", json::Value(format_rfc3339(by)))}));
  timed.through({"sign", "send", "receive"});
  EXPECT_EQ(timed.clock("execute")->due, by);
  EXPECT_EQ(timed.clock("execute")->due_1182, by);
  timed.now = by;
  timed.through({"overdue", "accept", "execute", "inform_user", "contest", "uphold"});
  timed.wait(kDay * 70).through({"finalise", "publish"});
  timed.wait(kDay * 130).through({"erase", "close"});
  EXPECT_EQ(timed.in(Region::kFinality), "closed");
}

TEST(DsaOrder, WithoutScopeProvisionsOrBeyondTheMemberStateIsRefused) {
  const auto& regime = shipped("eu-dsa-order-act");
  for (const auto* part : {"scope_reasons", "provisions", "redress", "authority"}) {
    Drive act(regime);
    auto body = changed(act, "language", "fr");
    body.at("form").as_object().erase(part);
    EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG01") << part;
  }
  for (const auto* scope : {"all_member_states", "worldwide"}) {
    Drive act(regime);
    EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "territory", scope)}).rule, "SG29");
  }
}

TEST(SG30, AQuestionStopsTheTimeAndAnAnswerStartsItAnew) {
  auto act = testing::received(shipped("fr-lcen-withdrawal"));
  act.through({"clarify"});
  EXPECT_FALSE(act.clock("execute"));
  act.wait(kDay * 3);
  EXPECT_EQ(refusal(act, "overdue").rule, "state");
  act.through({"clarified"});
  EXPECT_EQ(act.clock("execute")->due, act.now + kDay);
}

// ── not orders ───────────────────────────────────────────────────────────────────────────────────

TEST(SG32, NeitherAFlagNorAReferralShowsADeadlineToTheProvider) {
  for (const auto* id : {"eu-dsa-trusted-flagger-notice", "eu-referral"}) {
    const auto& regime = shipped(id);
    EXPECT_EQ(regime.mode, "notice");
    Drive act(regime);
    act.through({"notify", "send", "receive", "acknowledge"});
    for (const auto& c : clocks(act.state, regime))
      EXPECT_NE(regime.role(c.owner)->position, "addressee") << id << " " << c.id;
    act.through({"refuse"});  // freely
    act.through({"inform_notifier"});
  }
}

TEST(TrustedFlagger, IsAnsweredComplainsAndTheContentComesBack) {
  const auto& regime = shipped("eu-dsa-trusted-flagger-notice");
  Drive act(regime);
  act.through({"notify", "send", "receive", "accept", "execute", "inform_user", "inform_notifier"});
  act.through({"complain"});
  EXPECT_EQ(refusal(act, "annul", {.person = "moderator-1"}).rule, "SG03");
  EXPECT_EQ(refusal(act, "annul", {.role = "flagger"}).rule, "role");
  act.through({"annul", "reversed", "publish"});
  EXPECT_TRUE(wants(act, "content.restore"));
}

TEST(TrustedFlagger, WithoutItsStatusOrGoodFaithIsRefused) {
  for (const auto* part : {"status", "bona_fide"}) {
    Drive act(shipped("eu-dsa-trusted-flagger-notice"));
    auto body = changed(act, "language", "fr");
    body.at("form").as_object().erase(part);
    EXPECT_EQ(refusal(act, "notify", {.body = body}).rule, "SG01") << part;
  }
}

TEST(Referral, IsVoluntaryAndTheOverseerSeesIt) {
  const auto& regime = shipped("eu-referral");
  Drive act(regime);
  EXPECT_EQ(refusal(act, "notify", {.body = changed(act, "voluntary", false)}).field,
            "/body/form/voluntary");
  EXPECT_EQ(
      refusal(act, "notify", {.body = changed(act, "effect_by", "2026-11-14T00:00:00Z")}).rule,
      "SG01");  // there is no such field
  act.through({"notify", "send", "receive", "receive_copy", "recommend"});
  EXPECT_EQ(refusal(act, "overdue").rule, "move");
  act.through({"withdraw"});
}

TEST(LifeThreat, IsSaidByAPersonAndFollowedUp) {
  const auto& regime = shipped("eu-life-threat-notice");
  Drive act(regime);
  auto machine = testing::hand(regime, "moderator");
  machine.person.clear();
  EXPECT_EQ(refusal(act, "warn", {.by = {machine}}).rule, "SG21");
  auto body = changed(act, "language", "en");
  body.at("form").as_object().erase("relevant_information");
  EXPECT_EQ(refusal(act, "warn", {.body = body}).rule, "SG01");
  act.through({"warn"});
  EXPECT_EQ(refusal(act, "send", {.body = json::Object{}}).rule, "SG12");
  act.through({"send"});
  act.wait(minutes(66)).through({"undelivered", "send", "receive", "take_charge"});
  act.through({"finalise", "close"});
  EXPECT_EQ(act.in(Region::kFinality), "closed");
}

}  // namespace
}  // namespace entente::acts

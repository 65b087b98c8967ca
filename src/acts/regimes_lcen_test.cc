// SPDX-License-Identifier: Apache-2.0
//
// The three steps of LCEN, Art. 6-1, from draft to end: withdrawal request, blocking entry,
// de-listing entry; and what each of them refuses.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::changed;
using testing::Drive;
using testing::instant;
using testing::kWords;
using testing::refusal;
using testing::shipped;

const Regime& withdrawal() {
  return shipped("fr-lcen-withdrawal");
}
const Regime& blocking() {
  return shipped("fr-lcen-blocking");
}
const Regime& delisting() {
  return shipped("fr-lcen-delisting");
}

bool wants(const Drive& act, std::string_view kind) {
  return std::any_of(act.wanted.begin(), act.wanted.end(),
                     [&](const auto& e) { return e.kind == kind; });
}

Drive blocked(const Regime& regime = blocking()) {
  auto act = testing::received(regime);
  act.through({"apply", "execute"});
  return act;
}

// ── withdrawal ───────────────────────────────────────────────────────────────────────────────────

TEST(LcenWithdrawal, FromTheRequestToTheErasedCopy) {
  auto act = testing::received(withdrawal());
  EXPECT_EQ(act.clock("execute")->due, instant("2026-11-14T21:20:30Z"));
  EXPECT_EQ(act.clock("execute")->due_1182, instant("2026-11-14T22:00:00Z"));
  act.through({"receive_copy", "accept", "execute", "inform_user", "publish"});
  EXPECT_EQ(refusal(act, "finalise").rule, "finality");  // two months to challenge
  act.wait(hours(24 * 70)).through({"finalise"});
  EXPECT_EQ(refusal(act, "erase").rule, "clock");
  act.wait(hours(24 * 130)).through({"erase", "close"});
  EXPECT_EQ(act.in(Region::kFinality), "closed");
}

TEST(LcenWithdrawal, IsOverdueAfterADayAndNotBefore) {
  auto act = testing::received(withdrawal());
  act.now = instant("2026-11-14T21:59:59Z");
  EXPECT_EQ(refusal(act, "overdue").rule, "clock");
  act.wait(seconds(1)).through({"overdue"});
  EXPECT_EQ(act.in(Region::kExecution), "overdue");
}

TEST(LcenWithdrawal, AnAnnulmentGivesThePageBack) {
  auto act = testing::received(withdrawal());
  act.through({"accept", "execute", "inform_user", "contest"});
  EXPECT_EQ(refusal(act, "answer").rule, "route");  // the issuer cannot dispose of it
  act.through({"annul", "reversed"});
  EXPECT_TRUE(wants(act, "content.restore"));
  EXPECT_TRUE(wants(act, "user.inform_restored"));
}

TEST(LcenWithdrawal, TheWindowOfTheLawCannotBeMadeShorterByTheForm) {
  Drive act(withdrawal(), instant("2026-11-13T21:00:00Z"));
  ASSERT_TRUE(act.make("compose", {.body = changed(act, "redress", {{"period", "P1D"}})}));
  act.through({"sign", "send", "receive"});
  EXPECT_EQ(act.clock("court_window")->due, act.now + hours(24 * 61));  // two months of 30 and 31
  Drive longer(withdrawal(), instant("2026-11-13T21:00:00Z"));
  ASSERT_TRUE(longer.make("compose", {.body = changed(longer, "redress", {{"period", "P1Y"}})}));
  longer.through({"sign", "send", "receive"});
  EXPECT_EQ(longer.clock("court_window")->due, longer.now + hours(24 * 365));
}

TEST(LcenWithdrawal, MissingProvisionsRedressTerritoryAndDeconflictionAreRefusedByNumber) {
  for (const auto& [part, rule] :
       std::vector<std::pair<std::string, std::string>>{{"provisions", "SG01"},
                                                        {"redress", "SG01"},
                                                        {"territory", "SG29"},
                                                        {"deconfliction", "SG35"},
                                                        {"ground", "SG01"}}) {
    Drive act(withdrawal());
    auto body = changed(act, "language", "fr");
    body.at("form").as_object().erase(part);
    EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, rule) << part;
  }
  Drive act(withdrawal());
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "territory", "all_member_states")}).rule,
            "SG29");  // the whole Union is reached by Regulation 2021/784 only
}

// ── SG06 ─────────────────────────────────────────────────────────────────────────────────────────

json::Object on_domain(const Drive& act, std::string_view name) {
  auto body = changed(act, "language", "fr");
  body.at("targets").as_array()[0].as_object()["value"] = name;
  return body;
}

TEST(SG06, APublicSuffixIsNeverBlocked) {
  for (const auto* name : {"co.uk", "gouv.fr", "github.io"}) {
    Drive act(blocking());
    const auto why = refusal(act, "compose", {.body = on_domain(act, name)});
    EXPECT_EQ(why.rule, "SG06") << name;
    EXPECT_EQ(why.field, "/body/targets/0");
  }
  Drive act(blocking());
  EXPECT_EQ(
      refusal(act, "compose", {.body = changed(act, "collateral", {{"public_suffix", true}})}).rule,
      "SG06");
  EXPECT_TRUE(act.make("compose", {.body = on_domain(act, "one-site.github.io")}));
}

TEST(SG06, ASharedNameNeedsTheImpactAndTheOverseer) {
  Drive act(blocking());
  const auto shared = changed(act, "collateral", {{"tenants", 12}});
  EXPECT_EQ(refusal(act, "compose", {.body = shared}).field, "/body/form/collateral/impact");
  const auto stated = changed(act, "collateral", {{"tenants", 12}, {"impact", kWords}});
  ASSERT_TRUE(act.make("compose", {.body = stated}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG06");
  act.through({"approve_shared"});
  // An approval of an older draft does not carry over.
  ASSERT_TRUE(act.make("compose", {.body = stated}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG06");
  EXPECT_EQ(refusal(act, "approve_shared", {.person = "drafter-1"}).rule, "SG03");
  act.through({"approve_shared", "sign"});
}

TEST(SG06, AKnownSharedNameIsSharedWhateverTheFormSays) {
  Drive act(blocking());
  EXPECT_EQ(refusal(act, "compose", {.body = on_domain(act, "youtube.com")}).rule, "SG06");
  auto body = on_domain(act, "youtube.com");
  body.at("form").as_object().at("collateral").as_object()["impact"] = kWords;
  ASSERT_TRUE(act.make("compose", {.body = body}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG06");
}

TEST(SG06, NobodyLookedForOthersBehindTheName) {
  Drive act(blocking());
  auto body = changed(act, "language", "fr");
  body.at("form").as_object().at("collateral").as_object().erase("tenants");
  EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG06");
}

// ── SG07 ─────────────────────────────────────────────────────────────────────────────────────────

TEST(SG07, TheSourceIsAskedFirstAndHasADay) {
  Drive act(blocking());
  const auto recent = format_rfc3339(act.now - hours(23));
  ASSERT_TRUE(
      act.make("compose", {.body = changed(act, "source_removal", {{"requested_at", recent}})}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG07");
  act.wait(minutes(59));
  EXPECT_EQ(refusal(act, "sign").rule, "SG07");
  act.wait(minutes(2)).through({"sign"});
}

TEST(SG07, AnUnnamedRequestOrAnAnonymityWithoutReasonIsRefused) {
  Drive act(blocking());
  auto body = changed(act, "language", "fr");
  body.at("form").as_object()["source_removal"] = json::Object{{"outcome", "not_removed"}};
  ASSERT_TRUE(act.make("compose", {.body = body}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG07");
  body.at("form").as_object()["source_removal"] = json::Object{{"outcome", "anonymous_publisher"}};
  ASSERT_TRUE(act.make("compose", {.body = body}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG07");
  body.at("form").as_object()["source_removal"] =
      json::Object{{"outcome", "anonymous_publisher"}, {"reason", kWords}};
  ASSERT_TRUE(act.make("compose", {.body = body}));
  act.through({"sign"});
  Drive none(blocking());
  body.at("form").as_object().erase("source_removal");
  EXPECT_EQ(refusal(none, "compose", {.body = body}).rule, "SG07");
}

// ── SG08, SG09 ───────────────────────────────────────────────────────────────────────────────────

TEST(SG08, ABlockWhoseReviewIsMissedLapsesAndUnblocks) {
  auto act = blocked();
  const Instant applied = act.now;
  EXPECT_EQ(act.clock("review")->due, applied + hours(24 * 90));
  act.now = applied + hours(24 * 90) - seconds(1);
  EXPECT_EQ(refusal(act, "lapse_unreviewed", {.role = "platform_system", .target = 0}).rule,
            "clock");
  act.wait(seconds(1));
  ASSERT_TRUE(act.make("lapse_unreviewed", {.role = "platform_system", .target = 0}));
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
  EXPECT_TRUE(wants(act, "dns.unblock"));
  EXPECT_EQ(refusal(act, "renew").rule, "state");  // too late
  act.through({"reversed"});
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
}

TEST(SG08, KeepingABlockTakesAFreshLook) {
  auto act = blocked();
  act.wait(hours(24 * 80));
  auto body = *testing::move_body("looked-again", act.now);
  body["still_illegal"] = false;
  EXPECT_EQ(refusal(act, "renew", {.body = body}).rule, "SG08");
  body["still_illegal"] = true;
  body["checked_at"] = format_rfc3339(act.now - hours(24 * 81));
  EXPECT_EQ(refusal(act, "renew", {.body = body}).rule, "SG08");  // before it was even applied
  body["checked_at"] = format_rfc3339(act.now + minutes(1));
  EXPECT_EQ(refusal(act, "renew", {.body = body}).rule, "SG08");
  act.through({"renew"});
  const Instant renewed = act.now;
  EXPECT_EQ(act.clock("review")->due, renewed + hours(24 * 90));
  act.wait(hours(24 * 20));
  body["checked_at"] = format_rfc3339(renewed - seconds(1));
  EXPECT_EQ(refusal(act, "renew", {.body = body}).rule, "SG08");  // the look of the last time
}

TEST(SG09, AReportThatTheContentIsGoneIsAnsweredOrTheBlockEnds) {
  auto act = blocked();
  act.wait(hours(100)).through({"report_gone"});
  const Instant reported = act.now;
  EXPECT_EQ(act.clock("gone")->due, reported + hours(1));
  auto stale = *testing::move_body("looked-again", reported - minutes(5));
  EXPECT_EQ(refusal(act, "recheck", {.body = stale}).rule, "SG09");
  auto gone = *testing::move_body("looked-again", act.now);
  gone["still_active"] = false;
  EXPECT_EQ(refusal(act, "recheck", {.body = gone}).rule, "SG09");
  const auto report = act.state.reviews.back().id;
  EXPECT_EQ(refusal(act, "lapse_gone", {.role = "overseer_system", .review = report}).rule,
            "clock");
  act.wait(hours(2));
  ASSERT_TRUE(act.make("lapse_gone", {.role = "overseer_system", .review = report}));
  EXPECT_TRUE(wants(act, "dns.unblock"));
  EXPECT_EQ(act.clock("restore")->due, act.now + hours(24));
  act.through({"close_gone", "reversed", "finalise", "close"});
}

TEST(SG09, UnblockingTakesOneSignatureAndIsApplied) {
  auto act = blocked();
  EXPECT_EQ(refusal(act, "withdraw", {.role = "moderator"}).rule, "role");  // a list is not altered
  act.through({"withdraw"});
  EXPECT_TRUE(wants(act, "dns.unblock"));
  EXPECT_EQ(act.clock("restore")->due, act.now + hours(24));
  act.through({"reversed"});
}

// ── SG10, SG11 ───────────────────────────────────────────────────────────────────────────────────

TEST(SG10, TheOverseerRecommendsAndGoesToCourtFromTheirOwnReceipt) {
  auto act = blocked();
  act.through({"receive_copy"});
  ASSERT_TRUE(act.make("contest", {.role = "overseer"}));
  act.through({"annul"});
  EXPECT_TRUE(wants(act, "dns.unblock"));
  EXPECT_EQ(blocking().copies, std::vector<std::string>{"overseer"});
}

TEST(SG11, ARecommendationLeftUnansweredForADayIsEscalated) {
  auto act = blocked();
  act.through({"recommend"});
  const auto review = act.state.reviews.back().id;
  EXPECT_EQ(act.clock("recommendation")->due, act.now + hours(24));
  EXPECT_EQ(refusal(act, "escalate", {.role = "overseer_system", .review = review}).rule, "clock");
  act.wait(hours(25));
  ASSERT_TRUE(act.make("escalate", {.role = "overseer_system", .review = review}));
  EXPECT_FALSE(act.clock("recommendation"));  // told once
  EXPECT_EQ(refusal(act, "escalate", {.role = "overseer_system", .review = review}).rule, "state");
  act.through({"answer"});
}

// ── de-listing ───────────────────────────────────────────────────────────────────────────────────

TEST(LcenDelisting, TheEngineHasTwoDaysBothWays) {
  auto act = testing::received(delisting());
  EXPECT_EQ(act.clock("execute")->due, instant("2026-11-15T21:20:30Z"));
  act.through({"apply", "execute"});
  EXPECT_TRUE(wants(act, "index.delist"));
  EXPECT_FALSE(wants(act, "dns.block"));
  act.through({"withdraw"});
  EXPECT_EQ(act.clock("restore")->due, act.now + hours(48));
  EXPECT_TRUE(wants(act, "index.relist"));
  act.through({"reversed"});
}

TEST(LcenDelisting, NeedsTheSourceFirstAndEndsUnreviewed) {
  Drive act(delisting());
  const auto recent = format_rfc3339(act.now - hours(1));
  ASSERT_TRUE(
      act.make("compose", {.body = changed(act, "source_removal", {{"requested_at", recent}})}));
  EXPECT_EQ(refusal(act, "sign").rule, "SG07");
  auto listed = blocked(delisting());
  listed.wait(hours(24 * 91));
  ASSERT_TRUE(listed.make("lapse_unreviewed", {.role = "overseer_system", .target = 0}));
  EXPECT_TRUE(wants(listed, "index.relist"));
}

}  // namespace
}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// Requests for data about a person and for their preservation: from draft to end, and what they
// refuse (SG24 to SG28).
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

std::vector<const Regime*> requests() {
  return {&shipped("eu-dsa-order-information"), &shipped("fr-requisition"),
          &shipped("fr-preservation"), &shipped("eu-epoc-pr")};
}

json::Object of_category(const Drive& act, std::string_view category) {
  return changed(act, "data", {{"categories", json::Array{category}}});
}

Drive answered(const Regime& regime) {
  Drive act(regime);
  act.through({"compose", "validate", "sign", "send", "receive"});
  act.through({regime.move("produce") != nullptr ? "produce" : "preserve"});
  return act;
}

TEST(DataRequest, FromDraftToEndWithThePersonTold) {
  for (const auto* id : {"eu-dsa-order-information", "fr-requisition"}) {
    auto act = answered(shipped(id));
    EXPECT_TRUE(std::all_of(act.wanted.begin(), act.wanted.end(), [](const auto& e) {
      return e.kind.starts_with("act.");  // no data pass through an act
    }));
    EXPECT_TRUE(act.clock("tell"));
    EXPECT_EQ(refusal(act, "finalise").rule, "finality");
    act.through({"inform_user"});
    EXPECT_FALSE(act.clock("tell"));
    const auto window = clock_for(act.state, act.regime(), *act.regime().clock("court_window"),
                                  "user", std::nullopt, {});
    ASSERT_TRUE(window);
    EXPECT_EQ(window->due, act.now + kDay * 61);  // two months from the person's own information
    act.through({"contest", "uphold", "publish"});
    act.wait(kDay * 70).through({"finalise"});
    act.wait(kDay * 130).through({"discard", "close"});
    EXPECT_EQ(act.in(Region::kFinality), "closed") << id;
  }
}

TEST(DataRequest, ANullityIsFollowedByDeletion) {
  auto act = answered(shipped("fr-requisition"));
  act.through({"inform_user", "contest", "annul"});
  EXPECT_EQ(act.clock("restore")->due, act.now + kDay);
  ASSERT_TRUE(act.make("reversed", {.role = "overseer"}));  // the issuer's word is not needed
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
}

TEST(SG02, ARequestIsNotSignedBeforeItWasLetPass) {
  for (const auto* regime : requests()) {
    Drive act(*regime);
    act.through({"compose"});
    EXPECT_EQ(refusal(act, "sign").rule, "state") << regime->id;
    act.through({"validate", "compose"});  // a new draft is validated anew
    EXPECT_EQ(refusal(act, "sign").rule, "state") << regime->id;
    EXPECT_EQ(refusal(act, "validate", {.person = "drafter-1"}).rule, "SG03") << regime->id;
  }
}

TEST(SG24, BulkEndlessFutureAndUnreasonedRequestsAreRefused) {
  for (const auto* regime : requests()) {
    Drive act(*regime);
    auto two = changed(act, "language", "fr");
    two.at("targets").as_array().push_back(
        json::Object{{"kind", "account_id"}, {"value", "account-2"}});
    // One target at most: SG05 by the regime's number, before SG24 counts again.
    EXPECT_EQ(refusal(act, "compose", {.body = two}).rule, "SG05") << regime->id;
    const auto with = [&](std::string_view key, const json::Value& v) {
      return refusal(act, "compose", {.body = changed(act, "data", json::Object{{key, v}})}).rule;
    };
    EXPECT_EQ(with("categories", json::Array{}), "SG24") << regime->id;
    EXPECT_EQ(with("categories", json::Array{"everything"}), "SG24");
    EXPECT_EQ(with("from", json::Value(format_rfc3339(act.now - kDay * 400))), "SG24");
    EXPECT_EQ(with("from", json::Value(format_rfc3339(act.now - hours(12)))), "SG24");
    EXPECT_EQ(with("to", json::Value(format_rfc3339(act.now + hours(1)))), "SG24");
    EXPECT_EQ(with("necessity", "needed"), "SG24");
  }
  Drive act(shipped("eu-dsa-order-information"));
  EXPECT_EQ(refusal(act, "compose", {.body = of_category(act, "content")}).rule, "SG24");
  auto pattern = changed(act, "language", "fr");
  pattern.at("targets").as_array()[0].as_object()["value"] = "account-*";
  EXPECT_EQ(refusal(act, "compose", {.body = pattern}).rule, "SG05");
}

TEST(SG24, TrafficIsAskedForInTheNamedCasesOnly) {
  Drive act(shipped("fr-requisition"));
  EXPECT_EQ(refusal(act, "compose", {.body = of_category(act, "traffic")}).field,
            "/body/form/gate");
  auto body = of_category(act, "location");
  body.at("form").as_object()["gate"] = "because";
  EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG24");
  body.at("form").as_object()["gate"] = "crime_or_three_years";
  EXPECT_TRUE(act.make("compose", {.body = body}));
}

TEST(SG25, TrafficLocationAndContentNeedAJudge) {
  for (const auto* category : {"traffic", "location", "content"}) {
    Drive act(shipped("fr-requisition"));
    auto body = of_category(act, category);
    body.at("form").as_object()["gate"] = "crime_or_three_years";
    ASSERT_TRUE(act.make("compose", {.body = body}));
    EXPECT_EQ(refusal(act, "validate", {.role = "prosecutor"}).rule, "SG25") << category;
    ASSERT_TRUE(act.make("validate", {.role = "judge"}));
    act.through({"sign"});
  }
  Drive name(shipped("fr-requisition"));
  name.through({"compose"});
  ASSERT_TRUE(name.make("validate", {.role = "prosecutor"}));
}

TEST(SG26, AProtectedProfessionForcesAJudgeAndTheProviderMayAsk) {
  for (const auto* flag : {"journalist", "lawyer", "doctor", "member_of_parliament"}) {
    Drive act(shipped("fr-requisition"));
    ASSERT_TRUE(act.make("compose", {.body = changed(act, "privilege", {{"flag", flag}})}));
    EXPECT_EQ(refusal(act, "validate", {.role = "prosecutor"}).rule, "SG26") << flag;
    ASSERT_TRUE(act.make("validate", {.role = "judge"}));
  }
  Drive act(shipped("fr-requisition"));
  act.through({"compose", "validate", "sign", "send", "receive", "flag_privilege"});
  EXPECT_EQ(refusal(act, "produce").rule, "SG26");
  EXPECT_EQ(refusal(act, "answer").rule, "route");  // not for the issuer to settle
  Drive stopped = act;
  act.through({"no_privilege", "produce"});
  stopped.through({"privileged"});
  EXPECT_EQ(stopped.in(Region::kExecution), "lapsed");
  EXPECT_EQ(refusal(stopped, "produce").rule, "state");
}

TEST(SG28, ADelayOfThePersonsInformationHasAGroundADecisionAndAnEnd) {
  Drive act(shipped("fr-requisition"));
  ASSERT_TRUE(act.make("compose", {.body = changed(act, "user_info", {{"delayed", true}})}));
  act.through({"validate"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG28");  // no ground
  ASSERT_TRUE(act.make("compose", {.body = changed(act, "user_info",
                                                   {{"delayed", true}, {"ground", "inquiries"}})}));
  act.through({"validate"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG28");  // no decision
  const auto seal = [&](Millis after) {
    return json::Object{{"reason", kWords}, {"unseal_at", format_rfc3339(act.now + after)}};
  };
  EXPECT_EQ(refusal(act, "seal", {.body = seal(kDay * 200)}).rule, "SG13");
  ASSERT_TRUE(act.make("seal", {.body = seal(kDay * 60)}));
  act.through({"sign", "send", "receive", "produce"});
  EXPECT_EQ(refusal(act, "inform_user").rule, "state");
  EXPECT_FALSE(act.clock("tell"));
  act.wait(kDay * 61);
  ASSERT_TRUE(act.make("unseal", {.role = "overseer_system"}));
  EXPECT_TRUE(act.clock("tell"));
  act.through({"inform_user", "contest"});
  Drive silent(shipped("fr-requisition"));
  silent.through({"compose", "validate"});
  ASSERT_TRUE(silent.make("seal", {.body = seal(kDay * 60)}));
  EXPECT_EQ(refusal(silent, "sign").rule, "SG28");  // sealed, and the form says the person is told
}

// ── preservation ─────────────────────────────────────────────────────────────────────────────────

TEST(Preservation, EndsByItselfAndIsDeleted) {
  auto act = answered(shipped("fr-preservation"));
  const Instant end = act.clock("term")->due;
  act.now = end - Millis(1);
  EXPECT_EQ(refusal(act, "release", {.role = "platform_system"}).rule, "clock");
  act.wait(Millis(1));
  ASSERT_TRUE(act.make("release", {.role = "platform_system"}));
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
  act.through({"reversed"});
}

TEST(Preservation, IsOneYearAtMostAndLetPassByTheJudgeOfLibertiesOnly) {
  Drive act(shipped("fr-preservation"));
  const auto late = testing::until(act.now, kDay * 366);
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "term", late)}).rule, "SG08");
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "validate", {.role = "prosecutor"}).rule, "role");
}

TEST(EuropeanPreservation, LastsSixtyDaysAndThirtyMoreOnce) {
  const auto& regime = shipped("eu-epoc-pr");
  Drive act(regime);
  ASSERT_TRUE(
      act.make("compose", {.body = changed(act, "term", testing::until(act.now, kDay * 60))}));
  act.through({"validate", "sign", "send", "receive"});
  const Instant received = act.now;
  act.through({"preserve"});
  EXPECT_LE(act.clock("term")->due, received + kDay * 60);
  Drive extended = act;
  extended.through({"extend_hold"});
  EXPECT_EQ(refusal(extended, "extend_hold").rule, "state");  // once
  EXPECT_FALSE(extended.clock("term"));
  EXPECT_EQ(extended.clock("extended_term")->due, received + kDay * 90);
  extended.now = received + kDay * 60;
  EXPECT_EQ(refusal(extended, "release", {.role = "overseer_system"}).rule, "state");
  extended.now = received + kDay * 90;
  ASSERT_TRUE(extended.make("release_extended", {.role = "overseer_system"}));
  act.now = received + kDay * 60;
  ASSERT_TRUE(act.make("release", {.role = "overseer_system"}));
  act.through({"reversed"});
}

TEST(EuropeanPreservation, AQuestionNobodyAnswersInFiveDaysReleases) {
  Drive act(shipped("eu-epoc-pr"));
  act.through({"compose", "validate", "sign", "send", "receive", "clarify"});
  act.wait(kDay * 4);
  EXPECT_EQ(refusal(act, "unanswered").rule, "clock");
  act.wait(kDay * 4).through({"unanswered"});
  EXPECT_EQ(act.in(Region::kExecution), "lapsed");
}

}  // namespace
}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// European Production Orders: ordinary, with a notified enforcing authority, and in an emergency.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using testing::changed;
using testing::Drive;
using testing::instant;
using testing::refusal;
using testing::shipped;

constexpr auto kDay = hours(24);

const Regime& ordinary() {
  return shipped("eu-epoc");
}
const Regime& notified() {
  return shipped("eu-epoc-notified");
}
const Regime& emergency() {
  return shipped("eu-epoc-emergency");
}

Result<void> sign_by_two(Drive& act) {
  return act.make("sign", {.by = {testing::hand(act.regime(), "signer", "p1"),
                                  testing::hand(act.regime(), "signer", "p2")}});
}

Drive urgent() {
  Drive act(emergency(), instant("2026-11-13T21:00:00Z"));
  act.through({"compose"});
  EXPECT_TRUE(sign_by_two(act));
  act.through({"send", "receive"});
  return act;
}

// ── ordinary ─────────────────────────────────────────────────────────────────────────────────────

TEST(Epoc, FromDraftToEndInTenDays) {
  Drive act(ordinary());
  act.through({"compose", "validate", "sign", "send", "receive"});
  EXPECT_EQ(act.clock("execute")->due, act.now + kDay * 10);
  act.through({"clarify"});
  EXPECT_EQ(act.clock("clarification")->due, act.now + kDay * 5);
  EXPECT_FALSE(act.clock("execute"));  // suspended
  act.wait(kDay * 4).through({"clarified"});
  EXPECT_EQ(act.clock("execute")->due, act.now + kDay * 10);
  act.through({"produce", "inform_user", "publish"});
  for (const auto& e : act.wanted) EXPECT_TRUE(e.kind.starts_with("act.")) << e.kind;
  act.wait(kDay * 70).through({"finalise"});
  act.wait(kDay * 130).through({"discard", "close"});
}

TEST(Epoc, ReachesNeitherTrafficNorContent) {
  for (const auto* category : {"traffic", "content", "location"}) {
    Drive act(ordinary());
    const auto body = changed(act, "data", {{"categories", json::Array{category}}});
    EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG24") << category;
  }
}

TEST(Epoc, TheGroundsForTheEnforcingAuthorityAreNotShownToTheAddressee) {
  Drive act(notified());
  const json::Object text{{"sha256", testing::kSomeHash}, {"case_summary", "who, and why"}};
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "m", text)}).rule, "SG24");
}

TEST(Epoc, AnObjectionUnderForeignLawSuspendsAndIsTheCourtsToSettle) {
  Drive act(ordinary());
  act.through({"compose", "validate", "sign", "send", "receive", "conflict"});
  EXPECT_FALSE(act.clock("execute"));
  act.wait(kDay * 20);
  EXPECT_EQ(refusal(act, "overdue").rule, "state");
  EXPECT_EQ(refusal(act, "no_conflict", {.role = "signer"}).rule, "role");
  act.through({"conflict_upheld"});
  EXPECT_EQ(act.in(Region::kExecution), "lapsed");
  Drive late(ordinary());
  late.through({"compose", "validate", "sign", "send", "receive"});
  late.wait(kDay * 14);
  EXPECT_EQ(refusal(late, "conflict").rule, "window");
}

// ── traffic and content ──────────────────────────────────────────────────────────────────────────

TEST(EpocNotified, NothingIsHandedOverBeforeTheEnforcingAuthorityClearsOrItsTimePasses) {
  Drive act(notified());
  act.through({"compose", "validate", "sign", "send", "receive"});
  EXPECT_EQ(refusal(act, "produce").rule, "state");
  ASSERT_TRUE(act.make("receive_copy", {.role = "enforcing_system"}));
  EXPECT_EQ(refusal(act, "produce").rule, "state");
  EXPECT_EQ(refusal(act, "produce_at_term").rule, "clock");
  Drive cleared = act;
  cleared.through({"clear", "produce"});
  act.wait(kDay * 14).through({"produce_at_term", "inform_user"});
}

TEST(EpocNotified, ARefusalEndsItAndWhatWasReceivedIsDeleted) {
  Drive act(notified());
  act.through({"compose", "validate", "sign", "send", "receive"});
  ASSERT_TRUE(act.make("receive_copy", {.role = "enforcing_system"}));
  Drive late = act;
  act.through({"clear", "produce", "refuse_enforcement"});
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
  ASSERT_TRUE(act.make("reversed", {.role = "overseer"}));
  late.wait(kDay * 14);
  EXPECT_EQ(refusal(late, "refuse_enforcement").rule, "window");
}

TEST(EpocNotified, AMinorOffenceAndAProsecutorAreNotEnough) {
  Drive act(notified());
  EXPECT_EQ(
      refusal(act, "compose", {.body = changed(act, "f", {{"maximum_penalty_years", 2}})}).rule,
      "SG24");
  ASSERT_TRUE(act.make(
      "compose", {.body = changed(act, "f", {{"maximum_penalty_years", 2}, {"listed", "cyber"}})}));
  EXPECT_EQ(
      refusal(act, "validate", {.by = {{std::string(testing::kCourt), "p", "prosecutor", "key"}}})
          .rule,
      "role");
}

// ── emergency ────────────────────────────────────────────────────────────────────────────────────

TEST(EpocEmergency, IsAnsweredInEightHoursAndValidatedAfterwards) {
  auto act = urgent();
  EXPECT_EQ(act.clock("execute")->due, act.now + hours(8));
  act.through({"call_back", "produce", "validate"});
  EXPECT_FALSE(act.clock("ex_post_end"));
  act.wait(kDay * 3);
  EXPECT_EQ(refusal(act, "lapse_unvalidated", {.role = "platform_system"}).rule, "state");
  act.through({"inform_user"});
}

TEST(SG27, WithoutValidationInTwoDaysItLapsesAndTheDataAreDeleted) {
  auto act = urgent();
  act.through({"call_back", "produce"});
  const Instant end = act.clock("ex_post_end")->due;
  act.now = end - Millis(1);
  EXPECT_EQ(refusal(act, "lapse_unvalidated", {.role = "overseer_system"}).rule, "clock");
  act.wait(Millis(1));
  ASSERT_TRUE(act.make("lapse_unvalidated", {.role = "overseer_system"}));
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
  EXPECT_EQ(refusal(act, "validate").rule, "state");
  EXPECT_EQ(act.clock("restore")->due, act.now + kDay);
}

TEST(SG27, NothingIsHandedOverBeforeTheAgencyWasCalledBackAtItsRegisteredNumber) {
  auto act = urgent();
  EXPECT_EQ(refusal(act, "produce").rule, "SG27");
  auto body = *testing::move_body("call-back", act.now);
  body["registered_number"] = false;  // the number in the message
  EXPECT_EQ(refusal(act, "call_back", {.body = body}).rule, "SG27");
  body["registered_number"] = true;
  body["confirmed"] = false;
  EXPECT_EQ(refusal(act, "call_back", {.body = body}).rule, "SG27");
  EXPECT_EQ(refusal(act, "produce").rule, "SG27");
  act.through({"ask_to_convert"});  // F11: always possible
  EXPECT_EQ(act.in(Region::kExecution), "refused");
}

TEST(SG27, AnEmergencyIsDescribedSignedByTwoAndReachesLittle) {
  Drive act(emergency());
  auto body = changed(act, "language", "fr");
  body.at("form").as_object().erase("emergency");
  EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG27");
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "emergency", {{"danger", "now"}})}).rule,
            "SG27");
  EXPECT_EQ(refusal(act, "compose",
                    {.body = changed(act, "data", {{"categories", json::Array{"content"}}})})
                .rule,
            "SG24");
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG03");
  EXPECT_EQ(refusal(act, "sign",
                    {.by = {testing::hand(emergency(), "signer", "p1"),
                            testing::hand(emergency(), "signer", "p1")}})
                .rule,
            "SG03");
  EXPECT_TRUE(sign_by_two(act));
}

TEST(SG26, AProtectedProfessionClosesTheEmergencyPath) {
  Drive act(emergency());
  ASSERT_TRUE(act.make("compose", {.body = changed(act, "privilege", {{"flag", "journalist"}})}));
  const auto why = sign_by_two(act);
  ASSERT_FALSE(why);
  EXPECT_EQ(why.error().rule, "SG26");
}

}  // namespace
}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// A crisis mode from its activation to its public report.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using testing::changed;
using testing::Drive;
using testing::hand;
using testing::refusal;
using testing::shipped;

const Regime& crisis() {
  return shipped("crisis-activation");
}

Result<void> by_two(Drive& act, std::string_view move, std::string_view role) {
  const std::string who(role);  // nobody of the one role is somebody of the other (SG03)
  return act.make(move,
                  {.by = {hand(crisis(), role, who + "-1"), hand(crisis(), role, who + "-2")}});
}

Drive active() {
  Drive act(crisis());
  act.through({"compose"});
  EXPECT_TRUE(by_two(act, "sign", "signer"));
  act.through({"send", "receive", "execute"});
  return act;
}

TEST(SG31, EndsAfterSeventyTwoHoursByItselfOnAnyNode) {
  auto act = active();
  const Instant end = act.clock("end")->due;
  EXPECT_EQ(end, act.state.last("sign")->at + hours(72));
  act.now = end - Millis(1);
  EXPECT_EQ(refusal(act, "expire", {.role = "platform_system"}).rule, "clock");
  act.wait(Millis(1));
  ASSERT_TRUE(act.make("expire", {.role = "platform_system"}));
  EXPECT_FALSE(by_two(act, "renew", "overseer"));  // what has ended is not renewed
  EXPECT_EQ(act.clock("post_report")->due, act.now + hours(24 * 30));
  act.through({"reversed"});
  EXPECT_EQ(refusal(act, "finalise").rule, "state");  // not before the public report
  act.through({"post_report"});
  EXPECT_FALSE(act.clock("post_report"));
}

TEST(SG31, IsRenewedByTwoOverseersWhileItsCriteriaAreMet) {
  auto act = active();
  act.wait(hours(70));
  EXPECT_EQ(refusal(act, "renew").rule, "SG03");
  EXPECT_EQ(refusal(act, "renew", {.role = "signer"}).rule, "role");
  const json::Object over{{"criteria_still_met", false}, {"reasons", testing::kWords}};
  EXPECT_EQ(refusal(act, "renew",
                    {.by = {hand(crisis(), "overseer", "o1"), hand(crisis(), "overseer", "o2")},
                     .body = over})
                .rule,
            "SG31");
  ASSERT_TRUE(by_two(act, "renew", "overseer"));
  EXPECT_EQ(act.clock("end")->due, act.now + hours(72));
}

TEST(SG31, HasATriggerAnOwnerAPurposeAndTakesNothingAway) {
  for (const auto* part : {"trigger", "owner", "purpose"}) {
    Drive act(crisis());
    auto body = changed(act, "language", "fr");
    body.at("form").as_object().at("crisis").as_object().erase(part);
    EXPECT_EQ(refusal(act, "compose", {.body = body}).rule, "SG31") << part;
  }
  Drive act(crisis());
  EXPECT_EQ(
      refusal(act, "compose", {.body = changed(act, "measures", json::Array{"no_reasons_needed"})})
          .rule,
      "SG31");
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "waives", json::Array{"remedies"})}).rule,
            "SG01");
}

TEST(I9, NoSingleKeyActivatesACrisisAndOneEndsIt) {
  Drive act(crisis());
  act.through({"compose"});
  EXPECT_EQ(refusal(act, "sign").rule, "SG03");
  auto on = active();
  ASSERT_TRUE(on.make("withdraw", {.role = "overseer"}));
  EXPECT_EQ(on.in(Region::kExecution), "reversing");
  on.through({"reversed"});
}

}  // namespace
}  // namespace entente::acts

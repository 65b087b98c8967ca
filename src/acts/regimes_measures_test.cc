// SPDX-License-Identifier: Apache-2.0
//
// Regulation (EU) 2021/784, Art. 5 and 10: exposure, specific measures, complaints; and the regime
// that was written from data alone.
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

TEST(Exposure, IsReportedOnReviewedAndRevoked) {
  const auto& regime = shipped("eu-tco-exposure");
  auto act = testing::received(regime);
  EXPECT_EQ(act.clock("execute")->due, instant("2027-02-13T21:20:30Z"));
  act.through({"report_measures"});
  EXPECT_EQ(act.clock("yearly")->due, instant("2027-11-13T21:20:31Z"));
  act.through({"request_revision"});
  EXPECT_TRUE(act.clock("revision"));
  EXPECT_EQ(refusal(act, "revoke", {.role = "moderator"}).rule, "role");
  act.through({"maintain", "request_revision", "revoke"});
  EXPECT_EQ(act.in(Region::kExecution), "lapsed");
  EXPECT_FALSE(act.clock("yearly"));
  for (const auto& e : act.wanted) EXPECT_TRUE(e.kind.starts_with("act.")) << e.kind;
}

TEST(Exposure, WithoutFactorsOrReasonsIsRefused) {
  Drive act(shipped("eu-tco-exposure"));
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "factors", json::Array{})}).rule, "SG01");
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "reasons", "exposed")}).rule, "SG01");
  EXPECT_EQ(refusal(act, "compose", {.body = changed(act, "territory", "worldwide")}).rule, "SG29");
}

TEST(SpecificMeasure, IsVerifiedByAPersonAndAnsweredInTwoWeeks) {
  const auto& regime = shipped("eu-tco-specific-measure");
  Drive act(regime);
  EXPECT_EQ(refusal(act, "notify", {.body = changed(act, "verified_by_person", false)}).rule,
            "SG21");
  const json::Object press{
      {"journalistic", json::Object{{"answer", "yes"}, {"reason", testing::kWords}}}};
  EXPECT_EQ(refusal(act, "notify", {.body = changed(act, "exemption_assessment", press)}).rule,
            "SG04");
  act.through({"notify", "accept", "execute", "inform_user", "complain"});
  EXPECT_EQ(act.clock("complaint")->due, act.now + kDay * 14);
  EXPECT_EQ(refusal(act, "annul", {.person = "moderator-1"}).rule, "SG03");
  act.through({"annul", "reversed", "publish"});
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
}

TEST(FromDataAlone, TheUnitedKingdomsAccessRestrictionOrderKeepsEveryPromise) {
  const auto& regime = shipped("uk-osa-access-restriction");
  Drive suffix(regime);
  auto body = changed(suffix, "language", "en");
  body.at("targets").as_array()[0].as_object()["value"] = "co.uk";
  EXPECT_EQ(refusal(suffix, "compose", {.body = body}).rule, "SG06");
  body = changed(suffix, "legal_basis", "Judgment");
  EXPECT_EQ(refusal(suffix, "compose", {.body = body}).rule, "SG01");
  auto act = testing::received(regime);
  act.through({"apply", "execute", "inform_user"});
  act.now = act.clock("term")->due;
  ASSERT_TRUE(act.make("end_of_term", {.role = "overseer_system"}));
  act.through({"reversed", "finalise", "close"});
  EXPECT_EQ(act.in(Region::kFinality), "closed");
}

}  // namespace
}  // namespace entente::acts

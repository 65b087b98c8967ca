// SPDX-License-Identifier: Apache-2.0
//
// What happens to an order after it is received: executed, kept, challenged, reversed, final; and a
// notice beside it.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using testing::annex_i;
using testing::draft_body;
using testing::Drive;
using testing::refusal;
using testing::tco;

constexpr std::string_view kReasonsLongEnough =
    "Reasons of at least twenty characters, given in full.";

// ── executing
// ────────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(SG19, NothingIsTakenDownWithoutACopyOrAReason) {
  auto act = testing::received(tco());
  act.through({"accept"});
  auto body = testing::body_for(tco(), *tco().move("execute"), act.state, act.now);
  body.erase("preserved_sha256");
  EXPECT_EQ(refusal(act, "execute", {.body = body}).rule, "SG19");
  body["not_reversible_reason"] = "live";
  EXPECT_EQ(refusal(act, "execute", {.body = body}).rule, "SG19");
  body["not_reversible_reason"] = "A live stream that ended by itself; nothing was kept of it.";
  EXPECT_TRUE(act.make("execute", {.body = body}));
}

TEST(Execution, NeedsAReceivedSignedOrderAndAnExistingTarget) {
  Drive act(tco());
  act.through({"compose", "sign", "send"});
  EXPECT_EQ(refusal(act, "accept").rule, "state");
  act.through({"receive"});
  EXPECT_EQ(refusal(act, "accept", {.target = 1}).field, "/target");
  EXPECT_EQ(refusal(act, "inform_user", {.target = 7}).field, "/target");
  act.through({"withdraw"});
  EXPECT_EQ(refusal(act, "accept").rule, "state");
}

TEST(Execution, AnOverdueOrderCanStillBeExecuted) {
  auto act = testing::received(tco());
  act.now = testing::instant("2026-11-13T22:59:59.999Z");
  EXPECT_EQ(refusal(act, "overdue").rule,
            "clock");  // strict time has passed, the hour of 1182/71 has not
  act.wait(Millis(1)).through({"overdue"});
  EXPECT_FALSE(act.clock("execute"));
  act.through({"accept", "execute"});
  EXPECT_EQ(act.in(Region::kExecution), "executed");
}

TEST(Execution, EachRemovalIsKeptForItsOwnSixMonths) {
  Drive act(tco());
  ASSERT_TRUE(act.make("compose", {.body = draft_body(tco(), annex_i(act.now), 2)}));
  act.through({"sign", "send", "receive", "accept", "execute"});
  ASSERT_TRUE(act.make("impossible", {.target = 1}));
  act.wait(hours(24 * 100));
  for (const auto* move : {"ceased", "accept", "execute"})
    ASSERT_TRUE(act.make(move, {.target = 1})) << move;
  EXPECT_EQ(act.state.retention_until, Period{.months = 6}.after(act.now));
}

TEST(Retention, AHoldIsOnlyEverLengthenedAndToAnEnd) {
  auto act = testing::received(tco());
  act.through({"accept", "execute"});
  const auto end = *act.state.retention_until;
  const auto hold = [](Instant until) {
    return json::Object{{"until", format_rfc3339(until)}, {"reasons", kReasonsLongEnough}};
  };
  EXPECT_EQ(refusal(act, "extend_hold", {.body = hold(end + hours(1))}).rule,
            "state");  // nothing is under review
  act.through({"contest"});
  EXPECT_EQ(refusal(act, "extend_hold", {.body = hold(end - hours(1))}).rule, "TCO-6-2");
  EXPECT_EQ(refusal(act, "extend_hold", {.body = hold(end + hours(24 * 400))}).rule, "TCO-6-2");
  EXPECT_EQ(refusal(act, "extend_hold",
                    {.body = json::Object{{"until", "2027-99-99T00:00:00Z"},
                                          {"reasons", kReasonsLongEnough}}})
                .rule,
            "TCO-6-2");
  ASSERT_TRUE(act.make("extend_hold", {.body = hold(end + hours(24 * 30))}));
  act.now = end + hours(24 * 31);
  EXPECT_EQ(refusal(act, "erase").rule, "state");  // a review is open
}

// ── review
// ───────────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(Review, AnAnnulmentUndoesEveryEffect) {
  auto act = testing::received(tco());
  act.through({"accept", "execute", "contest", "annul"});
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
  std::set<std::string> undone;
  for (const auto& e : act.wanted)
    if (e.undo) undone.insert(e.kind);
  EXPECT_EQ(undone, (std::set<std::string>{"bank.tombstone", "content.restore"}));
  EXPECT_EQ(act.clock("restore")->due, act.now + hours(1));
  act.through({"reversed"});
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
  EXPECT_FALSE(restricted(act.state, tco()));
}

TEST(Review, AnAnnulmentReachesWhatIsNotYetDone) {
  auto accepted = testing::received(tco());
  accepted.through({"accept", "contest", "annul"});
  EXPECT_EQ(accepted.in(Region::kExecution), "reversing");
  EXPECT_EQ(refusal(accepted, "execute").rule, "state");
  auto pending = testing::received(tco());
  pending.through({"contest", "annul"});
  EXPECT_EQ(pending.in(Region::kExecution), "lapsed");
  EXPECT_EQ(refusal(pending, "accept").rule, "state");
}

TEST(Review, TheIssuerCannotDisposeOfAChallenge) {
  auto act = testing::received(tco());
  act.through({"accept", "execute", "contest"});
  EXPECT_EQ(refusal(act, "answer").rule, "route");
  EXPECT_EQ(refusal(act, "answer", {.review = ""}).field, "/review");
  act.through({"recommend", "answer"});
  EXPECT_EQ(act.in(Region::kReview), "open");  // the court's is still open
}

TEST(Review, ARecommendationNobodyAnswersCanBeClosedByItsAuthor) {
  auto act = testing::received(tco());
  act.through({"recommend"});
  EXPECT_EQ(refusal(act, "annul").rule, "route");
  act.through({"conclude"});
  EXPECT_EQ(act.in(Region::kReview), "upheld");
}

TEST(Review, AJudgmentWithoutItsHashIsNotOnFile) {
  auto act = testing::received(tco());
  act.through({"contest"});
  auto body = testing::body_for(tco(), *tco().move("annul"), act.state, act.now);
  body["judgment_sha256"] = "see attachment";
  EXPECT_EQ(refusal(act, "annul", {.body = body}).rule, "judgment");
  EXPECT_EQ(refusal(act, "annul", {.review = testing::kSomeHash}).field, "/review");
}

TEST(Review, TheHomeAuthorityHearsTheIssuerBeforeItFindsAnInfringement) {
  auto act = testing::received(testing::cross_border());
  ASSERT_TRUE(act.make("receive_copy", {.role = "home_system"}));
  act.through({"accept", "request_scrutiny"});
  EXPECT_EQ(refusal(act, "infringe").rule, "state");
  act.through({"intent", "scrutinise"});
  EXPECT_EQ(refusal(act, "infringe").rule, "TCO-4-5");  // heard on another review
  ASSERT_TRUE(act.make("infringe", {.review = act.state.reviews.front().id}));
  EXPECT_EQ(act.in(Region::kExecution), "reversing");
}

TEST(Review, OnlyTheCourtDecidesTheCourtsReview) {
  auto act = testing::received(testing::cross_border());
  act.through({"contest"});
  EXPECT_EQ(refusal(act, "no_infringement").rule, "route");
  act.through({"request_scrutiny"});
  const auto scrutiny = act.state.reviews.back().id;
  EXPECT_EQ(refusal(act, "uphold", {.review = scrutiny}).rule, "route");
}

TEST(Finality, WaitsForEverybodysOwnWindow) {
  auto act = testing::received(tco());
  act.through({"accept", "execute"});
  act.wait(hours(100));
  const auto untold = refusal(act, "finalise");
  EXPECT_EQ(untold.rule, "finality") << to_string(untold);
  act.through({"inform_user"});
  act.wait(hours(48));
  EXPECT_EQ(refusal(act, "finalise").rule, "finality");
  act.wait(hours(2)).through({"finalise"});
  EXPECT_EQ(refusal(act, "close").rule, "state");  // the copy is still held
}

// ── notices
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(Notice, ShowsNoDeadlineAndMayBeRefusedComplainedOfAndReopened) {
  Drive act(testing::dsa());
  act.through({"notify", "acknowledge"});
  EXPECT_TRUE(clocks(act.state, testing::dsa()).empty());
  act.through({"refuse", "inform_notifier"});
  ASSERT_TRUE(act.make("complain", {.role = "notifier"}));
  EXPECT_EQ(refusal(act, "annul", {.person = "moderator-1"}).rule, "SG03");
  act.through({"annul"});
  EXPECT_EQ(act.in(Region::kExecution), "pending");
  EXPECT_TRUE(clocks(act.state, testing::dsa()).empty() || act.clock("execute") == std::nullopt);
  act.through({"accept", "execute", "inform_user", "complain", "annul", "reversed"});
  EXPECT_EQ(act.in(Region::kExecution), "reversed");
}

TEST(Notice, IsNotDecidedByAMachine) {
  Drive act(testing::dsa());
  act.through({"notify"});
  auto body = testing::body_for(testing::dsa(), *testing::dsa().move("accept"), act.state, act.now);
  body["automated_decision"] = "fully";
  EXPECT_EQ(refusal(act, "accept", {.body = body}).field, "/body/automated_decision");
  auto machine = testing::hand(testing::dsa(), "moderator");
  machine.person.clear();
  EXPECT_EQ(refusal(act, "accept", {.by = {machine}}).rule, "SG21");
}

}  // namespace
}  // namespace entente::acts

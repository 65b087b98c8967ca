// SPDX-License-Identifier: Apache-2.0
//
// Time: the vectors of the law, whose receipt starts which window, and what a step may claim about
// its own date.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Drive;
using testing::instant;
using testing::refusal;
using testing::tco;

// TCO with one more clock, started by the receipt.
Regime with_clock(const std::string& period, const std::string& kind) {
  const std::string text = fmt::format(R"(
extends = "eu-tco-removal"
id = "one-clock"
[[clock]]
id = "probe"
title = {{ en = "Probe", fr = "Sonde" }}
kind = "{}"
starts = ["receive"]
period = "{}"
owner = "moderator"
)",
                                       kind, period);
  return parse_regime({"one-clock.toml", text}, Catalogue::builtin_files()).value();
}

struct Vector {
  const char* kind;
  const char* period;
  const char* start;
  const char* strict;
  const char* by_1182;
};

TEST(ClockVectors, HoursRunStrictlyAndFromTheFullHour) {
  const Vector vectors[] = {
      {"duty", "PT1H", "2026-11-13T21:20:30Z", "2026-11-13T22:20:30Z", "2026-11-13T23:00:00Z"},
      {"duty", "PT24H", "2026-11-13T21:20:30Z", "2026-11-14T21:20:30Z", "2026-11-14T22:00:00Z"},
      {"window", "PT48H", "2026-11-13T21:20:30Z", "2026-11-15T21:20:30Z",
       "2026-11-15T22:00:00Z"},  // a Sunday: no roll
      {"duty", "PT72H", "2026-11-13T21:20:30Z", "2026-11-16T21:20:30Z", "2026-11-16T22:00:00Z"},
      {"duty", "PT1H", "2026-11-13T21:00:00Z", "2026-11-13T22:00:00Z", "2026-11-13T22:00:00Z"},
      {"duty", "P14D", "2026-11-13T21:20:30Z", "2026-11-27T21:20:30Z",
       "2026-11-27T23:59:59.999Z"},  // a Friday
      {"window", "P1D", "2026-11-13T21:20:30Z", "2026-11-14T21:20:30Z",
       "2026-11-16T23:59:59.999Z"},  // Saturday to Monday
      {"exit", "P1D", "2026-11-13T21:20:30Z", "2026-11-14T21:20:30Z",
       "2026-11-14T21:20:30Z"},  // an exit never rolls
      {"exit", "P6W", "2026-11-13T21:20:30Z", "2026-12-25T21:20:30Z", "2026-12-25T21:20:30Z"},
      {"exit", "P6M", "2026-08-31T10:00:00Z", "2027-02-28T10:00:00Z", "2027-02-28T10:00:00Z"},
      {"window", "P6M", "2026-08-31T10:00:00Z", "2027-02-28T10:00:00Z",
       "2027-03-01T23:59:59.999Z"},  // Sunday to Monday
  };
  for (const auto& v : vectors) {
    const Regime regime = with_clock(v.period, v.kind);
    const auto act = testing::received(regime, instant(v.start));
    const auto c = act.clock("probe");
    ASSERT_TRUE(c) << v.period;
    EXPECT_EQ(format_rfc3339(c->due), v.strict) << v.kind << " " << v.period;
    EXPECT_EQ(format_rfc3339(c->due_1182), v.by_1182) << v.kind << " " << v.period;
  }
}

TEST(Clocks, TheFullHourStartsAnewWhenGroundsCeaseOrAreClarified) {
  for (const auto& [out, back] :
       {std::pair{"impossible", "ceased"}, std::pair{"clarify", "clarified"}}) {
    auto act = testing::received(tco());
    act.wait(minutes(59)).through({out});
    EXPECT_FALSE(act.clock("execute")) << out;  // SG30: nothing runs meanwhile
    act.wait(hours(30));
    EXPECT_EQ(refusal(act, "overdue").rule, "state");
    act.through({back});
    EXPECT_EQ(act.clock("execute")->started, act.now);
    EXPECT_EQ(act.clock("execute")->due, act.now + hours(1));
  }
}

TEST(Clocks, OneTargetsClockDoesNotTouchAnothers) {
  Drive act(tco());
  ASSERT_TRUE(
      act.make("compose", {.body = testing::draft_body(tco(), testing::annex_i(act.now), 2)}));
  act.through({"sign", "send", "receive"});
  const auto received = act.now;
  ASSERT_TRUE(act.make("impossible", {.target = 1}));
  act.wait(minutes(20));
  ASSERT_TRUE(act.make("ceased", {.target = 1}));
  std::map<std::size_t, Instant> started;
  for (const auto& c : clocks(act.state, tco()))
    if (c.id == "execute") started[*c.target] = c.started;
  EXPECT_EQ(started, (std::map<std::size_t, Instant>{{0, received}, {1, act.now}}));
}

// ── windows (I8)
// ─────────────────────────────────────────────────────────────────────────────────────────────────────
TEST(Windows, EachRunsFromItsOwnersOwnReceipt) {
  auto act = testing::received(testing::cross_border());  // 21:20:30
  act.through({"accept", "execute"}).wait(hours(5));
  act.through({"inform_user"});
  const auto told = act.now;
  act.wait(hours(7));
  ASSERT_TRUE(act.make("receive_copy", {.role = "home_system"}));
  const auto home = act.now;
  std::map<std::string, Instant> from;
  for (const auto& c : clocks(act.state, testing::cross_border()))
    if (c.id == "scrutiny_window" || c.id == "scrutiny_own") from[c.role] = c.started;
  EXPECT_EQ(from, (std::map<std::string, Instant>{{"moderator", instant("2026-11-13T21:20:30Z")},
                                                  {"user", told},
                                                  {"home_officer", home}}));
  // 48 h from the order are over; 48 h from the information are not.
  act.now = instant("2026-11-15T22:00:00Z");
  EXPECT_TRUE(Drive(act).make("request_scrutiny",
                              {.role = "moderator"}));  // to the last instant, by 1182/71
  act.wait(Millis(1));
  EXPECT_EQ(refusal(act, "request_scrutiny", {.role = "moderator"}).rule, "window");
  EXPECT_TRUE(act.make("request_scrutiny", {.role = "user"}));
}

TEST(Windows, AreNotMovedByASecondReceipt) {
  auto act = testing::received(testing::cross_border());
  ASSERT_TRUE(act.make("receive_copy", {.role = "home_system"}));
  ASSERT_TRUE(act.make("receive_copy", {.role = "overseer_system"}));
  act.wait(hours(80));
  EXPECT_EQ(refusal(act, "receive_copy", {.role = "home_system"}).rule, "I8");
  EXPECT_EQ(refusal(act, "scrutinise").rule, "window");
}

TEST(Windows, AreOpenBeforeTheirOwnerIsTold) {
  auto act = testing::received(testing::cross_border());
  act.through({"accept", "execute"}).wait(hours(1000));
  EXPECT_TRUE(act.make("request_scrutiny", {.role = "user"}));
}

TEST(Windows, ApplyOnlyWhereTheFormSaysSo) {
  Drive act(tco());
  auto form = testing::annex_i(act.now);
  form.at("a").as_object()["ms_issuing"] = "DE";
  ASSERT_TRUE(act.make("compose", {.body = testing::draft_body(tco(), form)}));
  act.through({"sign", "send", "receive"});
  EXPECT_FALSE(act.clock("court_window"));
  act.wait(hours(200));
  EXPECT_TRUE(act.make("contest", {.role = "moderator"}));
  EXPECT_FALSE(act.clock("court_ruling"));
}

// ── what a step may say about time and order
// ─────────────────────────────────────────────────────────────────────────
TEST(StepTime, AFewMinutesOfSkewAreBorneAFutureIsNot) {
  auto act = testing::received(tco());
  EXPECT_EQ(refusal(act, "accept", {.at = act.now + minutes(10) + Millis(1)}).rule, "clock");
  EXPECT_EQ(refusal(act, "accept", {.at = act.now - minutes(11)}).rule,
            "clock");  // before the receipt it answers
  EXPECT_TRUE(act.make("accept", {.at = act.now + minutes(9)}));
}

TEST(StepOrder, DuplicatesStrangersAndOrphansAreRefused) {
  auto act = testing::received(tco());
  const auto again = act.take(act.steps.back());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().rule, "duplicate");
  EXPECT_EQ(refusal(act, "accept", {.after = std::vector<std::string>{testing::kSomeHash}}).rule,
            "causality");
  EXPECT_EQ(refusal(act, "accept", {.after = std::vector<std::string>{}}).rule, "causality");
  auto stranger = act.step("accept");
  stranger.act = "01ARZ3NDEKTSV4RRFFQ69G5FAX";
  EXPECT_EQ(act.take(stranger).error().field, "/act");
  auto other = act.step("accept");
  other.regime = "eu-dsa-notice@1";
  EXPECT_EQ(act.take(other).error().rule, "regime");
  EXPECT_EQ(refusal(act, "demolish").rule, "move");
  Drive fresh(tco());
  EXPECT_EQ(refusal(fresh, "withdraw").rule, "state");  // an act begins with its draft
}

TEST(StepForm, APayloadThatIsNotWhatItSaysIsRefused) {
  auto act = testing::received(tco());
  const auto good = step_payload(act.steps.back());
  ASSERT_TRUE(parse_step(good, act.steps.back().id));
  EXPECT_EQ(step_payload(*parse_step(good, "x")), good);
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return parse_step(text.replace(at, from.size(), to), "x").has_value();
  };
  EXPECT_FALSE(broken("\"v\":1", "\"v\":2"));
  EXPECT_FALSE(broken("\"move\"", "\"motion\""));
  EXPECT_FALSE(broken("\"act\":\"01", "\"act\":\"91"));
  EXPECT_FALSE(broken("\"by\":[{", "\"by\":[7,{"));
  EXPECT_FALSE(broken("\"after\":[\"", "\"after\":[\"Z"));
  EXPECT_FALSE(parse_step(std::string_view(good).substr(0, good.size() / 2), "x"));
  EXPECT_FALSE(parse_step(std::string(kMaxStepBytes + 1, ' '), "x"));
}

TEST(Possible, ShowsEachRoleItsMovesAndNothingElse) {
  auto act = testing::received(tco());
  const auto names = [&](std::string_view role) {
    std::set<std::string> out;
    for (const auto* m : possible(act.state, tco(), role, 0, act.now)) out.insert(m->name);
    return out;
  };
  EXPECT_EQ(names("moderator"),
            (std::set<std::string>{"accept", "impossible", "clarify", "contest"}));
  EXPECT_EQ(names("court_clerk"), (std::set<std::string>{"finalise"}));
  act.through({"recommend"});
  EXPECT_EQ(names("court_clerk"), (std::set<std::string>{}));  // no decision on a recommendation
  EXPECT_TRUE(names("signer").contains("answer"));
  act.wait(hours(60));
  EXPECT_FALSE(names("moderator").contains("contest"));
}

}  // namespace
}  // namespace entente::acts

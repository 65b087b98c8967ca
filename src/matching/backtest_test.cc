// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/backtest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

// Holds up to 10, reviews up to 20, says nothing beyond.
Policy by_distance() {
  return *Policy::parse(
      R"({"policy": "entente-policy/1", "name": "t", "otherwise": "none", "rules": [
      {"name": "near", "when": {"distance": {"max": 10}}, "propose": "hold", "for": "PT1H"},
      {"name": "mid", "when": {"distance": {"max": 20}}, "propose": "review"}]})",
      Labels::standard());
}

CheckRow check(const std::string& id, int distance, std::optional<bool> removed, int day = 0) {
  CheckRow out;
  out.id = id;
  out.at = instant_from_ms(1'800'000'000'000) + std::chrono::hours(24) * day;
  out.recorded = Proposal::kReview;
  out.removed = removed;
  MatchFacts match;
  match.label = "perpetrator-produced-attack";
  match.distance = distance;
  match.quality = 100;
  out.matches = {match};
  return out;
}

TEST(BackTest, OverNothingSaysNothing) {
  const BackTest result = back_test({}, by_distance());
  EXPECT_EQ(result.checks, 0);
  EXPECT_FALSE(result.review_precision.has_value());
  EXPECT_FALSE(result.recall.has_value());
  EXPECT_TRUE(to_json(result)["hold_precision"].is_null());
}

TEST(BackTest, HoldsProposalsAgainstWhatPeopleDecided) {
  const std::vector<CheckRow> checks{
      check("held-removed", 3, true),      check("held-removed-2", 10, true),
      check("held-kept", 5, false),        check("reviewed-kept", 11, false, 1),
      check("reviewed-removed", 20, true), check("reviewed-open", 15, std::nullopt, 1),
      check("passed-removed", 25, true),   check("passed-kept", 30, false, 1),
  };
  const BackTest result = back_test(checks, by_distance());
  EXPECT_EQ(result.checks, 8);
  const auto& hold = result.by_proposal[static_cast<std::size_t>(Proposal::kHold)];
  EXPECT_EQ(hold.total, 3);
  EXPECT_EQ(hold.removed, 2);
  EXPECT_EQ(hold.kept, 1);
  const auto& review = result.by_proposal[static_cast<std::size_t>(Proposal::kReview)];
  EXPECT_EQ(review.undecided, 1);
  EXPECT_DOUBLE_EQ(*result.hold_precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(*result.review_precision, 3.0 / 5);  // of held and reviewed, decided ones
  EXPECT_DOUBLE_EQ(*result.recall, 3.0 / 4);
  EXPECT_EQ(result.held_but_kept, std::vector<std::string>{"held-kept"});
  EXPECT_EQ(result.passed_but_removed, std::vector<std::string>{"passed-removed"});
  EXPECT_EQ(result.moved[static_cast<std::size_t>(Proposal::kReview)]
                        [static_cast<std::size_t>(Proposal::kHold)],
            3);
  ASSERT_EQ(result.by_day.size(), 2U);
  EXPECT_EQ(result.by_day.begin()->first, "2027-01-15");
  EXPECT_EQ(result.by_day.begin()->second[static_cast<std::size_t>(Proposal::kHold)], 3);
  EXPECT_EQ(result.by_rule.at("mid"), 3);
}

TEST(BackTest, CeilingsHoldForThePastToo) {
  CheckRow news = check("news", 0, false);
  news.matches[0].context = true;
  const BackTest result = back_test({&news, 1}, by_distance());
  EXPECT_EQ(result.by_proposal[static_cast<std::size_t>(Proposal::kReview)].kept, 1);
  EXPECT_TRUE(result.held_but_kept.empty());
}

struct ReadChecksTest : testing::Test {
  BankHouse house;
  EntryId entry = house.put(house.entry(pdq_of(1)));

  void record(const std::string& id, const std::string& matches, const char* state,
              std::int64_t ms) {
    const store::Value review =
        state == nullptr ? store::Value{} : store::Value{std::string(state)};
    EXPECT_TRUE(house
                    .run([&](store::Tx& tx) -> Result<void> {
                      ENTENTE_CHECK_OK(tx.exec(
                          "INSERT INTO upload_check (id, sha256, pdq, quality, proposal, note, "
                          "matches, created_at, review_state) VALUES ($1, '', '', 80, 'review', "
                          "'', $2, $3, $4)",
                          {id, matches, ms, review}));
                      return {};
                    })
                    .has_value());
  }
  Result<std::vector<CheckRow>> read(std::int64_t since, std::int64_t limit = 100) {
    return house.write<std::vector<CheckRow>>(
        [&](store::Tx& tx) { return read_checks(tx, house.banks, instant_from_ms(since), limit); });
  }
  std::string match(int distance) const {
    return fmt::format(
        R"([{{"bank": "terrorist-content", "entry": {}, "distance": {},
              "label": "perpetrator-produced-attack", "context": false}}])",
        entry, distance);
  }
};

TEST_F(ReadChecksTest, RefusesTooMany) {
  EXPECT_EQ(read(0, 0).error().field, "limit");
  EXPECT_EQ(read(0, kMaxBackTestChecks + 1).error().field, "limit");
}

TEST_F(ReadChecksTest, SaysWhenARecordIsBroken) {
  record("a", R"({"not": "a list"})", nullptr, 10);
  EXPECT_EQ(read(0).error().code, Code::kCorrupt);
}

TEST_F(ReadChecksTest, ReadsMatchesAndDecisionsSince) {
  record("old", match(1), "removed", 5);
  record("nothing", "[]", nullptr, 11);
  record("removed", match(4), "removed", 12);
  record("kept", match(9), "kept", 13);
  record("open", match(9), "open", 14);
  const auto checks = read(10);
  ASSERT_TRUE(checks.has_value()) << to_string(checks.error());
  ASSERT_EQ(checks->size(), 3U);
  EXPECT_EQ((*checks)[0].removed, true);
  EXPECT_EQ((*checks)[1].removed, false);
  EXPECT_EQ((*checks)[2].removed, std::nullopt);
  EXPECT_EQ((*checks)[0].matches[0].distance, 4);
  EXPECT_EQ((*checks)[0].matches[0].quality, 80);
  EXPECT_EQ((*checks)[0].matches[0].source, SourceKind::kAct);
}

TEST_F(ReadChecksTest, WhatTheRecordSaysOfItsEntryStands) {
  record("new",
         fmt::format(R"([{{"bank": "b", "entry": {}, "distance": 3, "label": "x",
                                  "context": true, "kind": "shared", "source": "partner",
                                  "quality": 70, "contested": true, "act": "beside"}}])",
                     entry),
         "kept", 10);
  const auto checks = read(0);
  ASSERT_TRUE(checks.has_value()) << to_string(checks.error());
  const MatchFacts& facts = (*checks)[0].matches[0];
  EXPECT_EQ(facts.kind, BankKind::kShared);
  EXPECT_EQ(facts.source, SourceKind::kPartner);
  EXPECT_EQ(facts.quality, 70);
  EXPECT_TRUE(facts.contested);
  EXPECT_TRUE(facts.context);
}

}  // namespace
}  // namespace entente::matching

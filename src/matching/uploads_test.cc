// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/uploads.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct UploadsTest : testing::Test {
  TestHouse house;
  SeededRandom random{1};

  UploadCheck put(Proposal proposal, Instant at, std::optional<Millis> hold = {}) {
    MatchAnswer answer;
    answer.fingerprint = {some_pdq(1), 90, {}};
    PolicyAnswer policy;
    policy.proposal = proposal;
    policy.hold = hold;
    if (proposal != Proposal::kNone) {
      Match match;
      match.facts.bank = "terrorist-content";
      match.facts.entry = 1;
      match.facts.distance = 4;
      match.facts.label = "perpetrator-produced-attack";
      match.entry.act = "act-1";
      match.entry.target = "https://illegal.example/x";
      answer.matches.push_back(match);
      policy.matches.push_back({proposal, "near", "", {}});
    }
    const UploadCheck out = make_check(answer, policy, file_sha256(as_bytes("abc")), at, random);
    check(house.store->write([&](store::Tx& tx) { return record(tx, out); }).has_value(),
          "not recorded");
    return out;
  }
  Result<void> decide_as(const std::string& id, ReviewState decision, const std::string& person) {
    return house.store->write(
        [&](store::Tx& tx) { return decide(tx, id, decision, person, house.now); });
  }
  Result<UploadCheck> find(const std::string& id) {
    return store::read_returning<UploadCheck>(*house.store,
                                              [&](store::Tx& tx) { return find_check(tx, id); });
  }
  std::vector<UploadCheck> tasks(const std::string& after = "") {
    return *store::read_returning<std::vector<UploadCheck>>(
        *house.store, [&](store::Tx& tx) { return open_tasks(tx, after, kMaxPage); });
  }
};

TEST_F(UploadsTest, NoDecisionWithoutAPerson) {
  const UploadCheck check = put(Proposal::kReview, house.now);
  const auto refused = decide_as(check.id, ReviewState::kRemoved, "");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().rule, "SG21");
  EXPECT_EQ(find(check.id)->review_state, ReviewState::kOpen);
}

TEST_F(UploadsTest, NoDecisionWhereNoneWasAskedOrTheCheckIsUnknown) {
  const UploadCheck check = put(Proposal::kNone, house.now);
  EXPECT_EQ(decide_as(check.id, ReviewState::kRemoved, "ada").error().code, Code::kConflict);
  EXPECT_EQ(decide_as(check.id, ReviewState::kOpen, "ada").error().code, Code::kInvalid);
  EXPECT_EQ(decide_as("01ARZ3NDEKTSV4RRFFQ69G5FAV", ReviewState::kKept, "ada").error().code,
            Code::kNotFound);
  EXPECT_EQ(find("' OR 1=1").error().code, Code::kNotFound);
}

TEST_F(UploadsTest, OnePersonDecidesOnce) {
  const UploadCheck check = put(Proposal::kReview, house.now);
  EXPECT_TRUE(decide_as(check.id, ReviewState::kKept, "ada").has_value());
  EXPECT_TRUE(decide_as(check.id, ReviewState::kKept, "ada").has_value());
  EXPECT_EQ(decide_as(check.id, ReviewState::kRemoved, "bob").error().code, Code::kConflict);
  EXPECT_EQ(find(check.id)->decided_by, "ada");
  EXPECT_TRUE(tasks().empty());
}

TEST_F(UploadsTest, OnlyReviewsAreTasksAndTheOldestComesFirst) {
  const UploadCheck second = put(Proposal::kReview, house.now + Millis(5));
  const UploadCheck first = put(Proposal::kReview, house.now);
  put(Proposal::kNone, house.now);
  const auto open = tasks();
  ASSERT_EQ(open.size(), 2U);
  EXPECT_EQ(open[0].id, first.id);
  EXPECT_EQ(open[1].id, second.id);
  EXPECT_EQ(tasks(first.id).size(), 1U);
  EXPECT_EQ(open[0].matches, first.matches);
  EXPECT_EQ(open[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(UploadsTest, AHoldNeverLastsLongerThanAPlatformMayAndEndsByItself) {
  const UploadCheck forever = put(Proposal::kHold, house.now, std::chrono::hours(24 * 365));
  const UploadCheck unsaid = put(Proposal::kHold, house.now);
  EXPECT_EQ(forever.hold_until, house.now + kMaxHold);
  EXPECT_EQ(unsaid.hold_until, house.now + kMaxHold);
  const UploadCheck hour = *find(put(Proposal::kHold, house.now, std::chrono::hours(1)).id);
  EXPECT_TRUE(holds(hour, house.now + std::chrono::minutes(59)));
  EXPECT_FALSE(holds(hour, house.now + std::chrono::hours(1)));
  // Released, and still somebody's task.
  EXPECT_EQ(to_json(hour, house.now + std::chrono::hours(2)).at("hold").at("held"), false);
  EXPECT_EQ(hour.review_state, ReviewState::kOpen);
  ASSERT_TRUE(decide_as(hour.id, ReviewState::kKept, "ada").has_value());
  EXPECT_FALSE(holds(*find(hour.id), house.now));
}

TEST_F(UploadsTest, TheAnswerNamesTheActTheRuleAndNeverTheAddress) {
  const UploadCheck check = *find(put(Proposal::kLimitSpread, house.now).id);
  const json::Object answer = to_json(check, house.now);
  EXPECT_EQ(answer.at("proposal"), "limit_spread");
  EXPECT_EQ(answer.at("rule"), "near");
  EXPECT_EQ(answer.at("matches").at(0).at("act"), "act-1");
  EXPECT_FALSE(answer.contains("hold"));
  EXPECT_EQ(json::canonical(json::Value(answer)).find("illegal.example"), std::string::npos);
}

TEST_F(UploadsTest, ForgetsWhatNobodyHasToLookAt) {
  const UploadCheck open = put(Proposal::kReview, house.now);
  const UploadCheck closed = put(Proposal::kReview, house.now);
  const UploadCheck plain = put(Proposal::kNone, house.now);
  ASSERT_TRUE(decide_as(closed.id, ReviewState::kKept, "ada").has_value());
  const auto gone = store::write_returning<std::int64_t>(
      *house.store, [&](store::Tx& tx) { return forget(tx, house.now + Millis(1)); });
  EXPECT_EQ(gone.value_or(-1), 2);
  EXPECT_TRUE(find(open.id).has_value());
  EXPECT_FALSE(find(plain.id).has_value());
}

}  // namespace
}  // namespace entente::matching

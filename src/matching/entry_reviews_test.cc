// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/entry_reviews.h"

#include <gtest/gtest.h>

#include "entente/matching/policy.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

struct EntryReviewsTest : testing::Test {
  BankHouse house;
  EntryId id = house.put(house.entry(pdq_of(1)));

  Result<std::int64_t> contest_by(const Decision& decision, EntryId entry) {
    return house.write<std::int64_t>([&](store::Tx& tx) { return contest(tx, entry, decision); });
  }
  Result<std::vector<EntryId>> close(std::int64_t review, ReviewOutcome outcome,
                                     const Decision& decision) {
    return house.write<std::vector<EntryId>>(
        [&](store::Tx& tx) { return close_review(tx, review, outcome, decision); });
  }
  std::vector<EntryReview> open() {
    return *house.write<std::vector<EntryReview>>(
        [&](store::Tx& tx) { return open_reviews(tx, 0, kMaxPage); });
  }
  // What a policy that would hold everything proposes for a match with the entry.
  Proposal proposed() {
    const Policy hold = *Policy::parse(
        R"({"policy": "entente-policy/1", "name": "t", "otherwise": "review",
            "rules": [{"name": "all", "when": {}, "propose": "hold"}]})",
        house.banks.labels());
    const MatchFacts facts = facts_of(house.at(id), Bank{}, house.banks.labels(), 0, 100);
    return evaluate({&facts, 1}, hold).proposal;
  }
};

TEST_F(EntryReviewsTest, AContestNeedsAPersonAReasonAndAnEntryThatMatches) {
  EXPECT_EQ(contest_by({"", "news", house.now}, id).error().rule, "SG21");
  EXPECT_EQ(contest_by(house.ines(""), id).error().field, "reason");
  EXPECT_EQ(contest_by(house.ines(), 4711).error().code, Code::kNotFound);
  house.tombstone("act-1", "step-2");
  EXPECT_EQ(contest_by(house.ines(), id).error().code, Code::kConflict);
  EXPECT_TRUE(open().empty());
}

TEST_F(EntryReviewsTest, FromTheContestOnItsMatchesProposeReviewOnly) {
  ASSERT_EQ(proposed(), Proposal::kHold);
  const auto review = contest_by(house.ines("this is news footage"), id);
  ASSERT_TRUE(review.has_value());
  EXPECT_TRUE(house.matches(id));
  EXPECT_TRUE(house.at(id).contested);
  EXPECT_EQ(proposed(), Proposal::kReview);
  EXPECT_EQ(*contest_by(house.omar(), id), *review);  // one open contest
  ASSERT_EQ(house.events("entry_contested").size(), 1U);
  EXPECT_EQ(house.events("entry_contested")[0].by, "ines");
}

TEST_F(EntryReviewsTest, WhoContestsDoesNotDecide) {
  const std::int64_t review = *contest_by(house.ines(), id);
  EXPECT_EQ(close(review, ReviewOutcome::kUpheld, house.ines()).error().code, Code::kForbidden);
  EXPECT_EQ(close(review, ReviewOutcome::kKept, house.omar("")).error().field, "reason");
  EXPECT_EQ(close(review, ReviewOutcome::kOpen, house.omar()).error().field, "outcome");
  EXPECT_EQ(close(99, ReviewOutcome::kKept, house.omar()).error().code, Code::kNotFound);
  EXPECT_TRUE(house.at(id).contested);
}

TEST_F(EntryReviewsTest, WithdrawnItMatchesAsBefore) {
  const std::int64_t review = *contest_by(house.ines(), id);
  EXPECT_TRUE(close(review, ReviewOutcome::kKept, house.omar())->empty());
  EXPECT_FALSE(house.at(id).contested);
  EXPECT_EQ(proposed(), Proposal::kHold);
  EXPECT_EQ(close(review, ReviewOutcome::kUpheld, house.omar()).error().code, Code::kConflict);
  EXPECT_TRUE(open().empty());
}

TEST_F(EntryReviewsTest, UpheldItIsGoneAndNoLaterStepBringsItBack) {
  const std::int64_t review = *contest_by(house.ines(), id);
  EXPECT_EQ(*close(review, ReviewOutcome::kUpheld, house.omar()), std::vector<EntryId>{id});
  EXPECT_FALSE(house.matches(id));
  EXPECT_EQ(house.put(house.entry(pdq_of(1), "act-1", "step-7")), id);
  EXPECT_FALSE(house.matches(id));
  // Another act about the same picture is another matter.
  EXPECT_TRUE(house.matches(house.put(house.entry(pdq_of(1), "act-2"))));
  const auto all =
      *house.write<std::vector<EntryReview>>([&](store::Tx& tx) { return reviews_of(tx, id); });
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].closed_by, "omar");
  EXPECT_EQ(all[0].outcome, ReviewOutcome::kUpheld);
}

TEST_F(EntryReviewsTest, APersonsEntryThatWasFoundWrongIsNotPutBackByAPerson) {
  house.make_bank("ours");
  const EntryId ours = house.put(house.by_person(pdq_of(2), "ours"));
  const std::int64_t review = *contest_by(house.ines(), ours);
  ASSERT_TRUE(close(review, ReviewOutcome::kUpheld, house.omar()).has_value());
  const auto again = house.add(house.by_person(pdq_of(2), "ours"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().rule, "SG18");
}

TEST_F(EntryReviewsTest, AFailedUnitOfWorkContestsNothing) {
  const auto done = house.run([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(contest(tx, id, house.ines()));
    return fail(Code::kBusy, "something else failed");
  });
  EXPECT_FALSE(done.has_value());
  EXPECT_FALSE(house.at(id).contested);
  EXPECT_TRUE(open().empty());
}

}  // namespace
}  // namespace entente::matching

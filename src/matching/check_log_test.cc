// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/check_log.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct CheckLogTest : testing::Test {
  TestHouse house;
  SeededRandom random{1};

  UploadCheck check_of(Proposal proposal, Instant at) {
    MatchAnswer answer;
    answer.fingerprint = {some_pdq(1), 90, {}};
    PolicyAnswer policy;
    policy.proposal = proposal;
    return make_check(answer, policy, "", at, random);
  }
  bool stored(const UploadCheck& check) {
    return house.store
        ->read([&](store::Tx& tx) -> Result<void> {
          ENTENTE_CHECK_OK(find_check(tx, check.id));
          return {};
        })
        .has_value();
  }
};

TEST_F(CheckLogTest, WhatProposesSomethingIsDurableBeforeItIsAnswered) {
  CheckLog log(*house.store);
  const auto task = check_of(Proposal::kReview, house.now);
  ASSERT_TRUE(log.add({task}));
  EXPECT_TRUE(stored(task));
}

TEST_F(CheckLogTest, WhatFoundNothingIsFoundAgainBeforeAndAfterItIsWritten) {
  const auto plain = check_of(Proposal::kNone, house.now);
  {
    CheckLog log(*house.store);
    EXPECT_EQ(log.find(plain.id).error().code, Code::kNotFound);
    ASSERT_TRUE(log.add({plain}));
    EXPECT_EQ(log.find(plain.id)->id, plain.id);
    ASSERT_TRUE(log.flush());
    EXPECT_EQ(log.find(plain.id)->id, plain.id);
    EXPECT_TRUE(stored(plain));
  }
  // What waits at the end is written.
  const auto last = check_of(Proposal::kNone, house.now);
  {
    CheckLog log(*house.store);
    ASSERT_TRUE(log.add({last}));
  }
  EXPECT_TRUE(stored(last));
}

TEST_F(CheckLogTest, WhatFoundNothingIsForgottenAndTasksAreNot) {
  CheckLog log(*house.store);
  const auto old = check_of(Proposal::kNone, house.now - kKeepUnmatched - std::chrono::hours(1));
  const auto task = check_of(Proposal::kReview, old.created_at);
  ASSERT_TRUE(log.add({old, task}));
  ASSERT_TRUE(log.flush());
  ASSERT_TRUE(log.add({check_of(Proposal::kNone, house.now)}));
  ASSERT_TRUE(log.flush());
  EXPECT_FALSE(stored(old));
  EXPECT_TRUE(stored(task));
}

}  // namespace
}  // namespace entente::matching

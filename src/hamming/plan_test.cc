// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/plan.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

namespace entente::hamming {
namespace {

std::vector<double> even(const Plan& plan, std::size_t rows) {
  std::vector<double> out;
  for (const Band& band : plan)
    out.push_back(static_cast<double>(rows) / static_cast<double>(1 << band.group));
  return out;
}

TEST(Plan, RefusesBandsThatOverlapLeaveAGapOrAddressMoreThanTheyHave) {
  EXPECT_TRUE(is_plan({}));
  EXPECT_TRUE(is_plan({{0, 128, 16}, {128, 128, 16}}));
  EXPECT_FALSE(is_plan({{0, 128, 16}, {127, 129, 16}}));
  EXPECT_FALSE(is_plan({{0, 128, 16}, {129, 127, 16}}));
  EXPECT_FALSE(is_plan({{0, 128, 16}}));
  EXPECT_FALSE(is_plan({{0, 250, 16}, {250, 6, 7}}));
  EXPECT_FALSE(is_plan({{0, 128, 3}, {128, 128, 16}}));
  EXPECT_FALSE(is_plan({{0, 128, 25}, {128, 128, 16}}));
  EXPECT_FALSE(is_plan({{0, 128, 16, true}, {128, 128, 16}}));
  EXPECT_TRUE(is_plan({{0, 128, 16}, {128, 128, 16, true}}));
  EXPECT_FALSE(is_plan(Plan(40, Band{0, 8, 8})));
}

constexpr std::size_t kRows[] = {0, 1, 100, 5'000, 100'000, 1'000'000, 10'000'000, 200'000'000};
constexpr std::size_t kPerRow[] = {0, 20, 60, 100, 300};

TEST(Plan, EveryGoalGivesAPlanWithinItsMemoryAndThresholdsThatProveEveryRadius) {
  for (const std::size_t rows : kRows) {
    for (const int radius : {0, 1, 10, 31, 40, 60, 100, 256}) {
      for (const std::size_t per_row : kPerRow) {
        const PlanGoal goal{rows, radius, 4, per_row * rows};
        const Plan plan = make_plan(goal);
        ASSERT_TRUE(is_plan(plan));
        if (plan.empty()) continue;
        EXPECT_LE(plan_bytes(plan, rows, 4), goal.memory);
        const auto all = thresholds_by_radius(plan, rows, even(plan, rows));
        EXPECT_GT(all.size(), static_cast<std::size_t>(radius)) << rows << ' ' << radius;
        for (std::size_t r = 0; r < all.size(); ++r) {
          std::size_t units = 0;
          for (std::size_t i = 0; i < plan.size(); ++i) {
            ASSERT_GE(all[r][i], kSkipped);
            ASSERT_LE(all[r][i], std::min<int>(kMaxThreshold, plan[i].group));
            units += static_cast<std::size_t>(all[r][i] + 1);
          }
          ASSERT_EQ(units, r + 1);
        }
      }
    }
  }
}

TEST(Plan, TenMillionWithinAHundredBytesEach) {
  // 32 bytes of hash, 4 of id, 3 to find an id by, an eighth to be dead with.
  const std::size_t rows = 10'000'000;
  const Plan plan = make_plan({rows, 31, 3, rows * 100 - rows * 39 - rows / 8});
  EXPECT_EQ(plan.size(), 12U);
}

TEST(Flips, AreAllValuesWithSoManyBitsFewestFirst) {
  for (const int bits : {4, 5, 9, 16, 20, 24}) {
    const Flips& flips = flips_of(bits);
    double choose = 1;
    for (int set = 0; set <= kMaxThreshold; ++set) {
      const auto at = static_cast<std::size_t>(set);
      std::set<std::uint32_t> values;
      for (std::uint32_t i = flips.start[at]; i < flips.start[at + 1]; ++i) {
        EXPECT_EQ(std::popcount(flips.masks[i]), set);
        EXPECT_LT(flips.masks[i], std::uint32_t{1} << bits);
        values.insert(flips.masks[i]);
      }
      EXPECT_EQ(static_cast<double>(values.size()), choose) << bits << ' ' << set;
      choose = choose * (bits - set) / (set + 1);
    }
  }
}

TEST(Bits, AreReadAcrossWordsAndAroundTheRing) {
  const std::uint64_t words[4] = {0x8000000000000001, 0xc000000000000000, 0, 0x000000000000000f};
  EXPECT_EQ(bits_at(words, 0, 1), 1U);
  EXPECT_EQ(bits_at(words, 0, 4), 8U);
  EXPECT_EQ(bits_at(words, 62, 4), 0b0111U);
  EXPECT_EQ(bits_at(words, 252, 8), 0b11111000U);
  EXPECT_EQ(bits_at(words, 256, 4), 8U);
  EXPECT_EQ(bits_at(words, 63, 32), 0xe0000000U);
}

}  // namespace
}  // namespace entente::hamming

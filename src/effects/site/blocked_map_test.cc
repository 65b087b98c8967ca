// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/blocked_map.h"

#include <gtest/gtest.h>

namespace entente::effects::site {
namespace {

constexpr const char* kHead = "# Written by entente. Changes are lost.\n";

TEST(BlockedMap, RefusesWhatNginxCouldNotReadBack) {
  EXPECT_FALSE(check_fits({"a.example", "/x\ny", "https://r/"}).has_value());
  EXPECT_FALSE(
      check_fits({"a.example", "/" + std::string(kMaxMapToken, 'a'), "https://r/"}).has_value());
  // Each dollar becomes a variable's name: what fits as a key may not fit as a value.
  EXPECT_FALSE(check_fits({"a.example", "/" + std::string(400, '$'), "https://r/"}).has_value());
  // And a quote takes four bytes in a regular expression.
  EXPECT_FALSE(check_fits({"a.example", "/" + std::string(1001, '"'), "https://r/"}).has_value());
  EXPECT_TRUE(check_fits({"a.example", "/" + std::string(1023, 'a'), "https://r/"}).has_value());
}

TEST(BlockedMap, EscapesQuotesBackslashesAndDollars) {
  EXPECT_EQ(
      *render_map({{"a.example", "/q\"b\\n$host;}.jpg", "https://r/1"}}),
      std::string(kHead) +
          R"("a.example/q\"b\\n$host;}.jpg" "a.example/q\"b\\n${entente_dollar}host;}.jpg https://r/1";)" +
          "\n");
}

TEST(BlockedMap, AddressesThatDifferInCaseOnlyBecomeExpressions) {
  EXPECT_EQ(
      *render_map({{"a.example", "/a.jpg", "https://r/1"}, {"a.example", "/A.jpg", "https://r/2"}}),
      std::string(kHead) + R"("~^a\\.example/A\\.jpg\\z" "a.example/A.jpg https://r/2";)" + "\n" +
          R"("~^a\\.example/a\\.jpg\\z" "a.example/a.jpg https://r/1";)" + "\n");
}

TEST(BlockedMap, EqualSetsAreEqualBytes) {
  const Blocked one{"a.example", "/1", "https://r/1"};
  const Blocked two{"a.example", "/2", "https://r/2"};
  EXPECT_EQ(*render_map({one, two}), *render_map({two, one}));
  EXPECT_EQ(*render_map({}), kHead);
}

}  // namespace
}  // namespace entente::effects::site

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "entente/core/bytes.h"
#include "entente/core/id.h"
#include "entente/core/random.h"
#include "entente/core/time.h"

namespace entente {
namespace {

TEST(Base64, RefusesWhatAnotherSpellingWouldAlsoMean) {
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Zg"));
  EXPECT_FALSE(from_base64("Zh=="));  // stray bits
  EXPECT_FALSE(from_base64("Zm9v\n"));
  EXPECT_FALSE(from_base64("===="));
  EXPECT_FALSE(from_base64("Zm=v"));
}

TEST(Base64, RoundTripsRfc4648Vectors) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    ASSERT_TRUE(from_base64(coded)) << coded;
    EXPECT_EQ(to_text(*from_base64(coded)), plain);
  }
}

TEST(Hex, RefusesUpperCaseAndOddLength) {
  EXPECT_FALSE(from_hex("AB"));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_EQ(to_hex(*from_hex("00ff")), "00ff");
}

TEST(Rfc3339, RefusesWhatIsNotATime) {
  for (const auto* bad :
       {"", "2026-11-13", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-13T24:00:00Z",
        "2026-11-13T21:20:60Z", "2026-11-13T21:20:30", "2026-11-13T21:20:30+25:00",
        "2026-11-13T21:20:30.Z", "1969-12-31T23:59:59Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Rfc3339, ReadsOffsetsAndPrintsUtc) {
  const auto t = parse_rfc3339("2026-11-13T22:20:30.25+01:00");
  ASSERT_TRUE(t);
  EXPECT_EQ(format_rfc3339(*t), "2026-11-13T21:20:30.250Z");
}

TEST(Period, ClipsTheDayToTheMonth) {
  const auto start = *parse_rfc3339("2026-08-31T10:00:00Z");
  EXPECT_EQ(format_rfc3339(parse_period("P6M")->after(start)), "2027-02-28T10:00:00Z");
  EXPECT_EQ(format_rfc3339(parse_period("P6W")->after(*parse_rfc3339("2026-11-13T00:00:00Z"))),
            "2026-12-25T00:00:00Z");
}

TEST(Period, RefusesNonsense) {
  for (const auto* bad : {"", "P", "PT", "1H", "P1H", "PT1D", "P1DT", "P-1D", "PT1HT1M", "P1D1M",
                          "P1M1M", "PT1M1H", "P1W1W", "P9999999Y", "PT9999999H9999999M"})
    EXPECT_FALSE(parse_period(bad)) << bad;
}

TEST(Period, IsReadAgainAsItWasWritten) {
  for (const auto* text : {"PT1H", "P6W", "P1Y2M10DT2H30M", "PT0S", "P9999999D", "PT9999999H"}) {
    const auto period = parse_period(text).value();
    const auto again = parse_period(format_period(period));
    ASSERT_TRUE(again) << format_period(period);
    EXPECT_EQ(again->months, period.months);
    EXPECT_EQ(again->days, period.days);
    EXPECT_EQ(again->exact, period.exact);
  }
}

TEST(Ulid, SortsByTimeAndIsWellFormed) {
  SeededRandom random(1);
  const auto a = make_ulid(instant_from_ms(1'700'000'000'000), random);
  const auto b = make_ulid(instant_from_ms(1'700'000'000'001), random);
  EXPECT_TRUE(is_ulid(a));
  EXPECT_LT(a, b);
  EXPECT_FALSE(is_ulid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  EXPECT_FALSE(is_ulid(a.substr(1)));
}

}  // namespace
}  // namespace entente

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/breaker.h"

#include <gtest/gtest.h>

#include "entente/matching/entry_reviews.h"
#include "entente/matching/sharing.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct BreakerTest : testing::Test {
  BankHouse house;
  BreakerSettings settings;
  EntryId id = house.put(house.entry(pdq_of(1)));
  FakeClock clock{house.now};

  BreakerTest() {
    settings.at_least = 10;
    settings.times_usual = 5;
  }
  void see(Breaker& breaker, int times, EntryId entry) {
    for (int i = 0; i < times; ++i) breaker.saw(entry, clock.now());
  }
  std::vector<EntryId> flush(Breaker& breaker) {
    const auto out = breaker.flush(*house.store, clock.now());
    EXPECT_TRUE(out.has_value()) << (out ? "" : to_string(out.error()));
    return out.value_or(std::vector<EntryId>{});
  }
  std::vector<EntryReview> open() {
    return *house.write<std::vector<EntryReview>>(
        [&](store::Tx& tx) { return open_reviews(tx, 0, kMaxPage); });
  }
  void reset(std::int64_t review) {
    const Decision decision{"omar", "a template everybody uses", clock.now()};
    EXPECT_TRUE(house
                    .write<std::vector<EntryId>>([&](store::Tx& tx) {
                      return close_review(tx, review, ReviewOutcome::kKept, decision);
                    })
                    .has_value());
  }
};

TEST_F(BreakerTest, SettingsThatMakeNoSenseSayWhere) {
  EXPECT_EQ(parse_breaker_settings(R"({"window": "soon"})").error().field, "/window");
  EXPECT_EQ(parse_breaker_settings(R"({"bucket": "PT7M"})").error().field, "/bucket");
  EXPECT_EQ(parse_breaker_settings(R"({"history": "PT1H"})").error().field, "/history");
  EXPECT_EQ(parse_breaker_settings(R"({"at_least": 0})").error().field, "/at_least");
  EXPECT_FALSE(parse_breaker_settings(R"({"nonsense": 1})").has_value());
  const auto read = parse_breaker_settings(R"({"window": "PT2H", "at_least": 50})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->window, hours(2));
  EXPECT_EQ(read->at_least, 50);
}

TEST_F(BreakerTest, BelowTheFloorNothingTrips) {
  Breaker breaker(settings);
  see(breaker, 9, id);
  EXPECT_TRUE(flush(breaker).empty());
  // The window slides: nine more an hour later are not eighteen.
  clock.advance(hours(1));
  see(breaker, 9, id);
  EXPECT_TRUE(flush(breaker).empty());
  EXPECT_TRUE(open().empty());
}

TEST_F(BreakerTest, AnUnusualVolumeQuarantinesAndSaysSoOnce) {
  Breaker breaker(settings);
  const EntryId quiet = house.put(house.entry(pdq_of(2), "act-2"));
  see(breaker, 6, id);
  see(breaker, 2, quiet);
  EXPECT_TRUE(flush(breaker).empty());
  clock.advance(minutes(20));
  see(breaker, 4, id);
  EXPECT_EQ(flush(breaker), std::vector<EntryId>{id});
  EXPECT_TRUE(house.at(id).quarantined);
  EXPECT_FALSE(house.at(quiet).quarantined);
  EXPECT_TRUE(house.matches(id));  // it matches, and proposes review only
  see(breaker, 100, id);
  EXPECT_TRUE(flush(breaker).empty());
  EXPECT_EQ(open().size(), 1U);
  ASSERT_EQ(house.events("entry_quarantined").size(), 1U);
  EXPECT_EQ(house.events("entry_quarantined")[0].by, kByNode);
}

TEST_F(BreakerTest, WhatIsUsualForAnEntryDoesNotTrip) {
  Breaker breaker(settings);
  for (int hour = 0; hour < 48; ++hour) {
    clock.advance(hours(1));
    see(breaker, 8, id);
    EXPECT_TRUE(flush(breaker).empty()) << hour;
  }
  clock.advance(hours(1));
  see(breaker, 30, id);  // above the floor, below five times eight
  EXPECT_TRUE(flush(breaker).empty());
  clock.advance(minutes(5));
  see(breaker, 10, id);
  EXPECT_EQ(flush(breaker), std::vector<EntryId>{id});
}

TEST_F(BreakerTest, APersonResetsItAndItKeepsStillForAWhile) {
  Breaker breaker(settings);
  see(breaker, 20, id);
  ASSERT_EQ(flush(breaker).size(), 1U);
  reset(open()[0].id);
  EXPECT_FALSE(house.at(id).quarantined);
  clock.advance(hours(1));
  see(breaker, 20, id);
  EXPECT_TRUE(flush(breaker).empty());
  clock.advance(settings.quiet);
  see(breaker, 200, id);
  EXPECT_EQ(flush(breaker), std::vector<EntryId>{id});
}

TEST_F(BreakerTest, CountsSurviveARestart) {
  {
    Breaker before(settings);
    see(before, 6, id);
    flush(before);
  }
  Breaker after(settings);
  see(after, 4, id);
  EXPECT_EQ(flush(after), std::vector<EntryId>{id});
}

TEST_F(BreakerTest, WhatAFailedFlushCouldNotWriteWaits) {
  Breaker breaker(settings);
  see(breaker, 10, id);
  struct Broken : store::Store {
    Result<void> write(const store::Work&) override { return fail(Code::kBusy, "no"); }
    Result<void> read(const store::Work&) override { return fail(Code::kBusy, "no"); }
    void before_commit(store::Work) override {}
    void after_commit(std::function<void()>) override {}
  } broken;
  EXPECT_FALSE(breaker.flush(broken, clock.now()).has_value());
  EXPECT_EQ(flush(breaker), std::vector<EntryId>{id});
}

TEST_F(BreakerTest, FlushIsDueAfterManyMatchesOrAWhile) {
  settings.flush_after = 3;
  Breaker breaker(settings);
  EXPECT_FALSE(breaker.due(clock.now()));
  see(breaker, 2, id);
  EXPECT_FALSE(breaker.due(clock.now()));
  EXPECT_TRUE(breaker.due(clock.now() + settings.flush_every));
  see(breaker, 1, id);
  EXPECT_TRUE(breaker.due(clock.now()));
  flush(breaker);
  EXPECT_FALSE(breaker.due(clock.now() + hours(1)));
}

TEST_F(BreakerTest, OldBucketsAreForgottenAndSightingsStay) {
  Breaker breaker(settings);
  see(breaker, 5, id);
  flush(breaker);
  clock.advance(settings.history + hours(5));
  const auto gone =
      house.write<std::int64_t>([&](store::Tx& tx) { return breaker.sweep(tx, clock.now(), 100); });
  EXPECT_EQ(*gone, 2);
  const auto seen = house.write<Sighting>([&](store::Tx& tx) { return sighting_of(tx, id); });
  EXPECT_EQ(seen->count, 5);
  EXPECT_EQ(seen->first_seen, house.now);
}

}  // namespace
}  // namespace entente::matching

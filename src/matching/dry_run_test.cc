// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/dry_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "entente/matching/entry_reviews.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

TEST(Simulate, WithoutUploadsOrEntriesNothingMatches) {
  const Candidate one{"1", pdq_of(1)};
  const RecordedUpload upload{"u", pdq_of(1)};
  EXPECT_EQ(simulate({}, {&one, 1}, 31).matches, 0);
  EXPECT_EQ(simulate({&upload, 1}, {}, 31).matches, 0);
}

TEST(Simulate, CountsEveryPairWithinTheRadiusAsAScanWould) {
  std::vector<RecordedUpload> uploads;
  std::vector<Candidate> candidates;
  for (std::uint64_t i = 0; i < 400; ++i)
    uploads.push_back({fmt::format("u{:03}", i), near(pdq_of(i % 50), static_cast<int>(i % 41))});
  for (std::uint64_t i = 0; i < 60; ++i) candidates.push_back({std::to_string(i), pdq_of(i)});
  for (const int radius : {0, 7, 31}) {
    std::int64_t pairs = 0;
    std::int64_t hit = 0;
    for (const RecordedUpload& upload : uploads) {
      std::int64_t of_this = 0;
      for (const Candidate& candidate : candidates)
        of_this += candidate.pdq.distance(upload.pdq) <= radius ? 1 : 0;
      pairs += of_this;
      hit += of_this > 0 ? 1 : 0;
    }
    const DryRunReport report = simulate(uploads, candidates, radius);
    EXPECT_EQ(report.matches, pairs) << radius;
    EXPECT_EQ(report.matched_uploads, hit) << radius;
    std::int64_t of_distances = 0;
    for (const std::int64_t count : report.by_distance) of_distances += count;
    EXPECT_EQ(of_distances, pairs);
    // The same the other way round: whichever side is larger is indexed.
    std::vector<RecordedUpload> few(uploads.begin(), uploads.begin() + 30);
    EXPECT_LE(simulate(few, candidates, radius).matches, pairs);
  }
}

TEST(Simulate, NamesTheWorstOffendersFirstWithTheNearestSamples) {
  std::vector<RecordedUpload> uploads;
  for (int i = 0; i < 9; ++i)
    uploads.push_back({"meme" + std::to_string(i), near(pdq_of(1), 9 - i)});
  uploads.push_back({"once", pdq_of(2)});
  const std::vector<Candidate> candidates{
      {"never", pdq_of(3)}, {"once", pdq_of(2)}, {"template", pdq_of(1)}};
  const DryRunReport report = simulate(uploads, candidates, 31);
  ASSERT_EQ(report.offenders.size(), 2U);
  EXPECT_EQ(report.offenders[0].entry, "template");
  EXPECT_EQ(report.offenders[0].uploads, 9);
  EXPECT_EQ(report.offenders[0].nearest, 1);
  EXPECT_EQ(report.offenders[0].samples,
            (std::vector<std::string>{"meme8", "meme7", "meme6", "meme5", "meme4"}));
  EXPECT_EQ(report.offenders[1].entry, "once");
  EXPECT_EQ(report.matched_uploads, 10);
}

TEST(Simulate, ABankOfOneTemplateIsCountedWithoutKeepingEveryPair) {
  std::vector<RecordedUpload> uploads;
  std::vector<Candidate> candidates;
  for (std::uint64_t i = 0; i < 300; ++i) uploads.push_back({"u" + std::to_string(i), pdq_of(1)});
  for (std::uint64_t i = 0; i < 200; ++i) candidates.push_back({std::to_string(i), pdq_of(1)});
  const DryRunReport report = simulate(uploads, candidates, 31);
  EXPECT_EQ(report.matches, 60'000);
  EXPECT_EQ(report.matched_uploads, 300);
  ASSERT_EQ(report.offenders.size(), kMaxOffenders);
  EXPECT_EQ(report.offenders[0].entry, "0");
  EXPECT_EQ(report.offenders[0].samples, (std::vector<std::string>{"u0", "u1", "u2", "u3", "u4"}));
}

struct DryRunTest : testing::Test {
  BankHouse house;
  DryRunTest() { house.make_bank("new-one", BankKind::kOwn, true); }

  void upload(const std::string& id, const fingerprint::Pdq& pdq, int quality = 100) {
    EXPECT_TRUE(house
                    .run([&](store::Tx& tx) -> Result<void> {
                      ENTENTE_CHECK_OK(tx.exec(
                          "INSERT INTO upload_check (id, sha256, pdq, quality, proposal, note, "
                          "matches, created_at) VALUES ($1, '', $2, $3, 'none', '', '[]', 1)",
                          {id, pdq.hex(), std::int64_t{quality}}));
                      return {};
                    })
                    .has_value());
  }
  Result<void> live() {
    return house.run(
        [&](store::Tx& tx) { return go_live(tx, house.banks, "new-one", house.ines()); });
  }
  DryRunReport run(std::int64_t uploads = 100) {
    const auto report = dry_run(*house.store, house.banks, "new-one", uploads, house.now);
    EXPECT_TRUE(report.has_value()) << (report ? "" : to_string(report.error()));
    return report.value_or(DryRunReport{});
  }
  Result<void> accept(std::int64_t id, const Decision& decision) {
    return house.run([&](store::Tx& tx) { return accept_report(tx, id, decision); });
  }
};

TEST_F(DryRunTest, ABankNobodyHasLookedAtMatchesNothingAndDoesNotGoLive) {
  const EntryId id = house.put(house.by_person(pdq_of(1), "new-one"));
  EXPECT_FALSE(house.matches(id));
  const auto refused = live();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kRefused);
  EXPECT_EQ(refused.error().field, "dry_run");
  run();  // a report alone is not enough: a person must have seen it
  EXPECT_EQ(live().error().field, "dry_run");
  EXPECT_FALSE(house.matches(id));
}

TEST_F(DryRunTest, AcceptingNeedsAName) {
  const DryRunReport report = run();
  EXPECT_EQ(accept(report.id, {"", "fine", house.now}).error().rule, "SG21");
  EXPECT_EQ(accept(4711, house.ines()).error().code, Code::kNotFound);
}

TEST_F(DryRunTest, OnceAcceptedItGoesLive) {
  upload("a", near(pdq_of(1), 4));
  upload("b", pdq_of(9));
  upload("c", pdq_of(1), 20);  // too little detail to be looked up
  const EntryId id = house.put(house.by_person(pdq_of(1), "new-one"));
  const DryRunReport report = run();
  EXPECT_EQ(report.uploads, 2);
  EXPECT_EQ(report.matched_uploads, 1);
  EXPECT_EQ(report.by_distance[4], 1);
  ASSERT_EQ(report.offenders.size(), 1U);
  EXPECT_EQ(report.offenders[0].samples, std::vector<std::string>{"a"});
  ASSERT_TRUE(accept(report.id, house.ines()).has_value());
  ASSERT_TRUE(live().has_value());
  EXPECT_TRUE(house.matches(id));
  EXPECT_TRUE(live().has_value());  // it is
  EXPECT_EQ(house.events("bank_live").size(), 1U);
  const auto kept =
      house.write<DryRunReport>([&](store::Tx& tx) { return last_report(tx, "new-one"); });
  EXPECT_EQ(kept->offenders.size(), 1U);
  EXPECT_EQ(kept->accepted_by, "ines");
}

TEST_F(DryRunTest, WhatWasAddedSinceTheReportAsksForANewOne) {
  house.put(house.by_person(pdq_of(1), "new-one"));
  ASSERT_TRUE(accept(run().id, house.ines()).has_value());
  const EntryId late = house.put(house.by_person(pdq_of(2), "new-one"));
  EXPECT_EQ(live().error().field, "dry_run");
  // Taking it out again is no reason for another look.
  ASSERT_TRUE(house
                  .write<bool>([&](store::Tx& tx) {
                    return house.banks.tombstone_entry(tx, late, house.ines());
                  })
                  .has_value());
  EXPECT_TRUE(live().has_value());
}

TEST_F(DryRunTest, AContestSinceTheReportIsNoReasonForAnotherLook) {
  const EntryId id = house.put(house.by_person(pdq_of(1), "new-one"));
  ASSERT_TRUE(accept(run().id, house.ines()).has_value());
  ASSERT_TRUE(house.write<std::int64_t>(
      [&](store::Tx& tx) { return contest(tx, id, house.omar("news")); }));
  EXPECT_TRUE(live().has_value());
}

TEST_F(DryRunTest, AWiderRadiusThanTheReportsAsksForANewOne) {
  house.put(house.by_person(pdq_of(1), "new-one"));
  const auto radius = [&](int r) {
    BankChange change;
    change.radius = r;
    EXPECT_TRUE(house
                    .run([&](store::Tx& tx) {
                      return house.banks.change(tx, "new-one", change, house.ines());
                    })
                    .has_value());
  };
  radius(10);
  ASSERT_TRUE(accept(run().id, house.ines()).has_value());
  radius(20);
  EXPECT_EQ(live().error().field, "dry_run");
  radius(8);
  EXPECT_TRUE(live().has_value());
}

TEST_F(DryRunTest, ASuspendedBankMatchesNothingAndItsReportStillStands) {
  const EntryId id = house.put(house.by_person(pdq_of(1), "new-one"));
  ASSERT_TRUE(accept(run().id, house.ines()).has_value());
  ASSERT_TRUE(live().has_value());
  const auto stop = [&](const Decision& decision) {
    return house.run([&](store::Tx& tx) { return suspend(tx, house.banks, "new-one", decision); });
  };
  EXPECT_EQ(stop(house.ines("")).error().field, "reason");
  ASSERT_TRUE(stop(house.ines("too many complaints")).has_value());
  EXPECT_FALSE(house.matches(id));
  EXPECT_TRUE(live().has_value());
  EXPECT_TRUE(house.matches(id));
}

TEST_F(DryRunTest, RefusesAnUnreasonableNumberOfUploads) {
  EXPECT_EQ(dry_run(*house.store, house.banks, "new-one", 0, house.now).error().field, "uploads");
  EXPECT_EQ(
      dry_run(*house.store, house.banks, "new-one", kMaxDryRunUploads + 1, house.now).error().field,
      "uploads");
  EXPECT_EQ(dry_run(*house.store, house.banks, "nowhere", 10, house.now).error().code,
            Code::kNotFound);
}

}  // namespace
}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// What goes back to the source of an entry (sharing.h).
#include <gtest/gtest.h>

#include "entente/matching/breaker.h"
#include "entente/matching/entry_reviews.h"
#include "entente/matching/sharing.h"
#include "entente/matching/signed_document.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::PrivateKey::generate(random);
}

struct SightingsTest : testing::Test {
  BankHouse source;
  BankHouse ours;
  crypto::PrivateKey source_key = key_of(1);
  crypto::PrivateKey our_key = key_of(2);
  EntryId theirs = 0;  // the entry, as its source knows it
  EntryId here = 0;    // the same, as we do
  DisagreementSettings settings;

  SightingsTest() {
    source.make_bank("list", BankKind::kShared);
    theirs = source.put(source.by_person(pdq_of(1), "list"));
    const auto delta = *source.write<std::optional<Delta>>([&](store::Tx& tx) {
      return export_delta(tx, source.banks, {"source.example", source_key}, "list", 0, source.now);
    });
    EXPECT_TRUE(ours.run([&](store::Tx& tx) -> Result<void> {
      const Subscription subscription{"source.example", "list", "from-list", "", BankKind::kShared};
      ENTENTE_CHECK_OK(subscribe(tx, ours.banks, subscription, ours.ines()));
      const Partner partner{"source.example", source_key.public_key()};
      ENTENTE_CHECK_OK(
          import_delta(tx, ours.banks, "our.example", delta->envelope, partner, {}, ours.now));
      ENTENTE_TRY(entries, ours.banks.entries(tx, "from-list", 0, 1));
      here = entries.at(0).id;
      return {};
    }));
  }

  void see(int times) {
    Breaker breaker;
    for (int i = 0; i < times; ++i) breaker.saw(here, ours.now);
    EXPECT_TRUE(breaker.flush(*ours.store, ours.now).has_value());
  }
  Result<void> say(Verdict verdict, std::string_view reason = "") {
    return ours.run(
        [&](store::Tx& tx) { return record_verdict(tx, here, verdict, reason, ours.now); });
  }
  std::optional<std::string> tell() {
    const auto told = ours.write<std::optional<std::string>>([&](store::Tx& tx) {
      return export_sightings(tx, {"our.example", our_key}, "source.example", "list", ours.now);
    });
    EXPECT_TRUE(told.has_value()) << (told ? "" : to_string(told.error()));
    return told.value_or(std::nullopt);
  }
  Result<SightingsImport> hear(const std::string& envelope,
                               const std::string& self = "source.example") {
    return source.write<SightingsImport>([&](store::Tx& tx) {
      return import_sightings(tx, self, envelope, {"our.example", our_key.public_key()}, settings,
                              source.now);
    });
  }
  std::string forge(json::Array lines, std::int64_t number = 1) {
    const json::Object document{{"sightings", "entente-sightings/1"},
                                {"party", "our.example"},
                                {"source", "source.example"},
                                {"bank", "list"},
                                {"number", number},
                                {"at", "2027-01-15T08:00:00Z"},
                                {"lines", std::move(lines)}};
    return sign_document(kSightingsType, document, our_key)->envelope;
  }
  Sighting told_by_us() {
    const auto all = *source.write<std::vector<PartnerSighting>>(
        [&](store::Tx& tx) { return sightings_from(tx, theirs); });
    return all.empty() ? Sighting{} : all[0].seen;
  }
};

TEST_F(SightingsTest, ADisputeNamesAClassOfReasonAndAConfirmationNone) {
  EXPECT_EQ(say(Verdict::kDisputed, "because I say so").error().field, "reason");
  EXPECT_EQ(say(Verdict::kDisputed).error().field, "reason");
  EXPECT_EQ(say(Verdict::kConfirmed, "news").error().field, "reason");
  EXPECT_FALSE(tell().has_value());
}

TEST_F(SightingsTest, RefusesWhatIsNotSignedByThePartnerOrNotForUs) {
  see(1);
  const std::string envelope = *tell();
  EXPECT_EQ(hear(envelope, "other.example").error().field, "/source");
  const auto stranger = source.write<SightingsImport>([&](store::Tx& tx) {
    return import_sightings(tx, "source.example", envelope, {"our.example", key_of(9).public_key()},
                            settings, source.now);
  });
  EXPECT_EQ(stranger.error().code, Code::kUnauthorised);
  EXPECT_FALSE(hear("{}").has_value());
}

TEST_F(SightingsTest, MatchesAndVerdictsReachTheSource) {
  see(3);
  ASSERT_TRUE(say(Verdict::kConfirmed).has_value());
  ASSERT_TRUE(say(Verdict::kDisputed, "news").has_value());
  const auto envelope = tell();
  ASSERT_TRUE(envelope.has_value());
  EXPECT_FALSE(tell().has_value());  // nothing new
  const auto heard = hear(*envelope);
  ASSERT_TRUE(heard.has_value()) << to_string(heard.error());
  EXPECT_EQ(heard->entries, 1);
  EXPECT_TRUE(heard->reviews.empty());
  EXPECT_EQ(told_by_us().count, 3);
  EXPECT_EQ(told_by_us().confirmed, 1);
  EXPECT_EQ(told_by_us().disputed, 1);
  EXPECT_EQ(told_by_us().last_seen, ours.now);
}

TEST_F(SightingsTest, TheyAreCumulativeAndAnOldOneIsIgnored) {
  see(3);
  const std::string first = *tell();
  see(2);
  const std::string second = *tell();
  ASSERT_FALSE(hear(second)->repeated);
  EXPECT_EQ(told_by_us().count, 5);
  EXPECT_TRUE(hear(first)->repeated);
  EXPECT_TRUE(hear(second)->repeated);
  EXPECT_EQ(told_by_us().count, 5);
}

TEST_F(SightingsTest, EnoughDisagreementOpensOneReviewOfTheEntry) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(say(Verdict::kDisputed, "news").has_value());
  ASSERT_TRUE(say(Verdict::kConfirmed).has_value());
  EXPECT_TRUE(hear(*tell())->reviews.empty());  // two are not three
  ASSERT_TRUE(say(Verdict::kDisputed, "art").has_value());
  const auto heard = hear(*tell());
  ASSERT_EQ(heard->reviews.size(), 1U);
  EXPECT_TRUE(source.matches(theirs));  // it is looked at, no more
  EXPECT_FALSE(source.at(theirs).contested);
  ASSERT_TRUE(say(Verdict::kDisputed, "art").has_value());
  EXPECT_TRUE(hear(*tell())->reviews.empty());  // one is open
  ASSERT_TRUE(source.write<std::vector<EntryId>>([&](store::Tx& tx) {
    return close_review(tx, heard->reviews[0], ReviewOutcome::kKept, source.omar());
  }));
  // What was weighed already does not open another; three new ones do.
  ASSERT_TRUE(say(Verdict::kDisputed, "art").has_value());
  EXPECT_TRUE(hear(*tell())->reviews.empty());
  ASSERT_TRUE(say(Verdict::kDisputed, "art").has_value());
  EXPECT_EQ(hear(*tell())->reviews.size(), 1U);
}

TEST_F(SightingsTest, WhereMostConfirmNothingIsReviewed) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(say(Verdict::kDisputed, "news").has_value());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(say(Verdict::kConfirmed).has_value());
  EXPECT_TRUE(hear(*tell())->reviews.empty());
}

TEST_F(SightingsTest, AContestUpheldHereIsToldToTheSource) {
  const std::int64_t review = *ours.write<std::int64_t>(
      [&](store::Tx& tx) { return contest(tx, here, ours.ines("a newspaper's front page")); });
  ASSERT_TRUE(ours.write<std::vector<EntryId>>([&](store::Tx& tx) {
    return close_review(tx, review, ReviewOutcome::kUpheld, ours.omar());
  }));
  const auto envelope = tell();
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->find("newspaper"), std::string::npos);
  ASSERT_TRUE(hear(*envelope).has_value());
  EXPECT_EQ(told_by_us().disputed, 1);
}

TEST_F(SightingsTest, BadLinesAreReportedByNumber) {
  const std::string id = std::to_string(theirs);
  json::Array lines;
  lines.push_back(*json::parse(R"({"entry": "x", "count": 1, "confirmed": 0, "disputed": 0})"));
  lines.push_back(*json::parse(R"({"entry": "999", "count": 1, "confirmed": 0, "disputed": 0})"));
  lines.push_back(
      *json::parse(R"({"entry": ")" + id + R"(", "count": -1, "confirmed": 0, "disputed": 0})"));
  lines.push_back(*json::parse(R"({"entry": ")" + id +
                               R"(", "count": 1, "confirmed": 0, "disputed": 1,
                                   "reasons": {"made up": 1}})"));
  lines.push_back(
      *json::parse(R"({"entry": ")" + id + R"(", "count": 7, "confirmed": 0, "disputed": 0})"));
  const auto heard = hear(forge(lines));
  ASSERT_TRUE(heard.has_value()) << to_string(heard.error());
  EXPECT_EQ(heard->entries, 1);
  ASSERT_EQ(heard->faults.size(), 4U);
  EXPECT_EQ(heard->faults[0].error.field, "/lines/0/entry");
  EXPECT_EQ(heard->faults[1].line, 2);
  EXPECT_EQ(heard->faults[2].error.field, "/lines/2/count");
  EXPECT_EQ(heard->faults[3].line, 4);
  EXPECT_EQ(told_by_us().count, 7);
}

TEST_F(SightingsTest, AboutABankThatIsNotSharedNothingIsHeard) {
  const EntryId private_one = source.put(source.entry(pdq_of(4)));
  const json::Object document{
      {"sightings", "entente-sightings/1"},
      {"party", "our.example"},
      {"source", "source.example"},
      {"bank", "terrorist-content"},
      {"number", 1},
      {"at", "2027-01-15T08:00:00Z"},
      {"lines", json::Array{json::Object{{"entry", std::to_string(private_one)},
                                         {"count", 1},
                                         {"confirmed", 0},
                                         {"disputed", 9}}}}};
  EXPECT_EQ(hear(sign_document(kSightingsType, document, our_key)->envelope).error().code,
            Code::kNotFound);
}

}  // namespace
}  // namespace entente::matching

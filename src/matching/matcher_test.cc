// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/matcher.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct MatcherTest : testing::Test {
  TestHouse house;
  std::unique_ptr<Matcher> matcher = house.load();

  // Adds the picture under `act`, committed and told.
  EntryId bank(const Bytes& file, const std::string& act = "act-1") {
    const auto seen = matcher->fingerprint_of(file);
    check(seen.has_value(), "no fingerprint");
    NewEntry entry = house.entry(seen->pdq, act);
    entry.quality = seen->quality;
    const auto id = house.add(entry);
    check(id.has_value(), "not added");
    check(matcher->added({*id}).has_value(), "not told");
    return *id;
  }
};

TEST_F(MatcherTest, AHostileFileGivesAClearProblem) {
  EXPECT_EQ(matcher->match({}).error().code, Code::kInvalid);
  EXPECT_EQ(matcher->match(as_bytes("<svg onload=alert(1)>")).error().code, Code::kUnsupported);
  Bytes cut = as_jpeg(photograph(1), 90);
  cut.resize(cut.size() / 2);
  EXPECT_EQ(matcher->match(cut).error().code, Code::kInvalid);
  EXPECT_EQ(matcher->match(Bytes(media::kMaxInputBytes + 1, 0xff)).error().code, Code::kTooLarge);
  // And the next picture is served.
  const auto next = matcher->match(as_jpeg(photograph(1), 90));
  EXPECT_TRUE(next.has_value()) << to_string(next.error());
}

TEST_F(MatcherTest, AnAnswerThatIsNoFingerprintIsNotBelieved) {
  struct Liar final : media::DecoderPool {
    std::string answer;
    Result<std::string> run(ByteView) override { return answer; }
  };
  Liar liar;
  const auto lied = Matcher::load(*house.store, liar, house.banks);
  const std::string hex(64, 'a');
  const auto refused = [&](const std::string& answer) {
    liar.answer = answer;
    const auto said = (*lied)->match(as_bytes("x"));
    ASSERT_FALSE(said.has_value()) << answer;
    EXPECT_EQ(said.error().code, Code::kUnavailable);
  };
  for (const char* tail : {"", " ", " 101", " -1", " 9x", "  90", " 0x5", " 1000000"})
    refused(hex + tail);
  refused({});
  refused(std::string(64, 'A') + " 90");
  liar.answer = hex + " 90";
  EXPECT_TRUE((*lied)->match(as_bytes("x")).has_value());
}

TEST_F(MatcherTest, APictureWithoutDetailIsNotLookedUp) {
  media::Image grey;
  grey.width = grey.height = 256;
  grey.rgb.assign(std::size_t{3} * 256 * 256, 128);
  const auto answer = matcher->match(as_jpeg(grey, 90));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->note, "quality_too_low");
  EXPECT_EQ(answer->proposal, Proposal::kNone);
  // Even a fingerprint that is in the bank, when its picture says nothing.
  bank(as_jpeg(photograph(1), 90));
  Fingerprint same = *matcher->fingerprint_of(as_jpeg(photograph(1), 90));
  same.quality = fingerprint::kMinQuality - 1;
  EXPECT_TRUE(matcher->match_hash(same)->matches.empty());
}

TEST_F(MatcherTest, UnrelatedPicturesDoNotMatch) {
  bank(as_jpeg(photograph(1), 90));
  for (std::uint64_t seed = 2; seed < 8; ++seed) {
    const auto answer = matcher->match(as_jpeg(photograph(seed), 90));
    ASSERT_TRUE(answer.has_value());
    EXPECT_GE(answer->fingerprint.quality, fingerprint::kMinQuality);
    EXPECT_EQ(answer->proposal, Proposal::kNone) << seed;
    EXPECT_TRUE(answer->matches.empty());
  }
}

TEST_F(MatcherTest, ARepostInHalfTheSizeRecolouredAndRecompressedIsProposedForReview) {
  const EntryId id = bank(as_jpeg(photograph(1), 92), "act-7");
  const auto answer = matcher->match(reposted(photograph(1)));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->proposal, Proposal::kReview);
  ASSERT_EQ(answer->matches.size(), 1U);
  EXPECT_EQ(answer->matches[0].entry, id);
  EXPECT_EQ(answer->matches[0].bank, "terrorist-content");
  EXPECT_EQ(answer->matches[0].act, "act-7");
  EXPECT_EQ(answer->matches[0].label, "perpetrator-produced-attack");
  EXPECT_LE(answer->matches[0].distance, fingerprint::kMatchDistance);
  EXPECT_FALSE(answer->matches[0].context);
}

TEST_F(MatcherTest, PhotographsAreFoundAgainAndToldFromEachOther) {
  const std::filesystem::path folder = "/usr/share/backgrounds/mate/nature";
  ASSERT_TRUE(std::filesystem::exists(folder / "Dune.jpg"))
      << "the package mate-backgrounds is missing: scripts/test installs it";
  const Bytes dune = read_file(folder / "Dune.jpg");
  bank(dune);
  const auto image = media::decode(dune);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(matcher->match(reposted(*image))->proposal, Proposal::kReview);
  for (const char* other : {"Aqua.jpg", "Garden.jpg", "LadyBird.jpg"}) {
    EXPECT_EQ(matcher->match(read_file(folder / other))->proposal, Proposal::kNone) << other;
  }
}

TEST_F(MatcherTest, ATombstonedEntryNeverMatchesFromTheCommitOnAndNotAfterARestartEither) {
  const Bytes file = as_jpeg(photograph(1), 90);
  const EntryId id = bank(file);
  ASSERT_EQ(matcher->match(file)->proposal, Proposal::kReview);
  ASSERT_EQ(house.tombstone("act-1", "step-2"), std::vector<EntryId>{id});
  // The index has not been told yet.
  EXPECT_EQ(matcher->size(), 1U);
  EXPECT_EQ(matcher->match(file)->proposal, Proposal::kNone);
  matcher->tombstoned({id});
  EXPECT_EQ(matcher->size(), 0U);
  // A late word about the addition does not bring it back.
  ASSERT_TRUE(matcher->added({id}).has_value());
  EXPECT_EQ(matcher->size(), 0U);
  EXPECT_EQ(house.load()->size(), 0U);
}

TEST_F(MatcherTest, TwoActsOnOnePictureAreTwoMatchesAndUndoingOneLeavesTheOther) {
  const Bytes file = as_jpeg(photograph(1), 90);
  bank(file, "act-1");
  bank(file, "act-2");
  EXPECT_EQ(matcher->match(file)->matches.size(), 2U);
  matcher->tombstoned(house.tombstone("act-1", "step-2"));
  const auto answer = matcher->match(file);
  ASSERT_EQ(answer->matches.size(), 1U);
  EXPECT_EQ(answer->matches[0].act, "act-2");
}

TEST_F(MatcherTest, LateWordOfATombstoneDoesNotDropWhatALaterStepBroughtBack) {
  const Bytes file = as_jpeg(photograph(1), 90);
  const EntryId id = bank(file);
  house.tombstone("act-1", "step-2");
  const auto seen = matcher->fingerprint_of(file);
  ASSERT_EQ(*house.add(house.entry(seen->pdq, "act-1", "step-3")), id);
  ASSERT_TRUE(matcher->added({id}).has_value());
  matcher->tombstoned({id});
  EXPECT_EQ(matcher->match(file)->proposal, Proposal::kReview);
}

TEST_F(MatcherTest, EachBankHasItsOwnRadius) {
  ASSERT_TRUE(house.store
                  ->write([&](store::Tx& tx) {
                    return house.banks.create(tx, "exact", "Exact copies", 0, house.now);
                  })
                  .has_value());
  NewEntry entry = house.entry(some_pdq(5));
  entry.bank = "exact";
  const auto id = house.add(entry);
  ASSERT_TRUE(id.has_value());
  // A bank made after the matcher was loaded comes with its first entry.
  ASSERT_TRUE(matcher->added({*id}).has_value());
  EXPECT_EQ(matcher->match_hash({some_pdq(5), 100})->matches.size(), 1U);
  fingerprint::Pdq near = some_pdq(5);
  near.words[0] ^= 1;
  EXPECT_TRUE(matcher->match_hash({near, 100})->matches.empty());
}

TEST_F(MatcherTest, ReadsMoreThanOnePageAtTheStart) {
  ASSERT_TRUE(house.store
                  ->write([&](store::Tx& tx) -> Result<void> {
                    for (std::uint64_t i = 0; i < 3 * kMaxPage / 2; ++i) {
                      ENTENTE_CHECK_OK(house.banks.add(tx, house.entry(some_pdq(i))));
                    }
                    return {};
                  })
                  .has_value());
  const auto fresh = house.load();
  EXPECT_EQ(fresh->size(), static_cast<std::size_t>(3 * kMaxPage / 2));
  EXPECT_EQ(fresh->match_hash({some_pdq(149), 100})->matches.size(), 1U);
}

}  // namespace
}  // namespace entente::matching

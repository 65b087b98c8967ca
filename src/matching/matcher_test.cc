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
  const auto lied = Matcher::load(*house.store, liar, house.banks, house.clock);
  const std::string hex(512, 'a');
  const auto refused = [&](const std::string& answer) {
    liar.answer = answer;
    const auto said = (*lied)->match(as_bytes("x"));
    ASSERT_FALSE(said.has_value()) << answer;
    EXPECT_EQ(said.error().code, Code::kUnavailable);
  };
  for (const char* tail : {"", " ", " 101", " -1", " 9x", "  90", " 0x5", " 1000000"})
    refused(hex + tail);
  refused({});
  refused(std::string(512, 'A') + " 90");
  refused(std::string(64, 'a') + " 90");
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
  EXPECT_TRUE(answer->matches.empty());
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
    EXPECT_TRUE(answer->matches.empty()) << seed;
  }
}

TEST_F(MatcherTest, ARepostInHalfTheSizeRecolouredAndRecompressedIsProposedForReview) {
  const EntryId id = bank(as_jpeg(photograph(1), 92), "act-7");
  const auto answer = matcher->match(reposted(photograph(1)));
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->matches.size(), 1U);
  const MatchFacts& facts = answer->matches[0].facts;
  EXPECT_EQ(facts.entry, id);
  EXPECT_EQ(facts.bank, "terrorist-content");
  EXPECT_EQ(answer->matches[0].entry.act, "act-7");
  EXPECT_EQ(facts.label, "perpetrator-produced-attack");
  EXPECT_LE(facts.distance, fingerprint::kMatchDistance);
  EXPECT_FALSE(facts.context);
}

TEST_F(MatcherTest, PhotographsAreFoundAgainAndToldFromEachOther) {
  const std::filesystem::path folder = "/usr/share/backgrounds/mate/nature";
  ASSERT_TRUE(std::filesystem::exists(folder / "Dune.jpg"))
      << "the package mate-backgrounds is missing: scripts/test installs it";
  const Bytes dune = read_file(folder / "Dune.jpg");
  bank(dune);
  const auto image = media::decode(dune);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(matcher->match(reposted(*image))->matches.size(), 1U);
  for (const char* other : {"Aqua.jpg", "Garden.jpg", "LadyBird.jpg"}) {
    EXPECT_TRUE(matcher->match(read_file(folder / other))->matches.empty()) << other;
  }
}

TEST_F(MatcherTest, ATombstonedEntryNeverMatchesFromTheCommitOnAndNotAfterARestartEither) {
  const Bytes file = as_jpeg(photograph(1), 90);
  const EntryId id = bank(file);
  ASSERT_EQ(matcher->match(file)->matches.size(), 1U);
  ASSERT_EQ(house.tombstone("act-1", "step-2"), std::vector<EntryId>{id});
  // The index has not been told yet.
  EXPECT_EQ(matcher->size(), 1U);
  EXPECT_TRUE(matcher->match(file)->matches.empty());
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
  EXPECT_EQ(answer->matches[0].entry.act, "act-2");
}

TEST_F(MatcherTest, LateWordOfATombstoneDoesNotDropWhatALaterStepBroughtBack) {
  const Bytes file = as_jpeg(photograph(1), 90);
  const EntryId id = bank(file);
  house.tombstone("act-1", "step-2");
  const auto seen = matcher->fingerprint_of(file);
  ASSERT_EQ(*house.add(house.entry(seen->pdq, "act-1", "step-3")), id);
  ASSERT_TRUE(matcher->added({id}).has_value());
  matcher->tombstoned({id});
  EXPECT_EQ(matcher->match(file)->matches.size(), 1U);
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
  EXPECT_EQ(matcher->match_hash({some_pdq(5), 100, {}})->matches.size(), 1U);
  fingerprint::Pdq near = some_pdq(5);
  near.words[0] ^= 1;
  EXPECT_TRUE(matcher->match_hash({near, 100, {}})->matches.empty());
}

TEST_F(MatcherTest, RefusesARadiusOutOfRangeABankThatIsNoneAndAFingerprintToTurn) {
  const Fingerprint print{some_pdq(1), 100, {}};
  LookUp how;
  for (const int radius : {-1, 32}) {
    how.radius = radius;
    EXPECT_EQ(matcher->match_hash(print, how).error().field, "radius");
  }
  how = {};
  how.banks = {"terrorist-content", "nonsense"};
  EXPECT_EQ(matcher->match_hash(print, how).error().code, Code::kNotFound);
  how = {};
  how.turned = true;
  EXPECT_EQ(matcher->match_hash(print, how).error().field, "turned");
}

TEST_F(MatcherTest, ATurnedCopyIsFoundOnlyWhenAskedForAndSaysHowItLies) {
  const media::Image upright = photograph(1);
  const EntryId id = bank(as_jpeg(upright, 92));
  media::Image mirrored = upright;
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const auto at = [&](int column) {
          return static_cast<std::size_t>(3 * (y * upright.width + column) + c);
        };
        mirrored.rgb[at(x)] = upright.rgb[at(upright.width - 1 - x)];
      }
    }
  }
  const Bytes file = as_jpeg(mirrored, 92);
  EXPECT_TRUE(matcher->match(file)->matches.empty());
  LookUp how;
  how.turned = true;
  const auto answer = matcher->match(file, how);
  ASSERT_EQ(answer->matches.size(), 1U);
  EXPECT_EQ(answer->matches[0].entry.id, id);
  EXPECT_EQ(answer->matches[0].turn, fingerprint::Turn::kFlipY);
  EXPECT_EQ(matcher->match(as_jpeg(upright, 92), how)->matches[0].turn,
            fingerprint::Turn::kOriginal);
}

TEST_F(MatcherTest, TheRequestNarrowsTheRadiusAndNamesTheBanks) {
  const auto id = house.add(house.entry(some_pdq(5)));
  ASSERT_TRUE(id && matcher->refresh());
  fingerprint::Pdq near = some_pdq(5);
  near.words[0] ^= 0x7;
  LookUp how;
  how.radius = 3;
  EXPECT_EQ(matcher->match_hash({near, 100, {}}, how)->matches.size(), 1U);
  how.radius = 2;
  EXPECT_TRUE(matcher->match_hash({near, 100, {}}, how)->matches.empty());
  ASSERT_TRUE(house.store->write(
      [&](store::Tx& tx) { return house.banks.create(tx, "other", "Another", 31, house.now); }));
  how = {};
  how.banks = {"other"};
  EXPECT_TRUE(matcher->match_hash({near, 100, {}}, how)->matches.empty());
}

TEST_F(MatcherTest, ABatchIsAnsweredInItsOrder) {
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(house.add(house.entry(some_pdq(i))));
  ASSERT_TRUE(matcher->refresh());
  std::vector<Fingerprint> prints;
  for (std::uint64_t i = 0; i < 8; ++i) prints.push_back({some_pdq(i), i == 2 ? 10 : 90, {}});
  const auto answers = matcher->match_hashes(prints);
  ASSERT_TRUE(answers.has_value());
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ((*answers)[i].matches.size(), i < 5 && i != 2 ? 1U : 0U) << i;
    EXPECT_EQ((*answers)[i].note, i == 2 ? "quality_too_low" : "") << i;
  }
}

TEST_F(MatcherTest, AFloodOfNearEntriesIsCutAndSaysSo) {
  ASSERT_TRUE(house.store->write([&](store::Tx& tx) -> Result<void> {
    for (std::size_t i = 0; i <= kMaxExamined; ++i) {
      fingerprint::Pdq pdq = some_pdq(1);
      pdq.words[0] ^= i;
      ENTENTE_CHECK_OK(house.banks.add(tx, house.entry(pdq)));
    }
    return {};
  }));
  ASSERT_TRUE(matcher->refresh());
  const auto answer = matcher->match_hash({some_pdq(1), 100, {}});
  EXPECT_TRUE(answer->truncated);
  ASSERT_EQ(answer->matches.size(), kMaxMatchesPerBank);
  EXPECT_EQ(answer->matches[0].facts.distance, 0);
}

TEST_F(MatcherTest, ADamagedSnapshotAndOneOfAnotherFutureAreDiscarded) {
  const auto path = std::filesystem::path(house.folder.file("index.snapshot"));
  ASSERT_TRUE(house.add(house.entry(some_pdq(1))));
  ASSERT_TRUE(house.load(path)->save());
  ASSERT_TRUE(std::filesystem::exists(path));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_EQ(house.load(path)->size(), 1U);
  // Of a store that has seen more than ours: a backup was restored beside a newer snapshot.
  hamming::Index other;
  other.add(77, some_pdq(7));
  ASSERT_TRUE(other.save(path, 1'000'000));
  const auto fresh = house.load(path);
  EXPECT_EQ(fresh->size(), 1U);
  EXPECT_EQ(fresh->match_hash({some_pdq(1), 100, {}})->matches.size(), 1U);
}

TEST_F(MatcherTest, ASnapshotIsCaughtUpWithWhatTheStoreHasBeyondIt) {
  const auto path = std::filesystem::path(house.folder.file("index.snapshot"));
  ASSERT_TRUE(house.add(house.entry(some_pdq(1), "act-1")));
  ASSERT_TRUE(house.add(house.entry(some_pdq(2), "act-2")));
  ASSERT_TRUE(house.load(path)->save());
  ASSERT_EQ(house.tombstone("act-1", "step-2").size(), 1U);
  ASSERT_TRUE(house.add(house.entry(some_pdq(3), "act-3")));
  const auto fresh = house.load(path);
  EXPECT_EQ(fresh->size(), 2U);
  EXPECT_GT(fresh->unsaved(), 0);
  EXPECT_TRUE(fresh->match_hash({some_pdq(1), 100, {}})->matches.empty());
  EXPECT_EQ(fresh->match_hash({some_pdq(2), 100, {}})->matches.size(), 1U);
  EXPECT_EQ(fresh->match_hash({some_pdq(3), 100, {}})->matches.size(), 1U);
  ASSERT_TRUE(fresh->save());
  EXPECT_EQ(fresh->unsaved(), 0);
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
  EXPECT_EQ(fresh->match_hash({some_pdq(149), 100, {}})->matches.size(), 1U);
}

}  // namespace
}  // namespace entente::matching

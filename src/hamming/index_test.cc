// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

namespace entente::hamming {
namespace {

using Rng = std::mt19937_64;

Pdq random_hash(Rng& rng) {
  return {{rng(), rng(), rng(), rng()}};
}

Pdq flip_bits(Pdq hash, int bits, Rng& rng) {
  std::vector<unsigned> places(fingerprint::kPdqBits);
  for (unsigned i = 0; i < fingerprint::kPdqBits; ++i) places[i] = i;
  std::shuffle(places.begin(), places.end(), rng);
  for (int i = 0; i < bits; ++i) {
    const unsigned at = places[static_cast<std::size_t>(i)];
    hash.words[at / 64] ^= std::uint64_t{1} << (at % 64);
  }
  return hash;
}

// Bit by bit, so that it shares nothing with what it checks.
int naive_distance(const Pdq& a, const Pdq& b) {
  int out = 0;
  for (unsigned bit = 0; bit < fingerprint::kPdqBits; ++bit) {
    out += ((a.words[bit / 64] >> (bit % 64)) & 1) != ((b.words[bit / 64] >> (bit % 64)) & 1);
  }
  return out;
}

std::vector<Hit> naive_search(const std::map<std::uint64_t, Pdq>& all, const Pdq& query,
                              int radius) {
  std::vector<Hit> out;
  for (int distance = 0; distance <= radius; ++distance) {
    for (const auto& [id, hash] : all) {
      if (naive_distance(hash, query) == distance) out.push_back({id, distance});
    }
  }
  return out;
}

TEST(Index, RefusesARadiusNoHashCanHave) {
  const Index index;
  for (const int radius : {-1, 257, 1 << 30, -(1 << 30)}) {
    const auto hits = index.search({}, radius);
    ASSERT_FALSE(hits.has_value()) << radius;
    EXPECT_EQ(hits.error().code, Code::kInvalid);
    EXPECT_EQ(hits.error().field, "radius");
  }
}

TEST(Index, AnEmptyIndexHasNoHits) {
  Index index;
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.search({}, 256).value(), std::vector<Hit>{});
  EXPECT_FALSE(index.remove(1));
}

TEST(Index, FindsAtTheRadiusAndNotOneBitBeyond) {
  Rng rng(1);
  for (const int distance : {0, 1, 15, 31, 64, 128, 200, 256}) {
    Index index;
    const Pdq hash = random_hash(rng);
    index.add(7, flip_bits(hash, distance, rng));
    const std::vector<Hit> expected{{7, distance}};
    EXPECT_EQ(index.search(hash, distance).value(), expected);
    if (distance > 0) {
      EXPECT_TRUE(index.search(hash, distance - 1)->empty());
    }
  }
}

TEST(Index, FindsHashesThatDifferOnlyInOneHalf) {
  Index index;
  const Pdq query{};
  index.add(1, Pdq{{~std::uint64_t{0}, 0, 0, 0}});
  index.add(2, Pdq{{0, 0, 0, ~std::uint64_t{0}}});
  const std::vector<Hit> both{{1, 64}, {2, 64}};
  EXPECT_EQ(index.search(query, 64).value(), both);
  EXPECT_TRUE(index.search(query, 63)->empty());
}

TEST(Index, ARemovedHashIsNotFoundAgainAndItsNeighboursAre) {
  Index index;
  for (std::uint64_t id = 0; id < 5; ++id) index.add(id, Pdq{{id, 0, 0, 0}});
  EXPECT_TRUE(index.remove(1));
  EXPECT_FALSE(index.remove(1));
  EXPECT_TRUE(index.remove(4));
  EXPECT_EQ(index.size(), 3U);
  const std::vector<Hit> left{{0, 0}, {2, 1}, {3, 2}};
  EXPECT_EQ(index.search({}, 256).value(), left);
  index.add(1, Pdq{{1, 0, 0, 0}});
  EXPECT_EQ(index.search(Pdq{{1, 0, 0, 0}}, 0).value(), (std::vector<Hit>{{1, 0}}));
}

TEST(Index, AddingAnIdAgainReplacesItsHash) {
  Index index;
  index.add(9, Pdq{{1, 2, 3, 4}});
  index.add(9, Pdq{{5, 6, 7, 8}});
  EXPECT_EQ(index.size(), 1U);
  EXPECT_TRUE(index.search(Pdq{{1, 2, 3, 4}}, 0)->empty());
  EXPECT_EQ(index.search(Pdq{{5, 6, 7, 8}}, 0)->size(), 1U);
}

// Any history of additions, replacements and removals answers what a bit-by-bit search over a map
// answers.
TEST(Index, AgreesWithANaiveSearchOverAnyHistory) {
  Rng rng(20261122);
  for (int round = 0; round < 10; ++round) {
    Index index;
    std::map<std::uint64_t, Pdq> all;
    std::vector<Pdq> seeds;
    for (int i = 0; i < 8; ++i) seeds.push_back(random_hash(rng));
    for (int change = 0; change < 400; ++change) {
      const std::uint64_t id = rng() % 120;
      if (rng() % 3 == 0) {
        EXPECT_EQ(index.remove(id), all.erase(id) == 1);
      } else {
        // Half of them near one of a few seeds, as copies of pictures are.
        const Pdq hash = rng() % 2 == 0 ? random_hash(rng)
                                        : flip_bits(seeds[rng() % seeds.size()],
                                                    static_cast<int>(rng() % 60), rng);
        index.add(id, hash);
        all[id] = hash;
      }
    }
    ASSERT_EQ(index.size(), all.size());
    for (const int radius : {0, 1, 15, 31, 32, 60, 110, 128, 140, 256}) {
      const Pdq query = flip_bits(seeds[rng() % seeds.size()], static_cast<int>(rng() % 20), rng);
      ASSERT_EQ(index.search(query, radius).value(), naive_search(all, query, radius))
          << "radius " << radius;
    }
  }
}

TEST(Index, SearchesRunBesideChangesAndNeverSeeAHalfWrittenRow) {
  Index index;
  // Ids 0 to 99 always hold one of two hashes; a torn row would lie between them.
  const Pdq low{};
  const Pdq high{{~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}}};
  for (std::uint64_t id = 0; id < 100; ++id) index.add(id, low);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Rng rng(3);
    for (int i = 0; i < 20'000; ++i) index.add(rng() % 100, i % 2 == 0 ? high : low);
    done = true;
  });
  int torn = 0;
  do {
    const auto hits = index.search(low, 256).value();
    EXPECT_EQ(hits.size(), 100U);
    for (const Hit& hit : hits) torn += hit.distance != 0 && hit.distance != 256;
  } while (!done);
  writer.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace entente::hamming

// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/index.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "entente/hamming/testing.h"

namespace entente::hamming {
namespace {

Options by_hand() {
  Options options;
  options.own_thread = false;
  return options;
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

// Any history of additions, replacements, removals and merges answers what a bit-by-bit search over
// a map answers.
TEST(Index, AgreesWithANaiveSearchOverAnyHistory) {
  Rng rng(20261122);
  for (const Spread spread : kSpreads) {
    for (const Cpu cpu : available_cpus()) {
      Options options = by_hand();
      options.cpu = cpu;
      Index index(options);
      Rows all;
      const std::vector<Pdq> hashes = hashes_of(spread, 300, rng);
      for (int change = 0; change < 3000; ++change) {
        const std::uint64_t id = rng() % 700;
        if (rng() % 3 == 0) {
          ASSERT_EQ(index.remove(id), all.erase(id) == 1);
        } else {
          const Pdq& hash = hashes[rng() % hashes.size()];
          index.add(id, hash);
          all[id] = hash;
        }
        if (rng() % 400 == 0) index.settle();
      }
      ASSERT_EQ(index.size(), all.size());
      for (const int radius : {0, 1, 15, 31, 32, 60, 110, 128, 140, 256}) {
        const Pdq query = query_for(hashes, radius, rng);
        ASSERT_EQ(index.search(query, radius).value(), naive_search(all, query, radius))
            << "radius " << radius;
      }
    }
  }
}

TEST(Index, ABuiltOneTakesTheLastHashOfAnIdThatComesTwice) {
  Rng rng(4);
  const std::vector<Pdq> hashes = hashes_of(Spread::kUniform, 5, rng);
  const std::vector<std::uint64_t> ids{3, 1, 3, 2, 1};
  const Index index = Index::build(ids, hashes, by_hand()).value();
  EXPECT_EQ(index.size(), 3U);
  EXPECT_TRUE(index.search(hashes[0], 0)->empty());
  EXPECT_EQ(index.search(hashes[2], 0).value(), (std::vector<Hit>{{3, 0}}));
  EXPECT_EQ(index.search(hashes[4], 0).value(), (std::vector<Hit>{{1, 0}}));
}

TEST(Index, ABuildWithoutAHashForEachIdIsRefused) {
  const std::vector<std::uint64_t> ids{1, 2};
  const std::vector<Pdq> hashes(1);
  EXPECT_EQ(Index::build(ids, hashes).error().field, "hashes");
  Options options;
  options.radius = 257;
  EXPECT_EQ(Index::build({}, {}, options).error().field, "radius");
}

TEST(Index, ManyIdsOfOneHashAreAllFoundAndGoOneByOne) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < 1000; ++id) ids.push_back(id);
  Index index = Index::build(ids, std::vector<Pdq>(1000), by_hand()).value();
  EXPECT_EQ(index.search({}, 0)->size(), 1000U);
  for (std::uint64_t id = 0; id < 999; ++id) EXPECT_TRUE(index.remove(id));
  EXPECT_EQ(index.search({}, 31).value(), (std::vector<Hit>{{999, 0}}));
}

TEST(Index, ARemovedIdMayComeBackWithAnotherHashWhereverItWas) {
  Rng rng(9);
  Index index(by_hand());
  const std::vector<Pdq> hashes = hashes_of(Spread::kUniform, 6, rng);
  for (const Pdq& hash : hashes) {
    index.add(5, hash);
    if (rng() % 2 == 0) index.settle();
    EXPECT_EQ(index.search(hash, 31).value(), (std::vector<Hit>{{5, 0}}));
    EXPECT_TRUE(index.remove(5));
    EXPECT_TRUE(index.search(hash, 31)->empty());
    EXPECT_EQ(index.size(), 0U);
  }
}

TEST(Index, ABatchAnswersWhatItsQueriesAnswerOneByOne) {
  Rng rng(10);
  const std::vector<Pdq> hashes = hashes_of(Spread::kChains, 20'000, rng);
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < hashes.size(); ++id) ids.push_back(id);
  Index index = Index::build(ids, hashes, by_hand()).value();
  for (std::uint64_t id = 0; id < 3000; ++id) index.add(id * 9, flip_bits(hashes[id], 3, rng));
  for (const int radius : {0, 12, 31, 45, 90}) {
    std::vector<Pdq> queries;
    for (int i = 0; i < 300; ++i) queries.push_back(query_for(hashes, radius, rng));
    const auto batch = index.search_batch(queries, radius).value();
    ASSERT_EQ(batch.size(), queries.size());
    for (std::size_t i = 0; i < queries.size(); ++i)
      EXPECT_EQ(batch[i], index.search(queries[i], radius).value()) << i << ' ' << radius;
  }
  EXPECT_TRUE(index.search_batch({}, 31)->empty());
  EXPECT_EQ(index.search_batch({}, 300).error().field, "radius");
}

TEST(Index, ItsOwnThreadMergesWhileItIsFilledAndSearched) {
  Rng rng(11);
  Index index;
  Rows all;
  const std::vector<Pdq> hashes = hashes_of(Spread::kChains, 60'000, rng);
  for (std::uint64_t id = 0; id < hashes.size(); ++id) {
    index.add(id, hashes[id]);
    all[id] = hashes[id];
    if (id % 3 == 0) {
      EXPECT_TRUE(index.remove(id / 2) == (all.erase(id / 2) == 1));
    }
  }
  for (int i = 0; i < 5; ++i) {
    const Pdq query = query_for(hashes, 31, rng);
    EXPECT_EQ(index.search(query, 31).value(), naive_search(all, query, 31));
  }
  EXPECT_EQ(index.size(), all.size());
}

TEST(Index, SearchesRunBesideChangesAndNeverSeeAHalfWrittenRow) {
  Index index(by_hand());
  // Ids 0 to 99 always hold one of two hashes; a torn row would lie between them.
  const Pdq low{};
  const Pdq high{{~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}}};
  for (std::uint64_t id = 0; id < 100; ++id) index.add(id, low);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Rng rng(3);
    for (int i = 0; i < 20'000; ++i) {
      index.add(rng() % 100, i % 2 == 0 ? high : low);
      if (i % 500 == 0) index.settle();
    }
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

// An entry that stays is in every search; one that was removed before a search began is in none.
TEST(Index, ReadersBesideWritersMergesAndSnapshotsMissNothingAndSeeNothingRemoved) {
  Rng rng(12);
  Index index;
  const Pdq kept = random_hash(rng);
  const Pdq gone = random_hash(rng);
  for (std::uint64_t id = 0; id < 50; ++id) index.add(id, kept);
  std::atomic<std::uint64_t> removed{0};  // of the ids 1000…, all up to here
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Rng mine(13);
    for (std::uint64_t i = 0; i < 6'000; ++i) {
      index.add(1'000 + i, gone);
      index.add(1'000'000 + i, random_hash(mine));
      index.remove(1'000 + i);
      removed = i + 1;
    }
    done = true;
  });
  std::thread merger([&] {
    while (!done) index.settle();
  });
  std::thread saver([&] {
    const auto path = std::filesystem::temp_directory_path() /
                      ("entente-hamming-" + std::to_string(::getpid()) + ".snapshot");
    while (!done) EXPECT_TRUE(index.save(path, 0));
    std::filesystem::remove(path);
  });
  do {
    EXPECT_EQ(index.search(kept, 10)->size(), 50U);
    const std::uint64_t before = removed;
    const auto seen = index.search(gone, 0).value();
    for (const Hit& hit : seen) EXPECT_GE(hit.id, 1'000 + before);
  } while (!done);
  writer.join();
  merger.join();
  saver.join();
  EXPECT_EQ(index.size(), 6'050U);
}

}  // namespace
}  // namespace entente::hamming

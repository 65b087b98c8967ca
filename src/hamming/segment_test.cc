// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/segment.h"

#include <gtest/gtest.h>

#include "entente/hamming/index_impl.h"
#include "entente/hamming/testing.h"

namespace entente::hamming {
namespace {

std::vector<Hit> search(const Segment& segment, const Pdq& query, int radius, Cpu cpu) {
  std::vector<Hit> hits;
  segment.search(query, radius, kernels_for(cpu), hits);
  put_in_order(hits);
  return hits;
}

struct Data {
  std::vector<std::uint64_t> ids;
  std::vector<Pdq> hashes;
  Rows rows;
};

Data data_of(Spread spread, std::size_t n, std::uint64_t id_step, Rng& rng) {
  Data data;
  data.hashes = hashes_of(spread, n, rng);
  for (std::size_t i = 0; i < n; ++i) {
    // Not in order, and far beyond 32 bits where the step says so.
    data.ids.push_back((i * 7919 % (n == 0 ? 1 : n)) * id_step + 5);
    data.rows[data.ids[i]] = data.hashes[i];
  }
  return data;
}

// 7919 is prime, so the ids above differ from each other unless it divides n.
void expect_like_naive(const Data& data, const SegmentOptions& options, Rng& rng) {
  const auto segment = Segment::build(data.ids, data.hashes, options);
  ASSERT_EQ(segment->rows(), data.rows.size());
  for (const int radius : {0, 3, 15, 31, 40, 70, 128}) {
    const Pdq query = query_for(data.hashes, radius, rng);
    const auto expected = naive_search(data.rows, query, radius);
    for (const Cpu cpu : available_cpus())
      ASSERT_EQ(search(*segment, query, radius, cpu), expected)
          << "radius " << radius << " rows " << data.rows.size() << " on " << cpu_name(cpu)
          << " bands " << segment->shape().plan.size();
  }
}

constexpr std::size_t kSizes[] = {0, 1, 2, 63, 64, 65, 700, 3000};
constexpr std::size_t kMemories[] = {0, 75, 110, 100'000};

TEST(Segment, AgreesWithANaiveSearchForAllShapesOfDataAndOfPlans) {
  Rng rng(20261122);
  for (const Spread spread : kSpreads) {
    for (const std::size_t n : kSizes) {
      const Data data = data_of(spread, n, n % 2 == 0 ? 1 : std::uint64_t{1} << 33, rng);
      for (const int radius : {31, 60}) {
        for (const std::size_t per_entry : kMemories)
          expect_like_naive(data, {radius, per_entry, 0}, rng);
      }
    }
  }
}

TEST(Segment, AgreesWithANaiveSearchWhereBandsAreLookedUpAtEveryThreshold) {
  Rng rng(5);
  const Data data = data_of(Spread::kChains, 20'000, 3, rng);
  for (const std::size_t per_entry : {92U, 100U, 115U, 130U, 240U}) {
    const auto segment = Segment::build(data.ids, data.hashes, {31, per_entry, 0});
    ASSERT_FALSE(segment->shape().plan.empty()) << per_entry;
    // Lines that go on from others are not planned for; only the last plan has lines.
    if (per_entry < 240) {
      EXPECT_LE(segment->bytes(), (per_entry + 1) * data.ids.size());
    }
    for (int round = 0; round < 30; ++round) {
      const int radius = round % 2 == 0 ? 31 : static_cast<int>(rng() % 64);
      const Pdq query = query_for(data.hashes, radius, rng);
      ASSERT_EQ(search(*segment, query, radius, best_cpu()), naive_search(data.rows, query, radius))
          << "radius " << radius << " bytes " << per_entry;
    }
  }
}

TEST(Segment, HeavyGroupsOfUnlikeRowsAreSearchedToTheEnd) {
  // All rows share their first 64 bits, so the first bands are one group each, far longer than a
  // pass of the filter.
  Rng rng(6);
  Data data;
  for (std::uint64_t id = 0; id < 30'000; ++id) {
    data.ids.push_back(id);
    data.hashes.push_back({{42, rng(), rng(), rng()}});
    data.rows[id] = data.hashes.back();
  }
  const auto segment = Segment::build(data.ids, data.hashes, {31, 100, 0});
  for (int round = 0; round < 20; ++round) {
    const Pdq query = flip_bits(data.hashes[rng() % 30'000], static_cast<int>(rng() % 34), rng);
    EXPECT_EQ(search(*segment, query, 31, best_cpu()), naive_search(data.rows, query, 31));
  }
}

// Data that overfills some lines of a lined band, and data that overfills so many that it gets a
// directory instead.
TEST(Segment, LinesThatAreFullGoOnInOthers) {
  Rng rng(8);
  for (const std::uint64_t crowd : {0U, 40U, 400U, 3000U, 15'000U}) {
    Data data;
    const Pdq centre = random_hash(rng);
    for (std::uint64_t id = 0; id < 20'000; ++id) {
      data.ids.push_back(id);
      data.hashes.push_back(id < crowd ? flip_bits(centre, static_cast<int>(rng() % 40), rng)
                                       : random_hash(rng));
      data.rows[id] = data.hashes.back();
    }
    const auto segment = Segment::build(data.ids, data.hashes, {31, 0, std::size_t{8} << 20});
    bool lined = false;
    bool more = false;
    for (std::size_t i = 0; i < segment->shape().plan.size(); ++i) {
      lined |= segment->shape().plan[i].lined;
      more |= segment->shape().lines[i] > std::uint32_t{1} << segment->shape().plan[i].group;
    }
    if (crowd == 400) {
      EXPECT_TRUE(lined);
      EXPECT_TRUE(more);
    }
    for (int round = 0; round < 20; ++round) {
      const Pdq query = round % 2 == 0 ? flip_bits(centre, static_cast<int>(rng() % 32), rng)
                                       : query_for(data.hashes, 31, rng);
      for (const Cpu cpu : available_cpus())
        ASSERT_EQ(search(*segment, query, 31, cpu), naive_search(data.rows, query, 31))
            << crowd << ' ' << cpu_name(cpu);
    }
  }
}

TEST(Segment, AKilledRowIsNeitherFoundNorKilledAgain) {
  Rng rng(7);
  const Data data = data_of(Spread::kFewHashes, 500, 1, rng);
  const auto segment = Segment::build(data.ids, data.hashes, {});
  const std::uint64_t id = data.ids[123];
  const auto row = segment->find(id);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(segment->id(*row), id);
  EXPECT_EQ(segment->hash(*row), data.hashes[123]);
  EXPECT_TRUE(segment->kill(*row));
  EXPECT_FALSE(segment->kill(*row));
  EXPECT_FALSE(segment->find(id).has_value());
  EXPECT_FALSE(segment->find(1'000'000).has_value());
  EXPECT_EQ(segment->live(), 499U);
  Rows left = data.rows;
  left.erase(id);
  EXPECT_EQ(search(*segment, data.hashes[123], 31, best_cpu()),
            naive_search(left, data.hashes[123], 31));
}

TEST(Segment, IdsOfAllWidthsComeBack) {
  for (const std::uint64_t top : {std::uint64_t{9}, std::uint64_t{0xffffffff},
                                  std::uint64_t{0x100000000}, ~std::uint64_t{0}}) {
    const std::vector<std::uint64_t> ids{0, top};
    const auto segment = Segment::build(ids, std::vector<Pdq>(2), {});
    EXPECT_EQ(search(*segment, {}, 0, best_cpu()), (std::vector<Hit>{{0, 0}, {top, 0}}));
    EXPECT_TRUE(segment->find(top).has_value());
  }
}

}  // namespace
}  // namespace entente::hamming

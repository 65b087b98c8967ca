// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/kernels.h"

#include <gtest/gtest.h>

#include "entente/hamming/testing.h"

namespace entente::hamming {
namespace {

TEST(Kernels, ThisMachineHasAtLeastThePortableOnes) {
  const auto cpus = available_cpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_EQ(cpus.front(), Cpu::kPortable);
  EXPECT_EQ(cpus.back(), best_cpu());
}

TEST(Kernels, EveryInstructionSetFindsTheSameSketches) {
  Rng rng(1);
  std::vector<std::uint16_t> sketches(5000 + kSketchSlack);
  for (auto& sketch : sketches) sketch = static_cast<std::uint16_t>(rng());
  for (int round = 0; round < 50; ++round) {
    std::vector<hamming::Run> runs;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> expected;
    for (std::uint32_t i = 0; i < 20; ++i) {
      const auto size = static_cast<std::uint32_t>(rng() % (round % 2 == 0 ? 40 : 700));
      const std::size_t begin = rng() % (5001 - size);
      const auto bound = static_cast<std::int8_t>(static_cast<int>(rng() % 9) - 1);
      runs.push_back({sketches.data() + begin, size, static_cast<std::uint16_t>(rng()), bound, 0});
      for (std::uint32_t at = 0; at < size; ++at) {
        int differ = 0;
        for (unsigned bit = 0; bit < 16; ++bit)
          differ += ((runs[i].sketches[at] ^ runs[i].want) >> bit) & 1;
        if (differ <= bound) expected.emplace_back(i, at);
      }
    }
    for (const Cpu cpu : available_cpus()) {
      std::vector<Found> out(20 * 700);
      out.resize(kernels_for(cpu).filter(runs.data(), runs.size(), out.data()));
      std::vector<std::pair<std::uint32_t, std::uint32_t>> found;
      for (const Found& one : out) found.emplace_back(one.run, one.at);
      EXPECT_EQ(found, expected) << cpu_name(cpu);
    }
  }
}

TEST(Kernels, EveryInstructionSetScansAlikeFromAnyRowToAnyRow) {
  Rng rng(2);
  const std::vector<Pdq> hashes = hashes_of(Spread::kChains, 300, rng);
  std::vector<std::uint64_t> first;
  std::vector<std::uint64_t> second;
  for (const Pdq& hash : hashes) {
    first.insert(first.end(), hash.words.begin(), hash.words.begin() + 2);
    second.insert(second.end(), hash.words.begin() + 2, hash.words.end());
  }
  const Columns columns{first.data(), second.data()};
  for (int round = 0; round < 400; ++round) {
    const std::size_t begin = rng() % 301;
    const std::size_t end = begin + rng() % (301 - begin);
    const int radius = static_cast<int>(rng() % 257);
    const Pdq query = query_for(hashes, 31, rng);
    std::vector<std::pair<std::size_t, int>> expected;
    for (std::size_t row = begin; row < end; ++row) {
      const int distance = naive_distance(hashes[row], query);
      if (distance <= radius) expected.emplace_back(row, distance);
    }
    for (const Cpu cpu : available_cpus()) {
      // Little room, so that a scan has to go on where it stopped.
      std::vector<RowHit> out(kScanStep + rng() % 40);
      std::vector<std::pair<std::size_t, int>> found;
      for (std::size_t at = begin; at < end;) {
        const std::size_t n = kernels_for(cpu).scan(columns, at, end, query.words.data(), radius,
                                                    out.data(), out.size(), at);
        ASSERT_LE(n, out.size());
        for (std::size_t i = 0; i < n; ++i) found.emplace_back(out[i].row, out[i].distance);
      }
      EXPECT_EQ(found, expected) << cpu_name(cpu);
    }
  }
}

TEST(Kernels, DistancesAreWholeDistances) {
  const std::vector<std::uint64_t> first{0, 0, 1, 2, ~std::uint64_t{0}, ~std::uint64_t{0}};
  const std::vector<std::uint64_t> second{0, 0, 4, 8, ~std::uint64_t{0}, ~std::uint64_t{0}};
  const std::vector<std::uint32_t> rows{2, 0, 1};
  const std::vector<std::uint64_t> query(4);
  for (const Cpu cpu : available_cpus()) {
    std::vector<std::uint16_t> out(3);
    kernels_for(cpu).distances({first.data(), second.data()}, rows.data(), 3, query.data(),
                               out.data());
    EXPECT_EQ(out, (std::vector<std::uint16_t>{256, 0, 4})) << cpu_name(cpu);
  }
}

}  // namespace
}  // namespace entente::hamming

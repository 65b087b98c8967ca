// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this folder share: data of several shapes, and a search that shares nothing
// with what it checks.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string_view>
#include <vector>

#include "entente/hamming/index.h"

namespace entente::hamming {

using Rng = std::mt19937_64;
using Rows = std::map<std::uint64_t, Pdq>;

inline Pdq random_hash(Rng& rng) {
  return {{rng(), rng(), rng(), rng()}};
}

inline Pdq flip_bits(Pdq hash, int bits, Rng& rng) {
  std::vector<unsigned> places(256);
  for (unsigned i = 0; i < 256; ++i) places[i] = i;
  std::shuffle(places.begin(), places.end(), rng);
  for (int i = 0; i < bits; ++i) {
    const unsigned at = places[static_cast<std::size_t>(i)];
    hash.words[at / 64] ^= std::uint64_t{1} << (at % 64);
  }
  return hash;
}

// Bit by bit.
inline int naive_distance(const Pdq& a, const Pdq& b) {
  int out = 0;
  for (unsigned bit = 0; bit < 256; ++bit)
    out += ((a.words[bit / 64] >> (bit % 64)) & 1) != ((b.words[bit / 64] >> (bit % 64)) & 1);
  return out;
}

inline std::vector<Hit> naive_search(const Rows& rows, const Pdq& query, int radius) {
  std::vector<Hit> out;
  for (const auto& [id, hash] : rows) {
    const int distance = naive_distance(hash, query);
    if (distance <= radius) out.push_back({id, distance});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Hit& a, const Hit& b) { return a.distance < b.distance; });
  return out;
}

enum class Spread : std::uint8_t {
  kUniform,
  kIdentical,   // one hash for all
  kFlat,        // eight templates with a tenth of their bits changed
  kFewHashes,   // many ids to a hash
  kHeavyBands,  // every band but the last is the same in all rows
  kChains,      // each a few bits from an earlier one
};
inline constexpr Spread kSpreads[] = {Spread::kUniform,   Spread::kIdentical,  Spread::kFlat,
                                      Spread::kFewHashes, Spread::kHeavyBands, Spread::kChains};

inline std::vector<Pdq> hashes_of(Spread spread, std::size_t n, Rng& rng) {
  std::vector<Pdq> seeds;
  for (int i = 0; i < 8; ++i) seeds.push_back(random_hash(rng));
  std::vector<Pdq> out;
  while (out.size() < n) {
    switch (spread) {
      case Spread::kUniform:
        out.push_back(random_hash(rng));
        break;
      case Spread::kIdentical:
        out.push_back(seeds[0]);
        break;
      case Spread::kFlat:
        out.push_back(flip_bits(seeds[rng() % 8], static_cast<int>(rng() % 52), rng));
        break;
      case Spread::kFewHashes:
        out.push_back(seeds[rng() % 8]);
        break;
      case Spread::kHeavyBands:
        out.push_back({{seeds[0].words[0], seeds[0].words[1], seeds[0].words[2], rng()}});
        break;
      case Spread::kChains:
        out.push_back(out.empty() || rng() % 8 == 0
                          ? random_hash(rng)
                          : flip_bits(out[rng() % out.size()], static_cast<int>(rng() % 30), rng));
        break;
    }
  }
  return out;
}

// Half of the queries lie near a row, half anywhere.
inline Pdq query_for(const std::vector<Pdq>& hashes, int radius, Rng& rng) {
  if (hashes.empty() || rng() % 2 == 0) return random_hash(rng);
  const int bits = static_cast<int>(rng() % (static_cast<unsigned>(radius) + 2));
  return flip_bits(hashes[rng() % hashes.size()], std::min(bits, 256), rng);
}

}  // namespace entente::hamming

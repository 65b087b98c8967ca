// SPDX-License-Identifier: Apache-2.0
#include "data.h"

#include <random>

namespace entente::bench {
namespace {

constexpr std::uint64_t kRowSeed = 42;
constexpr std::uint64_t kQuerySeed = 7;
constexpr std::size_t kTemplates = 64;

using Rng = std::mt19937_64;

Pdq uniform(Rng& rng) {
  return {{rng(), rng(), rng(), rng()}};
}

bool bit_of(const Pdq& hash, unsigned bit) {
  return ((hash.words[bit / 64] >> (bit % 64)) & 1) != 0;
}
void flip(Pdq& hash, unsigned bit) {
  hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
}

// As many ones as zeros, by flipping bits of whichever there are too many.
Pdq balanced(Rng& rng) {
  Pdq hash = uniform(rng);
  int ones = 0;
  for (const std::uint64_t word : hash.words) ones += __builtin_popcountll(word);
  while (ones != 128) {
    const auto bit = static_cast<unsigned>(rng() % 256);
    if (bit_of(hash, bit) != (ones > 128)) continue;
    flip(hash, bit);
    ones += ones > 128 ? -1 : 1;
  }
  return hash;
}

Pdq near(const Pdq& hash, int bits, Rng& rng) {
  Pdq out = hash;
  for (int flipped = 0; flipped < bits;) {
    const auto bit = static_cast<unsigned>(rng() % 256);
    if (bit_of(out, bit) != bit_of(hash, bit)) continue;
    flip(out, bit);
    ++flipped;
  }
  return out;
}

}  // namespace

std::string_view data_name(Data data) {
  return data == Data::kUniform ? "uniform" : "realish";
}

std::vector<Pdq> make_rows(Data data, std::size_t n) {
  Rng rng(kRowSeed);
  std::vector<Pdq> rows;
  rows.reserve(n);
  std::vector<Pdq> templates;
  for (std::size_t i = 0; i < kTemplates; ++i) templates.push_back(balanced(rng));
  while (rows.size() < n) {
    if (data == Data::kUniform) {
      rows.push_back(uniform(rng));
      continue;
    }
    const std::uint64_t kind = rng() % 100;
    if (kind < 20 && !rows.empty()) {
      rows.push_back(near(rows[rng() % rows.size()], 2 + static_cast<int>(rng() % 29), rng));
    } else if (kind < 22) {
      Pdq hash = templates[rng() % kTemplates];
      for (unsigned bit = 0; bit < 256; ++bit)
        if (rng() % 10 == 0) flip(hash, bit);
      rows.push_back(hash);
    } else {
      rows.push_back(balanced(rng));
    }
  }
  return rows;
}

std::vector<Query> make_queries(const std::vector<Pdq>& rows, std::size_t n) {
  Rng rng(kQuerySeed);
  std::vector<Query> queries;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 2 == 0) {
      const std::uint64_t row = rng() % rows.size();
      queries.push_back(
          {near(rows[row], static_cast<int>(rng() % 32), rng), static_cast<std::int64_t>(row)});
    } else {
      queries.push_back({balanced(rng), -1});
    }
  }
  return queries;
}

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/hamming_index.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace entente::fingerprint {
namespace {

using Half = std::array<std::uint64_t, 2>;

Half first_half(const Pdq& hash) {
  return {hash.words[0], hash.words[1]};
}
Half second_half(const Pdq& hash) {
  return {hash.words[2], hash.words[3]};
}

struct Columns {
  const Half* first;
  const Half* second;
  const std::uint64_t* ids;
  std::size_t rows;
};

// Built into each of the two functions below, so that the builtin becomes what their instruction
// set has for it.
[[gnu::always_inline]] inline int apart(const Half& a, const Half& b) {
  return __builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]);
}

[[gnu::always_inline]] inline void scan(const Columns& columns, const Pdq& query, int radius,
                                        std::vector<Hit>& hits) {
  const Half first = first_half(query);
  const Half second = second_half(query);
  for (std::size_t row = 0; row < columns.rows; ++row) {
    const int near = apart(columns.first[row], first);
    if (near > radius) continue;
    const int distance = near + apart(columns.second[row], second);
    if (distance <= radius) hits.push_back({columns.ids[row], distance});
  }
}

#if defined(__x86_64__)
// x86-64's base set has no population count; every processor since 2008 does, and scans four times
// as fast with it.
__attribute__((target("popcnt"))) void scan_popcnt(const Columns& columns, const Pdq& query,
                                                   int radius, std::vector<Hit>& hits) {
  scan(columns, query, radius, hits);
}
#endif

void scan_best(const Columns& columns, const Pdq& query, int radius, std::vector<Hit>& hits) {
#if defined(__x86_64__)
  static const bool kHasPopcnt = __builtin_cpu_supports("popcnt") != 0;
  if (kHasPopcnt) return scan_popcnt(columns, query, radius, hits);
#endif
  scan(columns, query, radius, hits);
}

}  // namespace

void HammingIndex::add(std::uint64_t id, const Pdq& hash) {
  const std::unique_lock lock(mutex_);
  const auto [place, is_new] = rows_.try_emplace(id, ids_.size());
  if (is_new) {
    first_.push_back(first_half(hash));
    second_.push_back(second_half(hash));
    ids_.push_back(id);
  } else {
    first_[place->second] = first_half(hash);
    second_[place->second] = second_half(hash);
  }
}

bool HammingIndex::remove(std::uint64_t id) {
  const std::unique_lock lock(mutex_);
  const auto place = rows_.find(id);
  if (place == rows_.end()) return false;
  // The last row takes the place of the one that goes.
  const std::size_t row = place->second;
  rows_.erase(place);
  if (row + 1 != ids_.size()) {
    first_[row] = first_.back();
    second_[row] = second_.back();
    ids_[row] = ids_.back();
    rows_[ids_[row]] = row;
  }
  first_.pop_back();
  second_.pop_back();
  ids_.pop_back();
  return true;
}

Result<std::vector<Hit>> HammingIndex::search(const Pdq& query, int radius) const {
  if (radius < 0 || radius > kPdqBits) {
    return fail(Code::kInvalid, "a search radius is 0 to 256 bits", "radius");
  }
  std::vector<Hit> hits;
  {
    const std::shared_lock lock(mutex_);
    scan_best({first_.data(), second_.data(), ids_.data(), ids_.size()}, query, radius, hits);
  }
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::pair(a.distance, a.id) < std::pair(b.distance, b.id);
  });
  return hits;
}

std::size_t HammingIndex::size() const {
  const std::shared_lock lock(mutex_);
  return ids_.size();
}

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
//
// Exact radius search over PDQ hashes: every hash within `radius` bits of the query, none else,
// whatever the radius. Additions and removals are effective for the next search. In memory only:
// the caller keeps the truth and refills it.
//
// A scan over two columns: the first 128 bits of every hash lie together, and the other 128 are
// read only where the first differ by no more than the radius. For unlike pictures that is one row
// in 10⁸ at radius 31, so a scan moves half the bytes and loses nothing. 48 bytes a hash plus the
// map from id to row (about 40).
//
// Thread-safe. Searches run side by side; a change waits for the searches under way and holds them
// up for the time it takes to move one row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "entente/core/error.h"
#include "entente/fingerprint/pdq.h"

namespace entente::fingerprint {

struct Hit {
  std::uint64_t id = 0;
  int distance = 0;
  friend bool operator==(const Hit&, const Hit&) = default;
};

class HammingIndex {
 public:
  // An id that is already there gets the new hash.
  void add(std::uint64_t id, const Pdq& hash);
  // False when the id is not there.
  bool remove(std::uint64_t id);
  // All hits, nearest first, equal distances by id. kInvalid when the radius is not 0 to 256.
  Result<std::vector<Hit>> search(const Pdq& query, int radius) const;
  std::size_t size() const;

 private:
  using Half = std::array<std::uint64_t, 2>;

  mutable std::shared_mutex mutex_;
  // Guarded by mutex_; row r of the index is first_[r], second_[r], ids_[r], and rows_[ids_[r]] ==
  // r.
  std::vector<Half> first_;
  std::vector<Half> second_;
  std::vector<std::uint64_t> ids_;
  std::unordered_map<std::uint64_t, std::size_t> rows_;
};

}  // namespace entente::fingerprint

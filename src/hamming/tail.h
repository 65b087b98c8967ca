// SPDX-License-Identifier: Apache-2.0
//
// The newest entries, before a merge puts them into a segment: a list of chunks that are only ever
// appended to, and searched by scanning.
//
// One writer at a time; any number of readers beside it. An entry is seen whole by every reader
// that looks after append() returned.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "entente/hamming/index.h"
#include "entente/hamming/kernels.h"

namespace entente::hamming {

// A scan of as many takes two microseconds; small enough that a search over an index with a few
// chunks not yet merged is hardly slower.
inline constexpr std::size_t kChunkRows = 4096;

class Chunk {
 public:
  Chunk();
  // Destroys its followers one by one: a long list would otherwise be a deep recursion.
  ~Chunk();
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  // The writer's: false when full.
  bool append(std::uint64_t id, const Pdq& hash);
  // The writer's: what readers find after the last row.
  void follow_with(std::shared_ptr<Chunk> next);

  std::size_t rows() const { return rows_.load(std::memory_order_acquire); }
  const std::shared_ptr<Chunk>& next() const { return next_; }
  std::uint64_t id(std::size_t row) const { return ids_[row]; }
  Pdq hash(std::size_t row) const {
    return {{first_[2 * row], first_[2 * row + 1], second_[2 * row], second_[2 * row + 1]}};
  }
  bool dead(std::size_t row) const {
    return ((dead_[row / 64].load(std::memory_order_acquire) >> (row % 64)) & 1) != 0;
  }
  void kill(std::size_t row) {
    dead_[row / 64].fetch_or(std::uint64_t{1} << (row % 64), std::memory_order_acq_rel);
  }

  // Appends the live rows within the radius, of this chunk and of all that follow it; those added
  // while it runs too.
  void search(const Pdq& query, int radius, const Kernels& kernels, std::vector<Hit>& hits) const;

 private:
  std::vector<std::uint64_t> first_;
  std::vector<std::uint64_t> second_;
  std::vector<std::uint64_t> ids_;
  std::array<std::atomic<std::uint64_t>, kChunkRows / 64> dead_{};
  std::atomic<std::size_t> rows_{0};
  std::shared_ptr<Chunk> next_;  // written once, before has_next_
  std::atomic<const Chunk*> has_next_{nullptr};
};

}  // namespace entente::hamming

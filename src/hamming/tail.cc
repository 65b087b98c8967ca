// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/tail.h"

#include <array>
#include <utility>

namespace entente::hamming {

Chunk::Chunk() : first_(2 * kChunkRows), second_(2 * kChunkRows), ids_(kChunkRows) {}

Chunk::~Chunk() {
  std::shared_ptr<Chunk> next = std::move(next_);
  while (next != nullptr && next.use_count() == 1) next = std::exchange(next->next_, nullptr);
}

bool Chunk::append(std::uint64_t id, const Pdq& hash) {
  const std::size_t row = rows_.load(std::memory_order_relaxed);
  if (row == kChunkRows) return false;
  first_[2 * row] = hash.words[0];
  first_[2 * row + 1] = hash.words[1];
  second_[2 * row] = hash.words[2];
  second_[2 * row + 1] = hash.words[3];
  ids_[row] = id;
  rows_.store(row + 1, std::memory_order_release);
  return true;
}

void Chunk::follow_with(std::shared_ptr<Chunk> next) {
  next_ = std::move(next);
  has_next_.store(next_.get(), std::memory_order_release);
}

void Chunk::search(const Pdq& query, int radius, const Kernels& kernels,
                   std::vector<Hit>& hits) const {
  std::array<RowHit, 8 * kScanStep> near;
  const Chunk* chunk = this;
  std::size_t row = 0;
  for (;;) {
    // Before the count: the last row of a chunk was written before its follower was.
    const Chunk* const next = chunk->has_next_.load(std::memory_order_acquire);
    const std::size_t rows = chunk->rows();
    if (row == rows) {
      if (next == nullptr) return;
      chunk = next;
      row = 0;
      continue;
    }
    const Columns columns{chunk->first_.data(), chunk->second_.data()};
    const std::size_t found =
        kernels.scan(columns, row, rows, query.words.data(), radius, near.data(), near.size(), row);
    for (std::size_t i = 0; i < found; ++i)
      if (!chunk->dead(near[i].row)) hits.push_back({chunk->id(near[i].row), near[i].distance});
  }
}

}  // namespace entente::hamming

// SPDX-License-Identifier: Apache-2.0
//
// An immutable part of an index: rows in order of their hashes, and for each band of the plan
// (plan.h) groups of entries. An entry is a sketch, the 16 bits after the group's, and a row
// number; of identical hashes only the first has entries. The first band needs none: rows are in
// its order.
//
// Groups stand one after another with a directory of where each begins; or, in a lined band, each
// in a cache line of its own, which costs twice the memory and half the reads. A line that is full
// says which line goes on: 0 for none, or that many lines behind the last group's first.
//
// One block of memory holds it all, laid out by `layout_of`, and is also what a snapshot writes and
// maps back. Beside it only one thing changes: the bits of rows that are dead.
//
// Thread-safe: searches, find() and kill() side by side. A row killed before a search began is not
// in it. Row numbers inside a mapped block are not believed: search() passes over those beyond the
// last row.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "entente/core/error.h"
#include "entente/hamming/index.h"
#include "entente/hamming/kernels.h"
#include "entente/hamming/memory.h"
#include "entente/hamming/plan.h"

namespace entente::hamming {

// Row numbers are 32 bits, and a few of them are kept free.
inline constexpr std::size_t kMaxRows = std::size_t{1} << 31;

// Lines of a band beyond one for each group: what 16 bits can name.
inline constexpr std::uint32_t kMaxMoreLines = 0xffff;

// All that a block's layout follows from.
struct Shape {
  std::uint64_t rows = 0;
  std::uint64_t distinct = 0;  // hashes
  std::uint64_t id_base = 0;   // added to every stored id
  std::uint8_t id_bytes = 8;   // 4 where ids lie close enough together, or 8
  std::uint8_t row_bytes = 4;  // 3 or 4
  Plan plan;
  std::vector<std::uint32_t> lines;  // of each band; 0 where it is not lined
};
Result<void> check_shape(const Shape& shape);

struct Layout {
  struct BandAt {
    std::size_t directory = 0;  // 2^group + 1 numbers: where each group begins; not if lined
    std::size_t sketches = 0;   // not in the first band
    std::size_t rows = 0;       // not in the first band
    std::size_t entries = 0;    // places for sketches and rows
  };
  std::size_t first = 0;
  std::size_t second = 0;
  std::size_t ids = 0;
  std::size_t by_id = 0;  // row numbers in order of their ids
  std::vector<BandAt> bands;
  std::size_t size = 0;
};
Layout layout_of(const Shape& shape);

struct SegmentOptions {
  int radius = fingerprint::kMatchDistance;
  std::size_t bytes_per_entry = kBytesPerEntry;
  std::size_t free_bytes = kFreeBytes;
};

class Segment {
 public:
  // Ids must differ from each other; at most kMaxRows.
  static std::shared_ptr<Segment> build(std::span<const std::uint64_t> ids,
                                        std::span<const Pdq> hashes, const SegmentOptions& options);
  // Over a block that another process wrote, which begins at `offset` of `memory`. Checks whatever
  // a search relies on; kCorrupt when it does not hold.
  static Result<std::shared_ptr<Segment>> attach(Shape shape, std::shared_ptr<const Memory> memory,
                                                 std::size_t offset);

  // Appends the live rows within the radius, in any order, some perhaps more than once.
  void search(const Pdq& query, int radius, const Kernels& kernels, std::vector<Hit>& hits) const;

  // The same for each query, into its own list.
  void search_batch(std::span<const Pdq> queries, int radius, const Kernels& kernels,
                    std::vector<std::vector<Hit>>& hits) const;

  std::size_t rows() const { return static_cast<std::size_t>(shape_.rows); }
  std::size_t live() const { return live_.load(std::memory_order_relaxed); }
  std::size_t bytes() const { return layout_.size + dead_.size() * sizeof(std::uint64_t); }
  const Shape& shape() const { return shape_; }
  ByteView block() const { return {block_, layout_.size}; }

  std::uint64_t id(std::size_t row) const {
    if (shape_.id_bytes == 4) return shape_.id_base + ids4_[row];
    return shape_.id_base + ids8_[row];
  }
  Pdq hash(std::size_t row) const {
    return {{columns_.first[2 * row], columns_.first[2 * row + 1], columns_.second[2 * row],
             columns_.second[2 * row + 1]}};
  }
  bool dead(std::size_t row) const {
    return ((dead_[row / 64].load(std::memory_order_acquire) >> (row % 64)) & 1) != 0;
  }
  std::vector<std::uint64_t> dead_bits() const;
  // The live row of an id.
  std::optional<std::size_t> find(std::uint64_t id) const;
  // False when it was dead already.
  bool kill(std::size_t row);

 private:
  friend class SegmentBuilder;
  friend class SegmentSearch;
  friend class SegmentBatch;

  struct BandData {
    const std::uint32_t* directory = nullptr;
    const std::uint16_t* sketches = nullptr;
    const std::uint8_t* rows = nullptr;
  };

  Segment(Shape shape, std::shared_ptr<const Memory> memory, std::size_t offset);
  void append_live(std::size_t row, int distance, std::vector<Hit>& hits) const {
    if (!dead(row)) hits.push_back({id(row), distance});
  }
  // Identical hashes follow their first.
  void append_identical(std::size_t first, int distance, std::vector<Hit>& hits) const;
  bool check_directory(std::size_t band) const;
  bool check_lines(std::size_t band) const;
  double group_rows(std::size_t band) const;
  void plan_radii();
  std::size_t stored_row(const std::uint8_t* rows, std::size_t at) const;

  Shape shape_;
  Layout layout_;
  std::shared_ptr<const Memory> memory_;
  const std::uint8_t* block_;
  Columns columns_;
  const std::uint32_t* ids4_ = nullptr;
  const std::uint64_t* ids8_ = nullptr;
  const std::uint8_t* by_id_ = nullptr;
  std::vector<BandData> bands_;
  std::vector<Thresholds> thresholds_;  // by radius; scan beyond
  std::vector<std::atomic<std::uint64_t>> dead_;
  std::atomic<std::size_t> live_;
};

}  // namespace entente::hamming

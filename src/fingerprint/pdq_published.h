// SPDX-License-Identifier: Apache-2.0
//
// The published steps of PDQ from luma to the 64×64 sample: box along rows, box along columns,
// both again, then every (side/64)-th value. Each output is the same running float sum, added and
// subtracted in the same order, as when every box runs over the whole plane; that order makes it
// bit-exact, so change no loop here without running tests/pdq.
//
// What makes it some ten times quicker than whole planes: rows flow through the four boxes in
// groups of sixteen, whose running sums go side by side; only the rows inside the column windows
// are kept; and the last box runs over the 64 columns that are sampled.
//
// This settles what the operator of pdq_rows.h cannot. Internal to fingerprint/.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "entente/fingerprint/pdq_kernels.h"

namespace entente::fingerprint {

// A box down all columns at once, fed row by row. `push` and `drain` give the next output row, or
// null when the window needs more rows, or none is left.
class BoxColumns {
 public:
  BoxColumns(std::size_t width, int height);
  const float* push(const float* row);
  const float* drain();

 private:
  float* ring_row(int y) { return ring_.data() + static_cast<std::size_t>(y % window_) * width_; }
  const float* emit();

  std::size_t width_;
  int height_;
  int window_;
  int reach_;
  int pushed_ = 0;
  int emitted_ = 0;
  int count_ = 0;  // rows in the window
  std::vector<float> ring_;
  std::vector<float> sums_;
  std::vector<float> out_;
};

// A box along rows, sixteen rows at a time.
class BoxRows {
 public:
  static constexpr std::size_t kGroup = 16;

  explicit BoxRows(int width);
  // The place of the group's next row, to be filled; full after kGroup of them.
  float* next_row() { return rows_.data() + width_ * used_++; }
  bool full() const { return used_ == kGroup; }
  std::size_t used() const { return used_; }
  // Filters the rows of the group. Then either all of row r, or its samples, may be read until the
  // next call of next_row after clear.
  void run();
  void untranspose();
  const float* row(std::size_t r) const { return rows_.data() + width_ * r; }
  void sample(std::size_t r, float* out) const;
  void clear() { used_ = 0; }

 private:
  std::size_t width_;
  std::size_t used_ = 0;
  std::vector<float> rows_;  // kGroup rows of width_
  std::vector<float> in_;    // the same transposed: width_ columns of kGroup
  std::vector<float> out_;   // filtered, transposed
};

// Push `height` rows of `width` values, then take the sample.
class PublishedSteps {
 public:
  PublishedSteps(int width, int height);
  void push(const float* luma);
  const Sample& finish();

 private:
  void run_first();
  void run_second();
  void push_second(const float* once);
  void take(const float* sampled);

  int width_;
  int height_;
  bool as_is_;  // 64×64: the published steps leave the filter out
  BoxRows first_rows_;
  BoxColumns first_columns_;
  BoxRows second_rows_;
  BoxColumns second_columns_;
  Sample sample_{};
  int next_ = 0;  // sample row wanted
  int y_ = 0;     // filtered row taken
};

}  // namespace entente::fingerprint

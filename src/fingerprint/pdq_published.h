// SPDX-License-Identifier: Apache-2.0
//
// The published steps of PDQ from luma to the 64×64 sample: box along rows, box along columns,
// both again, then every (side/64)-th value. Each output is the same running float sum, added and
// subtracted in the same order, as when every box runs over the whole plane; that order makes it
// bit-exact, so change no loop here without running tests/pdq.
//
// What makes it quicker than whole planes: rows flow through the four boxes in groups of sixteen,
// whose running sums go side by side; only the rows inside the column windows are kept; and the
// last box runs over the 64 columns that are sampled.
//
// This settles what the operator of pdq_rows.h cannot. Internal to fingerprint/.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "entente/fingerprint/pdq_boxes.h"
#include "entente/fingerprint/pdq_kernels.h"

namespace entente::fingerprint {

// A box down all columns at once, fed row by row.
class BoxColumns {
 public:
  BoxColumns(std::size_t width, int height, const BoxKernels& kernels);
  // Whether the next output row was written: the window may need more rows first.
  bool push(const float* row, float* out);
  // After the last row: the next output row, while there is one.
  bool drain(float* out);

 private:
  float* ring_row(int y) { return ring_.data() + static_cast<std::size_t>(y % window_) * width_; }
  void emit(float* out);

  const BoxKernels& kernels_;
  std::size_t width_;
  int height_;
  int window_;
  int reach_;
  int pushed_ = 0;
  int emitted_ = 0;
  int count_ = 0;  // rows in the window
  std::vector<float> ring_;
  std::vector<float> sums_;
};

// For each row: fill next_row(), then call pushed(); after `height` of them take the sample.
class PublishedSteps {
 public:
  PublishedSteps(int width, int height, CpuPath path = CpuPath::kBest);
  float* next_row();  // `width` values
  void pushed();
  const Sample& finish();

 private:
  // Sixteen rows on their way.
  struct Group {
    std::vector<float> rows;
    std::size_t used = 0;
  };

  float* row_of(Group& group, std::size_t r) { return group.rows.data() + width_ * r; }
  void run_first();
  void pushed_second();
  void run_second();
  void take(const float* sampled);

  const BoxKernels& kernels_;
  std::size_t width_;
  int height_;
  bool as_is_;  // 64×64: the published steps leave the filter out
  Group first_;
  Group second_;
  BoxColumns first_columns_;
  BoxColumns second_columns_;
  std::vector<float> in_;   // sixteen rows as columns
  std::vector<float> out_;  // the same, filtered
  Sample sample_{};
  int next_ = 0;  // sample row wanted
  int y_ = 0;     // filtered row taken
};

}  // namespace entente::fingerprint

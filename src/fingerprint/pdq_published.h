// SPDX-License-Identifier: Apache-2.0
//
// The published steps of PDQ from luma to the 64×64 sample: box along rows, box along columns,
// both again, then every (side/64)-th value. Each output is the same running float sum, added and
// subtracted in the same order, as when every box runs over the whole plane; that order makes it
// bit-exact, so change no loop here without running tests/pdq. The rows of the picture flow through
// the four boxes one by one, so only the rows inside the column windows are kept.
//
// This settles what the operator of pdq_rows.h cannot. Internal to fingerprint/.
#pragma once

#include <vector>

#include "entente/fingerprint/pdq_kernels.h"

namespace entente::fingerprint {

// A box down all columns at once, fed row by row. `push` and `drain` give the next output row, or
// null when the window needs more rows, or none is left.
class BoxColumns {
 public:
  BoxColumns(int width, int height);
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

// Push `height` rows of `width` values, then take the sample.
class PublishedSteps {
 public:
  PublishedSteps(int width, int height);
  void push(const float* luma);
  const Sample& finish();

 private:
  void push_second(const float* once);
  void take(const float* twice);

  int width_;
  int height_;
  bool as_is_;  // 64×64: the published steps leave the filter out
  BoxColumns first_;
  BoxColumns second_;
  std::vector<float> row_;
  Sample sample_{};
  int next_ = 0;  // sample row wanted
  int y_ = 0;     // filtered row taken
};

}  // namespace entente::fingerprint

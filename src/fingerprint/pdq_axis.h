// SPDX-License-Identifier: Apache-2.0
//
// PDQ's filter along one axis, as what it is: 64 short rows of weights. Two boxes one after the
// other, each divided by the number of pixels inside the picture, then every (side/64)-th value:
// all of it linear, so each of the 64 samples is a weighted mean of about side/64 neighbouring
// pixels. The weights are kept as whole numbers over their sum, hence sums of bytes are exact.
//
// A picture decoded at 1/scale (libjpeg) has ceil(side/scale) pixels, each the mean of a block: its
// weight is the sum of the weights of the block's pixels. That keeps each sample where the
// full-size operator has it, which plain hashing of the small picture does not
// (docs/decisions/0019).
//
// Internal to fingerprint/. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace entente::fingerprint {

inline constexpr int kSample = 64;  // side of the sample

// The published box over an axis of `side` pixels: output o averages o-(window-reach) …
// o+reach-1.
constexpr int box_window(int side) {
  return (side + 2 * kSample - 1) / (2 * kSample);
}
constexpr int box_reach(int window) {
  return (window + 2) / 2;
}
// Where sample k lies on an axis of `side` pixels: floor((k + 1/2) side / 64).
constexpr int sample_place(int k, int side) {
  return (2 * k + 1) * side / (2 * kSample);
}

struct Axis {
  struct Taps {
    int first = 0;              // the first decoded pixel with a weight
    int count = 0;              // how many have one
    std::size_t begin = 0;      // in `weights`
    std::uint32_t total = 0;    // sum of the weights: at most 235²·234, times 255 under 2³²
    bool repeats_last = false;  // same taps as the sample before it (a side below 64)
  };

  int length = 0;   // decoded pixels along this axis
  int overlap = 1;  // how many samples, repeated ones left out, one pixel can weigh in
  std::array<Taps, kSample> samples{};
  std::vector<std::uint32_t> weights;

  std::span<const std::uint32_t> of(const Taps& taps) const {
    return std::span(weights).subspan(taps.begin, static_cast<std::size_t>(taps.count));
  }
};

// 1 ≤ side ≤ kMaxSide, scale ≥ 1.
Axis make_axis(int side, int scale);

}  // namespace entente::fingerprint

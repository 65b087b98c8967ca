// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_axis.h"

#include <algorithm>
#include <numeric>

#include "entente/core/error.h"

namespace entente::fingerprint {
namespace {

struct Range {
  int first = 0;
  int last = 0;
  int count() const { return last - first + 1; }
};

// What a box at `at` averages, cut at the picture's edges.
Range box_at(int at, int side) {
  const int window = box_window(side);
  const int reach = box_reach(window);
  return {std::max(0, at - (window - reach)), std::min(side - 1, at + reach - 1)};
}

// The full-size weights of one sample, from pixel `first` on.
struct Weights {
  int first = 0;
  std::vector<std::uint32_t> of;
  bool whole = false;  // no box was cut, so that others have the same
};

void find_weights(int place, int side, Weights& out) {
  const int window = box_window(side);
  const Range second = box_at(place, side);
  const Range first_box = box_at(second.first, side);
  const Range last_box = box_at(second.last, side);
  out.first = first_box.first;
  const bool whole =
      second.count() == window && first_box.count() == window && last_box.count() == window;
  if (whole && out.whole) return;
  out.whole = whole;
  // Every box of the first pass counts the same in the second; inside it each pixel gets 1/count.
  // At most two counts occur near an edge, neighbours, so their product is a common denominator.
  for (const Range& box : {first_box, last_box}) {
    check(box.count() == window || box.count() == window - 1,
          "PDQ: a sample's box leaves the picture by one pixel at most");
  }
  const bool cut = first_box.count() != window || last_box.count() != window;
  const int common = cut ? window * (window - 1) : window;
  // Differences, then their running sum: linear in the pixels, not in pixels times window.
  out.of.assign(static_cast<std::size_t>(last_box.last - out.first) + 2, 0);
  for (int at = second.first; at <= second.last; ++at) {
    const Range box = box_at(at, side);
    const auto part = static_cast<std::uint32_t>(common / box.count());
    out.of[static_cast<std::size_t>(box.first - out.first)] += part;
    out.of[static_cast<std::size_t>(box.last + 1 - out.first)] -= part;  // wraps, and wraps back
  }
  std::partial_sum(out.of.begin(), out.of.end(), out.of.begin());
  out.of.pop_back();
}

int most_overlapping(const Axis& axis) {
  int most = 1;
  for (std::size_t k = 0; k < axis.samples.size(); ++k) {
    int here = 1;
    for (std::size_t j = k + 1; j < axis.samples.size(); ++j) {
      const Axis::Taps& later = axis.samples[j];
      if (later.first >= axis.samples[k].first + axis.samples[k].count) break;
      if (!later.repeats_last) ++here;
    }
    most = std::max(most, here);
  }
  return most;
}

}  // namespace

Axis make_axis(int side, int scale) {
  Axis out;
  out.length = (side + scale - 1) / scale;
  out.weights.reserve(2 * (static_cast<std::size_t>(out.length) + kSample));
  Weights full;
  for (int k = 0; k < kSample; ++k) {
    find_weights(sample_place(k, side), side, full);
    const int last = full.first + static_cast<int>(full.of.size()) - 1;
    Axis::Taps taps;
    taps.first = full.first / scale;
    taps.count = last / scale - taps.first + 1;
    taps.begin = out.weights.size();
    out.weights.resize(taps.begin + static_cast<std::size_t>(taps.count));
    // The place of the first pixel in its block.
    int in_block = full.first - taps.first * scale;
    std::size_t at = taps.begin;
    for (const std::uint32_t weight : full.of) {
      if (in_block == scale) {
        in_block = 0;
        ++at;
      }
      out.weights[at] += weight;
      taps.total += weight;
      ++in_block;
    }
    if (k > 0) {
      const Axis::Taps& before = out.samples[static_cast<std::size_t>(k - 1)];
      taps.repeats_last =
          taps.first == before.first && std::ranges::equal(out.of(taps), out.of(before));
    }
    out.samples[static_cast<std::size_t>(k)] = taps;
  }
  out.overlap = most_overlapping(out);
  return out;
}

}  // namespace entente::fingerprint

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

// The full-size weights of the sample at `place`, from pixel `first` on, into `out`.
void full_weights(int place, int side, int& first, std::vector<std::uint32_t>& out) {
  const Range second = box_at(place, side);
  first = box_at(second.first, side).first;
  const int last = box_at(second.last, side).last;
  // Every box of the first pass counts the same in the second; inside it each pixel gets 1/count.
  // At most two counts occur near an edge, neighbours, so their product is a common denominator.
  const int window = box_window(side);
  int common = window;
  for (int at = second.first; at <= second.last; ++at) {
    const int count = box_at(at, side).count();
    check(count == window || count == window - 1,
          "PDQ: a sample's box leaves by one pixel at most");
    if (count != window) common = window * (window - 1);
  }
  // Differences, then their running sum: linear in the pixels, not in pixels times window.
  out.assign(static_cast<std::size_t>(last - first) + 2, 0);
  for (int at = second.first; at <= second.last; ++at) {
    const Range box = box_at(at, side);
    const auto part = static_cast<std::uint32_t>(common / box.count());
    out[static_cast<std::size_t>(box.first - first)] += part;
    out[static_cast<std::size_t>(box.last + 1 - first)] -= part;  // wraps, and wraps back
  }
  std::partial_sum(out.begin(), out.end(), out.begin());
  out.pop_back();
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
  out.weights.reserve(static_cast<std::size_t>(2 * out.length + 2 * kSample));
  std::vector<std::uint32_t> full;
  for (int k = 0; k < kSample; ++k) {
    int first = 0;
    full_weights(sample_place(k, side), side, first, full);
    Axis::Taps taps;
    taps.first = first / scale;
    taps.count = (first + static_cast<int>(full.size()) - 1) / scale - taps.first + 1;
    taps.begin = out.weights.size();
    out.weights.resize(taps.begin + static_cast<std::size_t>(taps.count));
    for (std::size_t i = 0; i < full.size(); ++i) {
      const int decoded = (first + static_cast<int>(i)) / scale - taps.first;
      out.weights[taps.begin + static_cast<std::size_t>(decoded)] += full[i];
      taps.total += full[i];
    }
    if (k > 0) {
      const Axis::Taps& last = out.samples[static_cast<std::size_t>(k - 1)];
      taps.repeats_last =
          taps.first == last.first && std::ranges::equal(out.of(taps), out.of(last));
    }
    out.samples[static_cast<std::size_t>(k)] = taps;
  }
  out.overlap = most_overlapping(out);
  return out;
}

}  // namespace entente::fingerprint

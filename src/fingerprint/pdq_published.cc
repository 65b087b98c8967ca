// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_published.h"

#include <algorithm>

namespace entente::fingerprint {
namespace {

float average(float sum, int count) {
  return sum / static_cast<float>(count);
}

// One row through a box of `window`.
void box_row(const float* in, float* out, int n, int window) {
  const int reach = box_reach(window);
  float sum = 0;
  int count = 0;
  int right = 0;
  int left = 0;
  int at = 0;
  for (; right < reach - 1; ++right, ++count) sum += in[right];
  for (; right < window; ++right) {
    sum += in[right];
    ++count;
    out[at++] = average(sum, count);
  }
  for (; right < n; ++right, ++left) {
    sum += in[right];
    sum -= in[left];
    out[at++] = average(sum, count);
  }
  for (; at < n; ++left) {
    sum -= in[left];
    --count;
    out[at++] = average(sum, count);
  }
}

}  // namespace

BoxColumns::BoxColumns(int width, int height)
    : width_(static_cast<std::size_t>(width)),
      height_(height),
      window_(box_window(height)),
      reach_(box_reach(window_)),
      ring_(width_ * static_cast<std::size_t>(window_)),
      sums_(width_),
      out_(width_) {}

const float* BoxColumns::push(const float* row) {
  // A full ring's next place holds the row that leaves the window.
  float* place = ring_row(pushed_);
  const bool full = pushed_ >= window_;
  ++pushed_;
  if (full) {
    for (std::size_t x = 0; x < width_; ++x) sums_[x] = (sums_[x] + row[x]) - place[x];
  } else {
    for (std::size_t x = 0; x < width_; ++x) sums_[x] += row[x];
    ++count_;
  }
  std::copy_n(row, width_, place);
  return pushed_ >= reach_ ? emit() : nullptr;
}

const float* BoxColumns::drain() {
  if (emitted_ == height_) return nullptr;
  const float* leaving = ring_row(height_ - count_);
  for (std::size_t x = 0; x < width_; ++x) sums_[x] -= leaving[x];
  --count_;
  return emit();
}

const float* BoxColumns::emit() {
  ++emitted_;
  for (std::size_t x = 0; x < width_; ++x) out_[x] = average(sums_[x], count_);
  return out_.data();
}

PublishedSteps::PublishedSteps(int width, int height)
    : width_(width),
      height_(height),
      as_is_(width == kSample && height == kSample),
      first_(width, height),
      second_(width, height),
      row_(static_cast<std::size_t>(width)) {}

void PublishedSteps::push(const float* luma) {
  if (as_is_) return take(luma);
  box_row(luma, row_.data(), width_, box_window(width_));
  if (const float* out = first_.push(row_.data())) push_second(out);
}

const Sample& PublishedSteps::finish() {
  if (as_is_) return sample_;
  while (const float* out = first_.drain()) push_second(out);
  while (const float* out = second_.drain()) take(out);
  return sample_;
}

void PublishedSteps::push_second(const float* once) {
  box_row(once, row_.data(), width_, box_window(width_));
  if (const float* out = second_.push(row_.data())) take(out);
}

void PublishedSteps::take(const float* twice) {
  // A picture lower than the sample gives one row to several.
  for (; next_ < kSample && sample_place(next_, height_) == y_; ++next_) {
    for (int k = 0; k < kSample; ++k) {
      sample_[static_cast<std::size_t>(next_ * kSample + k)] = twice[sample_place(k, width_)];
    }
  }
  ++y_;
}

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_published.h"

#include <algorithm>

namespace entente::fingerprint {
namespace {

constexpr std::size_t kGroup = BoxRows::kGroup;
using Group = std::array<float, kGroup>;  // one column of sixteen rows

using Four = float __attribute__((vector_size(16)));

// Four rows of four become four columns.
[[gnu::always_inline]] inline void transpose_four(const float* in, std::size_t in_step, float* out,
                                                  std::size_t out_step) {
  Four a[4];
  for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(&a[i], in + i * in_step, sizeof a[i]);
  const Four low01 = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
  const Four b[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                     __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                     __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                     __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(out + i * out_step, &b[i], sizeof b[i]);
}

// Sixteen rows of `n` become n columns of sixteen.
void to_columns(const float* rows, float* columns, std::size_t n) {
  const std::size_t whole = n / 4 * 4;
  for (std::size_t x = 0; x < whole; x += 4) {
    for (std::size_t r = 0; r < kGroup; r += 4) {
      transpose_four(rows + r * n + x, n, columns + x * kGroup + r, kGroup);
    }
  }
  for (std::size_t x = whole; x < n; ++x) {
    for (std::size_t r = 0; r < kGroup; ++r) columns[x * kGroup + r] = rows[r * n + x];
  }
}
void to_rows(const float* columns, float* rows, std::size_t n) {
  const std::size_t whole = n / 4 * 4;
  for (std::size_t x = 0; x < whole; x += 4) {
    for (std::size_t r = 0; r < kGroup; r += 4) {
      transpose_four(columns + x * kGroup + r, kGroup, rows + r * n + x, n);
    }
  }
  for (std::size_t x = whole; x < n; ++x) {
    for (std::size_t r = 0; r < kGroup; ++r) rows[r * n + x] = columns[x * kGroup + r];
  }
}

// The running sums of sixteen rows, and the box's way along them.
struct Running {
  Group sum{};
  int count = 0;

  void enters(const float* column) {
    for (std::size_t r = 0; r < kGroup; ++r) sum[r] += column[r];
    ++count;
  }
  void leaves(const float* column) {
    for (std::size_t r = 0; r < kGroup; ++r) sum[r] -= column[r];
    --count;
  }
  void mean(float* out) const {
    const auto divisor = static_cast<float>(count);
    for (std::size_t r = 0; r < kGroup; ++r) out[r] = sum[r] / divisor;
  }
};

void box_group(const float* in, float* out, int n, int window) {
  const auto column = [](auto* base, int x) { return base + static_cast<std::size_t>(x) * kGroup; };
  const int reach = box_reach(window);
  Running box;
  int right = 0;
  int left = 0;
  int at = 0;
  for (; right < reach - 1; ++right) box.enters(column(in, right));
  for (; right < window; ++right) {
    box.enters(column(in, right));
    box.mean(column(out, at++));
  }
  for (; right < n; ++right, ++left) {
    box.enters(column(in, right));
    box.leaves(column(in, left));
    box.mean(column(out, at++));
  }
  for (; at < n; ++left) {
    box.leaves(column(in, left));
    box.mean(column(out, at++));
  }
}

}  // namespace

BoxRows::BoxRows(int width)
    : width_(static_cast<std::size_t>(width)),
      rows_(width_ * kGroup),
      in_(width_ * kGroup),
      out_(width_ * kGroup) {}

void BoxRows::run() {
  to_columns(rows_.data(), in_.data(), width_);
  const int n = static_cast<int>(width_);
  box_group(in_.data(), out_.data(), n, box_window(n));
}

void BoxRows::untranspose() {
  to_rows(out_.data(), rows_.data(), width_);
}

void BoxRows::sample(std::size_t r, float* out) const {
  for (int k = 0; k < kSample; ++k) {
    const int place = sample_place(k, static_cast<int>(width_));
    out[k] = out_[static_cast<std::size_t>(place) * kGroup + r];
  }
}

BoxColumns::BoxColumns(std::size_t width, int height)
    : width_(width),
      height_(height),
      window_(box_window(height)),
      reach_(box_reach(window_)),
      ring_(width_ * static_cast<std::size_t>(window_)),
      sums_(width_),
      out_(width_) {}

const float* BoxColumns::push(const float* row) {
  // A full ring's next place holds the row that leaves the window.
  float* __restrict place = ring_row(pushed_);
  float* __restrict sums = sums_.data();
  const bool full = pushed_ >= window_;
  if (!full) ++count_;
  ++pushed_;
  const bool emits = pushed_ >= reach_;
  if (!full) {
    for (std::size_t x = 0; x < width_; ++x) sums[x] += row[x];
    std::copy_n(row, width_, place);
    return emits ? emit() : nullptr;
  }
  // The usual case in one go. A full window emits.
  float* __restrict out = out_.data();
  const auto divisor = static_cast<float>(count_);
  for (std::size_t x = 0; x < width_; ++x) {
    const float entering = row[x];
    const float sum = (sums[x] + entering) - place[x];
    place[x] = entering;
    sums[x] = sum;
    out[x] = sum / divisor;
  }
  ++emitted_;
  return out;
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
  const auto divisor = static_cast<float>(count_);
  for (std::size_t x = 0; x < width_; ++x) out_[x] = sums_[x] / divisor;
  return out_.data();
}

PublishedSteps::PublishedSteps(int width, int height)
    : width_(width),
      height_(height),
      as_is_(width == kSample && height == kSample),
      first_rows_(width),
      first_columns_(static_cast<std::size_t>(width), height),
      second_rows_(width),
      second_columns_(kSample, height) {}

void PublishedSteps::push(const float* luma) {
  if (as_is_) return take(luma);
  std::copy_n(luma, width_, first_rows_.next_row());
  if (first_rows_.full()) run_first();
}

const Sample& PublishedSteps::finish() {
  if (as_is_) return sample_;
  run_first();
  while (const float* out = first_columns_.drain()) push_second(out);
  run_second();
  while (const float* out = second_columns_.drain()) take(out);
  return sample_;
}

void PublishedSteps::run_first() {
  first_rows_.run();
  first_rows_.untranspose();
  for (std::size_t r = 0; r < first_rows_.used(); ++r) {
    if (const float* out = first_columns_.push(first_rows_.row(r))) push_second(out);
  }
  first_rows_.clear();
}

void PublishedSteps::push_second(const float* once) {
  std::copy_n(once, width_, second_rows_.next_row());
  if (second_rows_.full()) run_second();
}

void PublishedSteps::run_second() {
  second_rows_.run();
  std::array<float, kSample> sampled{};
  for (std::size_t r = 0; r < second_rows_.used(); ++r) {
    second_rows_.sample(r, sampled.data());
    if (const float* out = second_columns_.push(sampled.data())) take(out);
  }
  second_rows_.clear();
}

void PublishedSteps::take(const float* sampled) {
  // A picture lower than the sample gives one row to several.
  for (; next_ < kSample && sample_place(next_, height_) == y_; ++next_) {
    std::copy_n(sampled, kSample, sample_.data() + next_ * kSample);
  }
  ++y_;
}

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_published.h"

#include <algorithm>

namespace entente::fingerprint {

BoxColumns::BoxColumns(std::size_t width, int height, const BoxKernels& kernels)
    : kernels_(kernels),
      width_(width),
      height_(height),
      window_(box_window(height)),
      reach_(box_reach(window_)),
      ring_(width_ * static_cast<std::size_t>(window_)),
      sums_(width_) {}

bool BoxColumns::push(const float* row, float* out) {
  // A full ring's next place holds the row that leaves the window.
  float* place = ring_row(pushed_);
  const bool full = pushed_ >= window_;
  ++pushed_;
  if (full) {
    kernels_.slide(row, place, sums_.data(), out, static_cast<float>(count_), width_);
    ++emitted_;
    return true;
  }
  for (std::size_t x = 0; x < width_; ++x) sums_[x] += row[x];
  std::copy_n(row, width_, place);
  ++count_;
  if (pushed_ < reach_) return false;
  emit(out);
  return true;
}

bool BoxColumns::drain(float* out) {
  if (emitted_ == height_) return false;
  const float* leaving = ring_row(height_ - count_);
  for (std::size_t x = 0; x < width_; ++x) sums_[x] -= leaving[x];
  --count_;
  emit(out);
  return true;
}

void BoxColumns::emit(float* out) {
  ++emitted_;
  const auto divisor = static_cast<float>(count_);
  for (std::size_t x = 0; x < width_; ++x) out[x] = sums_[x] / divisor;
}

PublishedSteps::PublishedSteps(int width, int height, CpuPath path)
    : kernels_(box_kernels_of(path)),
      width_(static_cast<std::size_t>(width)),
      height_(height),
      as_is_(width == kSample && height == kSample),
      first_{std::vector<float>(width_ * kRowGroup)},
      second_{std::vector<float>(width_ * kRowGroup)},
      first_columns_(width_, height, kernels_),
      second_columns_(kSample, height, kernels_),
      in_(width_ * kRowGroup),
      out_(std::max(width_, std::size_t{kSample}) * kRowGroup) {}

float* PublishedSteps::next_row() {
  return row_of(first_, first_.used);
}

void PublishedSteps::pushed() {
  if (as_is_) return take(next_row());
  if (++first_.used == kRowGroup) run_first();
}

const Sample& PublishedSteps::finish() {
  if (as_is_) return sample_;
  run_first();
  while (first_columns_.drain(row_of(second_, second_.used))) pushed_second();
  run_second();
  std::array<float, kSample> sampled{};
  while (second_columns_.drain(sampled.data())) take(sampled.data());
  return sample_;
}

void PublishedSteps::run_first() {
  kernels_.to_columns(first_.rows.data(), in_.data(), width_);
  kernels_.box(in_.data(), out_.data(), static_cast<int>(width_));
  kernels_.to_rows(out_.data(), first_.rows.data(), width_);
  for (std::size_t r = 0; r < first_.used; ++r) {
    if (first_columns_.push(row_of(first_, r), row_of(second_, second_.used))) pushed_second();
  }
  first_.used = 0;
}

void PublishedSteps::pushed_second() {
  if (++second_.used == kRowGroup) run_second();
}

void PublishedSteps::run_second() {
  kernels_.to_columns(second_.rows.data(), in_.data(), width_);
  kernels_.box_sampled(in_.data(), out_.data(), static_cast<int>(width_));
  std::array<float, kSample> row{};
  std::array<float, kSample> filtered{};
  for (std::size_t r = 0; r < second_.used; ++r) {
    for (std::size_t k = 0; k < kSample; ++k) row[k] = out_[k * kRowGroup + r];
    if (second_columns_.push(row.data(), filtered.data())) take(filtered.data());
  }
  second_.used = 0;
}

void PublishedSteps::take(const float* sampled) {
  // A picture lower than the sample gives one row to several.
  for (; next_ < kSample && sample_place(next_, height_) == y_; ++next_) {
    std::copy_n(sampled, kSample, sample_.data() + std::ptrdiff_t{next_} * kSample);
  }
  ++y_;
}

}  // namespace entente::fingerprint

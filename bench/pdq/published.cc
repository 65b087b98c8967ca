// SPDX-License-Identifier: Apache-2.0
//
// Four full-size passes (rows, columns, rows, columns), decimation, gradients, cosine transform,
// median, one bit per coefficient: in the order in which they are published.
#include "published.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>

namespace entente::bench {
namespace {

// A running mean over `n` values `step` apart. `window` values wide, ahead of the output by half.
void box(const float* in, float* out, int n, std::ptrdiff_t step, int window) {
  const int half = (window + 2) / 2;
  const int lead = half - 1;
  const int grow = window - half + 1;
  const int full = n - window;
  std::ptrdiff_t enters = 0;
  std::ptrdiff_t leaves = 0;
  std::ptrdiff_t at = 0;
  float sum = 0;
  float count = 0;
  for (int i = 0; i < lead; ++i, enters += step) {
    sum += in[enters];
    count += 1;
  }
  for (int i = 0; i < grow; ++i, enters += step, at += step) {
    sum += in[enters];
    count += 1;
    out[at] = sum / count;
  }
  for (int i = 0; i < full; ++i, enters += step, leaves += step, at += step) {
    sum += in[enters];
    sum -= in[leaves];
    out[at] = sum / count;
  }
  for (int i = 0; i < lead; ++i, leaves += step, at += step) {
    sum -= in[leaves];
    count -= 1;
    out[at] = sum / count;
  }
}

void along_rows(const float* in, float* out, int width, int height) {
  const int window = (width + 127) / 128;
  for (int y = 0; y < height; ++y) {
    const std::ptrdiff_t row = std::ptrdiff_t{y} * width;
    box(in + row, out + row, width, 1, window);
  }
}

void along_columns(const float* in, float* out, int width, int height) {
  const int window = (height + 127) / 128;
  for (int x = 0; x < width; ++x) box(in + x, out + x, height, width, window);
}

int quality_of(const std::array<float, 64 * 64>& sample) {
  int sum = 0;
  const auto add = [&](int a, int b) {
    const float u = sample[static_cast<std::size_t>(a)];
    const float v = sample[static_cast<std::size_t>(b)];
    sum += std::abs(static_cast<int>((u - v) * 100 / 255));
  };
  for (int i = 0; i < 63; ++i) {
    for (int j = 0; j < 64; ++j) add(i * 64 + j, i * 64 + j + 64);
  }
  for (int i = 0; i < 64; ++i) {
    for (int j = 0; j < 63; ++j) add(i * 64 + j, i * 64 + j + 1);
  }
  return std::min(sum / 90, 100);
}

using Cosine = std::array<float, 16 * 64>;

Cosine make_cosine() {
  Cosine out{};
  const float scale = static_cast<float>(std::sqrt(2.0 / 64));
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 64; ++j) {
      out[static_cast<std::size_t>(i * 64 + j)] = static_cast<float>(
          scale * std::cos((std::numbers::pi / 2 / 64.0) * (i + 1) * (2 * j + 1)));
    }
  }
  return out;
}

void transform(const std::array<float, 64 * 64>& sample, std::array<float, 16 * 16>& out) {
  static const Cosine kCosine = make_cosine();
  std::array<float, 16 * 64> half{};
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 64; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 64; ++k) sum += kCosine[i * 64 + k] * sample[k * 64 + j];
      half[i * 64 + j] = sum;
    }
  }
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 64; ++k) sum += half[i * 64 + k] * kCosine[j * 64 + k];
      out[i * 16 + j] = sum;
    }
  }
}

}  // namespace

std::string Published::hex() const {
  std::string out;
  for (int digit = 63; digit >= 0; --digit) {
    unsigned value = 0;
    for (int bit = 3; bit >= 0; --bit) {
      value = value * 2 + (bits[static_cast<std::size_t>(4 * digit + bit)] ? 1U : 0U);
    }
    out += "0123456789abcdef"[value];
  }
  return out;
}

Published published_pdq(std::vector<float>& luma, int width, int height) {
  Published out;
  if (width != 64 || height != 64) {
    std::vector<float> other(luma.size());
    for (int pass = 0; pass < 2; ++pass) {
      along_rows(luma.data(), other.data(), width, height);
      along_columns(other.data(), luma.data(), width, height);
    }
  }
  for (int i = 0; i < 64; ++i) {
    const int y = static_cast<int>((i + 0.5) * height / 64);
    for (int j = 0; j < 64; ++j) {
      const int x = static_cast<int>((j + 0.5) * width / 64);
      out.sample[static_cast<std::size_t>(i * 64 + j)] =
          luma[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
               static_cast<std::size_t>(x)];
    }
  }
  out.quality = quality_of(out.sample);
  transform(out.sample, out.spectrum);
  std::array<float, 16 * 16> sorted = out.spectrum;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  for (std::size_t i = 0; i < out.bits.size(); ++i) out.bits[i] = out.spectrum[i] > sorted[127];
  return out;
}

}  // namespace entente::bench

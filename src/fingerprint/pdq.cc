// SPDX-License-Identifier: Apache-2.0
//
// The steps of PDQ: luma, two tent passes, a 64×64 sample, its gradient (quality), a 16×16 corner
// of its cosine transform, one bit per coefficient above the median.
//
// The tent filter is two boxes along rows and columns. The rows of the picture flow through the
// four boxes one by one, so only the rows inside the two column windows are ever kept. Each output
// is still the same running float sum, added and subtracted in the same order, as when every box
// runs over the whole plane: that is what makes it bit-exact.
#include "entente/fingerprint/pdq.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>
#include <vector>

namespace entente::fingerprint {
namespace {

constexpr int kSample = 64;    // side of the sample
constexpr int kSpectrum = 16;  // side of the spectrum's corner
using Sample = std::array<float, kSample * kSample>;
using Spectrum = std::array<float, kSpectrum * kSpectrum>;

int window_of(int side) {
  return (side + 2 * kSample - 1) / (2 * kSample);
}
// How many inputs ahead of output o the box reaches: it averages o-(window-reach) … o+reach-1.
int reach_of(int window) {
  return (window + 2) / 2;
}

float average(float sum, int count) {
  return sum / static_cast<float>(count);
}

// One row through a box of `window`.
void box_row(const float* in, float* out, int n, int window) {
  const int reach = reach_of(window);
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

// The same box down all columns at once, fed row by row. `push` and `drain` give the next output
// row, or null when the window needs more rows, or none is left.
class BoxColumns {
 public:
  BoxColumns(int width, int height)
      : width_(static_cast<std::size_t>(width)),
        height_(height),
        window_(window_of(height)),
        reach_(reach_of(window_)),
        ring_(width_ * static_cast<std::size_t>(window_)),
        sums_(width_),
        out_(width_) {}

  const float* push(const float* row) {
    // A full ring's next place holds the row that leaves the window.
    float* place = ring_row(pushed_);
    const bool full = pushed_ >= window_;
    ++pushed_;
    for (std::size_t x = 0; x < width_; ++x) {
      float sum = sums_[x] + row[x];
      if (full) sum -= place[x];
      sums_[x] = sum;
    }
    std::copy_n(row, width_, place);
    if (!full) ++count_;
    return pushed_ >= reach_ ? emit() : nullptr;
  }

  const float* drain() {
    if (emitted_ == height_) return nullptr;
    const float* leaving = ring_row(height_ - count_);
    for (std::size_t x = 0; x < width_; ++x) sums_[x] -= leaving[x];
    --count_;
    return emit();
  }

 private:
  float* ring_row(int y) { return ring_.data() + static_cast<std::size_t>(y % window_) * width_; }

  const float* emit() {
    ++emitted_;
    for (std::size_t x = 0; x < width_; ++x) out_[x] = average(sums_[x], count_);
    return out_.data();
  }

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

// Where sample k lies on an axis of `side` pixels.
int sample_place(int k, int side) {
  return static_cast<int>((k + 0.5) * side / kSample);
}

// The whole way from rows of luma to the sample.
class Reducer {
 public:
  Reducer(int width, int height)
      : width_(width),
        height_(height),
        row_window_(window_of(width)),
        first_(width, height),
        second_(width, height),
        row_(static_cast<std::size_t>(width)) {}

  void push(const float* luma) {
    box_row(luma, row_.data(), width_, row_window_);
    if (const float* out = first_.push(row_.data())) push_second(out);
  }

  const Sample& finish() {
    while (const float* out = first_.drain()) push_second(out);
    while (const float* out = second_.drain()) take(out);
    return sample_;
  }

 private:
  void push_second(const float* once) {
    box_row(once, row_.data(), width_, row_window_);
    if (const float* out = second_.push(row_.data())) take(out);
  }

  void take(const float* twice) {
    // A picture lower than the sample gives one row to several.
    for (; next_ < kSample && sample_place(next_, height_) == y_; ++next_) {
      for (int k = 0; k < kSample; ++k) {
        sample_[static_cast<std::size_t>(next_ * kSample + k)] = twice[sample_place(k, width_)];
      }
    }
    ++y_;
  }

  int width_;
  int height_;
  int row_window_;
  BoxColumns first_;
  BoxColumns second_;
  std::vector<float> row_;
  Sample sample_{};
  int next_ = 0;  // sample row wanted
  int y_ = 0;     // filtered row taken
};

int quality_of(const Sample& sample) {
  constexpr int kDivisor = 90;  // the reference's: a lively picture's sum ends near 9000
  const auto step = [](float u, float v) {
    return std::abs(static_cast<int>((u - v) * 100 / 255));
  };
  int sum = 0;
  for (std::size_t i = 0; i + 1 < kSample; ++i) {
    for (std::size_t j = 0; j < kSample; ++j) {
      sum += step(sample[i * kSample + j], sample[(i + 1) * kSample + j]);
    }
  }
  for (std::size_t i = 0; i < kSample; ++i) {
    for (std::size_t j = 0; j + 1 < kSample; ++j) {
      sum += step(sample[i * kSample + j], sample[i * kSample + j + 1]);
    }
  }
  return std::min(sum / kDivisor, 100);
}

// Rows 1 to 16 of the 64-point cosine transform; row 0, the mean, says nothing about the picture.
std::array<float, kSpectrum * kSample> cosine_rows() {
  std::array<float, kSpectrum * kSample> rows{};
  const float scale = static_cast<float>(std::sqrt(2.0 / kSample));
  for (int i = 0; i < kSpectrum; ++i) {
    for (int j = 0; j < kSample; ++j) {
      rows[static_cast<std::size_t>(i * kSample + j)] = static_cast<float>(
          scale * std::cos((std::numbers::pi / 2 / kSample) * (i + 1) * (2 * j + 1)));
    }
  }
  return rows;
}

Spectrum transform(const Sample& sample) {
  static const auto kCosine = cosine_rows();
  std::array<float, kSpectrum * kSample> half{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSample; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < kSample; ++k) {
        sum += kCosine[i * kSample + k] * sample[k * kSample + j];
      }
      half[i * kSample + j] = sum;
    }
  }
  Spectrum out{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < kSample; ++k) {
        sum += half[i * kSample + k] * kCosine[j * kSample + k];
      }
      out[i * kSpectrum + j] = sum;
    }
  }
  return out;
}

Pdq bits_of(const Spectrum& spectrum) {
  Spectrum sorted = spectrum;
  // The lower median: the 128th smallest of 256.
  const auto middle = sorted.begin() + (kPdqBits / 2 - 1);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float median = *middle;
  Pdq out;
  for (std::size_t bit = 0; bit < spectrum.size(); ++bit) {
    if (spectrum[bit] > median) out.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  return out;
}

// Turning a picture transposes its spectrum and changes the sign of its odd or even rows and
// columns.
Spectrum turned(const Spectrum& b, Turn turn) {
  const bool transpose = turn == Turn::kRotate90 || turn == Turn::kRotate270 ||
                         turn == Turn::kFlipPlus1 || turn == Turn::kFlipMinus1;
  const auto negative = [turn](std::size_t i, std::size_t j) {
    switch (turn) {
      case Turn::kOriginal:
      case Turn::kFlipPlus1:
        return false;
      case Turn::kRotate90:
      case Turn::kFlipY:
        return j % 2 == 0;
      case Turn::kRotate270:
      case Turn::kFlipX:
        return i % 2 == 0;
      case Turn::kRotate180:
      case Turn::kFlipMinus1:
        return (i + j) % 2 == 1;
    }
    return false;
  };
  Spectrum out{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      const float value = transpose ? b[j * kSpectrum + i] : b[i * kSpectrum + j];
      out[i * kSpectrum + j] = negative(i, j) ? -value : value;
    }
  }
  return out;
}

struct Look {
  Spectrum spectrum{};
  int quality = 0;
  bool empty = false;  // too small to hold a picture
};

template <class T>
Result<void> check_plane(std::span<const T> plane, int width, int height, std::size_t channels) {
  if (width < 1 || height < 1) return fail(Code::kInvalid, "a picture has at least one pixel");
  if (width > kMaxSide || height > kMaxSide) {
    return fail(Code::kTooLarge, "a side of " + std::to_string(std::max(width, height)) +
                                     " pixels is above " + std::to_string(kMaxSide));
  }
  if (plane.size() !=
      channels * static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
    return fail(Code::kInvalid, "the number of pixels is not width times height");
  }
  return {};
}

// `row_of(y)` gives row y of the luma, valid until the next call.
template <class RowOf>
Look look(int width, int height, RowOf row_of) {
  Look out;
  if (width < kMinHashedSide || height < kMinHashedSide) {
    out.empty = true;
    return out;
  }
  Sample sample{};
  if (width == kSample && height == kSample) {
    for (int y = 0; y < kSample; ++y) {
      std::copy_n(row_of(y), kSample, sample.begin() + y * kSample);
    }
  } else {
    Reducer reducer(width, height);
    for (int y = 0; y < height; ++y) reducer.push(row_of(y));
    sample = reducer.finish();
  }
  out.quality = quality_of(sample);
  out.spectrum = transform(sample);
  return out;
}

Result<Look> look_luma(std::span<const float> luma, int width, int height) {
  ENTENTE_CHECK_OK(check_plane(luma, width, height, 1));
  // Written so that NaN fails too.
  if (!std::all_of(luma.begin(), luma.end(), [](float v) { return v >= 0 && v <= 255; })) {
    return fail(Code::kInvalid, "luma lies between 0 and 255");
  }
  return look(width, height, [&](int y) {
    return luma.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
  });
}

Result<Look> look_rgb(std::span<const std::uint8_t> rgb, int width, int height) {
  ENTENTE_CHECK_OK(check_plane(rgb, width, height, 3));
  std::vector<float> row(static_cast<std::size_t>(width));
  return look(width, height, [&](int y) {
    const std::uint8_t* p = rgb.data() + static_cast<std::size_t>(y) * row.size() * 3;
    for (float& value : row) {
      value = 0.299F * static_cast<float>(p[0]) + 0.587F * static_cast<float>(p[1]) +
              0.114F * static_cast<float>(p[2]);
      p += 3;
    }
    return static_cast<const float*>(row.data());
  });
}

PdqResult single(const Look& seen) {
  if (seen.empty) return {};
  return {bits_of(seen.spectrum), seen.quality};
}

PdqDihedralResult all_turns(const Look& seen) {
  if (seen.empty) return {};
  PdqDihedralResult out;
  out.quality = seen.quality;
  for (std::size_t t = 0; t < out.hashes.size(); ++t) {
    out.hashes[t] = bits_of(turned(seen.spectrum, static_cast<Turn>(t)));
  }
  return out;
}

}  // namespace

std::string Pdq::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(kPdqHexDigits, '0');
  for (std::size_t n = 0; n < out.size(); ++n) {
    const std::size_t low_bit = kPdqBits - 4 * (n + 1);
    out[n] = kDigits[(words[low_bit / 64] >> (low_bit % 64)) & 15U];
  }
  return out;
}

Result<Pdq> Pdq::parse(std::string_view hex64) {
  if (hex64.size() != kPdqHexDigits) {
    return fail(Code::kInvalid, "a PDQ hash has 64 hexadecimal digits");
  }
  Pdq out;
  for (std::size_t n = 0; n < hex64.size(); ++n) {
    const char c = hex64[n];
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else {
      return fail(Code::kInvalid, "a PDQ hash is written in lower-case hexadecimal digits");
    }
    const std::size_t low_bit = kPdqBits - 4 * (n + 1);
    out.words[low_bit / 64] |= digit << (low_bit % 64);
  }
  return out;
}

int Pdq::distance(const Pdq& other) const {
  int out = 0;
  for (std::size_t w = 0; w < words.size(); ++w) out += std::popcount(words[w] ^ other.words[w]);
  return out;
}

Result<PdqResult> pdq_from_luma(std::span<const float> luma, int width, int height) {
  ENTENTE_TRY(seen, look_luma(luma, width, height));
  return single(seen);
}

Result<PdqDihedralResult> pdq_dihedral_from_luma(std::span<const float> luma, int width,
                                                 int height) {
  ENTENTE_TRY(seen, look_luma(luma, width, height));
  return all_turns(seen);
}

Result<PdqResult> pdq_from_rgb(std::span<const std::uint8_t> rgb, int width, int height) {
  ENTENTE_TRY(seen, look_rgb(rgb, width, height));
  return single(seen);
}

Result<PdqDihedralResult> pdq_dihedral_from_rgb(std::span<const std::uint8_t> rgb, int width,
                                                int height) {
  ENTENTE_TRY(seen, look_rgb(rgb, width, height));
  return all_turns(seen);
}

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_spectrum.h"

#include <algorithm>
#include <limits>

#include "entente/fingerprint/pdq_axis.h"

namespace entente::fingerprint {
namespace {

int quality_of(int gradient_sum) {
  constexpr int kDivisor = 90;  // the reference's: a lively picture's sum ends near 9000
  return std::min(gradient_sum / kDivisor, 100);
}

struct Quality {
  int value = 0;
  bool settled = false;
};

Quality quality_of(const Sample& sample, const Margins& margins, const Kernels& kernels) {
  // In the unit of the gradient.
  const GradientSum sum = kernels.gradients(sample, margins.difference * 100 / 255);
  const int value = quality_of(sum.value);
  return {value, quality_of(sum.least) == value && quality_of(sum.most) == value};
}

bool bit_at(const Pdq& hash, std::size_t bit) {
  return (hash.words[bit / 64] >> (bit % 64) & 1U) != 0;
}
void set_bit(Pdq& hash, std::size_t bit) {
  hash.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

// Mirroring a picture changes the sign of the odd or even rows or columns of its spectrum.
Spectrum mirrored(const Spectrum& b, Turn turn) {
  const std::size_t rows = turn == Turn::kFlipX ? 1 : 0;
  const std::size_t columns = turn == Turn::kFlipY ? 1 : 0;
  Spectrum out{};
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      const std::size_t parity =
          turn == Turn::kRotate180 ? i + j : (rows * (i + 1) + columns * (j + 1));
      const float value = b[i * kSpectrum + j];
      out[i * kSpectrum + j] = parity % 2 == 1 ? -value : value;
    }
  }
  return out;
}

// Laying it over its main diagonal transposes the spectrum, and so the hash: the median stays.
Pdq transposed(const Pdq& hash) {
  Pdq out;
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      if (bit_at(hash, j * kSpectrum + i)) set_bit(out, i * kSpectrum + j);
    }
  }
  return out;
}

// The four turns that mirror, and what each becomes when laid over the diagonal.
struct Pair {
  Turn mirror;
  Turn diagonal;
};
constexpr std::array<Pair, 4> kPairs = {{{Turn::kOriginal, Turn::kFlipPlus1},
                                         {Turn::kFlipX, Turn::kRotate90},
                                         {Turn::kFlipY, Turn::kRotate270},
                                         {Turn::kRotate180, Turn::kFlipMinus1}}};

}  // namespace

float Margins::of(std::size_t i, std::size_t j) const {
  const auto order = static_cast<float>(std::min(i, j) + 1);
  return floor + drift / (order * order);
}

Margins margins_for(int width, int height, Pixels pixels) {
  // The wider the window, the larger the sums and their rounding. The numbers: README.md.
  const auto window = static_cast<float>(box_window(std::max(width, height)));
  if (pixels == Pixels::kLuma) {
    // Sums of bytes are exact in the first pass; with windows of one or two pixels in all four, as
    // a quotient then has at most four binary places.
    if (window <= 2) return {};
    return {
        .drift = std::min(0.02F + 0.0025F * window, 0.06F), .floor = 0.001F, .difference = 0.016F};
  }
  return {.drift = 0.03F + 0.006F * window, .floor = 0.0025F, .difference = 0.04F};
}

Pdq bits_of(const Spectrum& spectrum) {
  Spectrum sorted = spectrum;
  // The lower median: the 128th smallest of 256.
  const auto middle = sorted.begin() + (kPdqBits / 2 - 1);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float median = *middle;
  Pdq out;
  for (std::size_t bit = 0; bit < spectrum.size(); ++bit) {
    if (spectrum[bit] > median) set_bit(out, bit);
  }
  return out;
}

bool bits_settled(const Spectrum& spectrum, const Pdq& bits, const Margins& margins) {
  float least_above = std::numeric_limits<float>::max();
  float most_below = std::numeric_limits<float>::lowest();
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      const std::size_t bit = i * kSpectrum + j;
      if (bit_at(bits, bit)) {
        least_above = std::min(least_above, spectrum[bit] - margins.of(i, j));
      } else {
        most_below = std::max(most_below, spectrum[bit] + margins.of(i, j));
      }
    }
  }
  return least_above > most_below;
}

Look look_at(const Sample& sample, const Margins& margins, const Kernels& kernels) {
  const Quality quality = quality_of(sample, margins, kernels);
  const Spectrum spectrum = kernels.transform(sample);
  const Pdq bits = bits_of(spectrum);
  return {{bits, quality.value}, quality.settled && bits_settled(spectrum, bits, margins)};
}

DihedralLook look_at_all(const Sample& sample, const Margins& margins, const Kernels& kernels) {
  const Quality quality = quality_of(sample, margins, kernels);
  const Spectrum spectrum = kernels.transform(sample);
  DihedralLook out{{{}, quality.value}, quality.settled};
  for (const Pair& pair : kPairs) {
    const Spectrum mirror = mirrored(spectrum, pair.mirror);
    const Pdq bits = bits_of(mirror);
    out.settled = out.settled && bits_settled(mirror, bits, margins);
    out.pdq.hashes[static_cast<std::size_t>(pair.mirror)] = bits;
    out.pdq.hashes[static_cast<std::size_t>(pair.diagonal)] = transposed(bits);
  }
  return out;
}

}  // namespace entente::fingerprint

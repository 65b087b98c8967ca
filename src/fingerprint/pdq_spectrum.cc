// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_spectrum.h"

#include <algorithm>
#include <cmath>

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
  // Two samples off by the margin each, in the unit of the gradient.
  const GradientSum sum = kernels.gradients(sample, 2 * margins.sample * 100 / 255);
  const int value = quality_of(sum.value);
  return {value, quality_of(sum.least) == value && quality_of(sum.most) == value};
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

}  // namespace

Margins margins_for(int width, int height) {
  (void)width;
  (void)height;
  return {0.01F, 0.01F};
}

Bits bits_of(const Spectrum& spectrum) {
  Spectrum sorted = spectrum;
  // The lower median: the 128th smallest of 256.
  const auto middle = sorted.begin() + (kPdqBits / 2 - 1);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float median = *middle;
  Bits out;
  out.gap = *std::min_element(middle + 1, sorted.end()) - median;
  for (std::size_t bit = 0; bit < spectrum.size(); ++bit) {
    if (spectrum[bit] > median) out.hash.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  return out;
}

Look look_at(const Sample& sample, const Margins& margins, const Kernels& kernels) {
  const Quality quality = quality_of(sample, margins, kernels);
  const Bits bits = bits_of(kernels.transform(sample));
  return {{bits.hash, quality.value}, quality.settled && bits.gap > 2 * margins.spectrum};
}

DihedralLook look_at_all(const Sample& sample, const Margins& margins, const Kernels& kernels) {
  const Quality quality = quality_of(sample, margins, kernels);
  const Spectrum spectrum = kernels.transform(sample);
  DihedralLook out{{{}, quality.value}, quality.settled};
  for (std::size_t t = 0; t < out.pdq.hashes.size(); ++t) {
    const Bits bits = bits_of(turned(spectrum, static_cast<Turn>(t)));
    out.pdq.hashes[t] = bits.hash;
    out.settled = out.settled && bits.gap > 2 * margins.spectrum;
  }
  return out;
}

}  // namespace entente::fingerprint

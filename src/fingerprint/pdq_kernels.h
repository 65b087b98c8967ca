// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of PDQ, compiled once per instruction set from one text. Same bits on each: byte
// sums are whole numbers; float sums are made either lane by lane, each lane in the published
// order, or in eight lanes joined in one fixed order; nothing is fused.
//
// Internal to fingerprint/. Pure, thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "entente/fingerprint/pdq_axis.h"
#include "entente/fingerprint/pdq_rows.h"

namespace entente::fingerprint {

inline constexpr int kSpectrum = 16;  // side of the spectrum's corner
using Sample = std::array<float, kSample * kSample>;
using Spectrum = std::array<float, kSpectrum * kSpectrum>;

// Dot products are made in eight lanes; weights are padded with zeros to whole groups of them.
inline constexpr std::size_t kLanes = 8;
// The largest sum of weights under which bytes may be added in 16 bits: 257 · 255 = 65,535.
inline constexpr std::uint32_t kMaxNarrowWeight = 257;

struct Dot {
  std::size_t from = 0;    // first value
  std::size_t begin = 0;   // first weight
  std::size_t padded = 0;  // weights, a multiple of kLanes; as many values are read
  double scale = 0;        // the sample is dot · scale, rounded to float
};
struct Dots {
  std::array<Dot, kSample> of{};
  const double* weights = nullptr;
};

// The sum of gradients, and its bounds when each gradient may be off by `slack`.
struct GradientSum {
  int least = 0;
  int value = 0;
  int most = 0;
};

struct Kernels {
  const char* name;
  // sums += weight · row. Narrow: see kMaxNarrowWeight.
  void (*add_narrow)(std::uint16_t* sums, const std::uint8_t* row, std::uint16_t weight,
                     std::size_t n);
  void (*add_wide)(std::uint32_t* sums, const std::uint8_t* row, std::uint32_t weight,
                   std::size_t n);
  void (*add_floats)(double* sums, const float* row, double weight, std::size_t n);
  // wide (+)= narrow; narrow = 0.
  void (*widen)(std::uint32_t* wide, std::uint16_t* narrow, bool first, std::size_t n);
  // One row of the sample.
  void (*project_sums)(const std::uint32_t* sums, const Dots& dots, double row_scale, float* out);
  void (*project_doubles)(const double* sums, const Dots& dots, double row_scale, float* out);
  // Whether all values lie in 0 … 255; NaN does not.
  bool (*in_range)(const float* values, std::size_t n);
  GradientSum (*gradients)(const Sample& sample, float slack);
  Spectrum (*transform)(const Sample& sample);
};

// kBest: the widest. Null when the machine lacks it.
const Kernels* kernels_of(CpuPath path);

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of the published box filter: sixteen rows side by side, or all columns side by
// side. Every running sum adds and subtracts in the published order. Once per instruction set, same
// bits on each.
//
// Internal to fingerprint/. Pure, thread-safe.
#pragma once

#include <cstddef>

#include "entente/fingerprint/pdq_rows.h"

namespace entente::fingerprint {

inline constexpr std::size_t kRowGroup = 16;

struct BoxKernels {
  // Sixteen rows of n values become n columns of sixteen, and back.
  void (*to_columns)(const float* rows, float* columns, std::size_t n);
  void (*to_rows)(const float* columns, float* rows, std::size_t n);
  // The box along n columns of sixteen: all outputs, or the 64 that are sampled.
  void (*box)(const float* in, float* out, int n);
  void (*box_sampled)(const float* in, float* out, int n);
  // One row enters a full window of rows and `place`, the oldest, leaves it and is replaced:
  // sums = (sums + row) - place; place = row; out = sums / divisor.
  void (*slide)(const float* row, float* place, float* sums, float* out, float divisor,
                std::size_t n);
};

// kernels_of(path) must not be null.
const BoxKernels& box_kernels_of(CpuPath path);

}  // namespace entente::fingerprint

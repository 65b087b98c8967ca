// SPDX-License-Identifier: Apache-2.0
//
// From the 64×64 sample to hashes and quality, and whether rounding could have decided any of it.
//
// The operator and the published steps differ by the rounding of the latter's running sums. That
// error drifts along rows and down columns, so it is largest in the lowest row and column of the
// spectrum. The margins are several times the largest error met on photographs, and more than any
// met on synthetic patterns made to provoke it (README.md, tests/pdq). They are measured, not
// proven: a proven bound would be so wide that every picture took the slow road.
//
// Internal to fingerprint/. Pure, thread-safe.
#pragma once

#include "entente/fingerprint/pdq.h"
#include "entente/fingerprint/pdq_kernels.h"

namespace entente::fingerprint {

// How far the operator may lie from the published steps. Zero: not at all.
struct Margins {
  float drift = 0;  // of value (i, j) of the spectrum: floor + drift / (min(i, j) + 1)²
  float floor = 0;
  float difference = 0;  // of the difference between two neighbouring samples

  float of(std::size_t i, std::size_t j) const;
};
// For a full-size picture of this size, by whether its luma is whole numbers.
Margins margins_for(int width, int height, Pixels pixels);

// One bit for each value above the median.
Pdq bits_of(const Spectrum& spectrum);
// Whether no bit changes while every value moves by no more than its margin: the least above the
// median stays above the greatest of the others.
bool bits_settled(const Spectrum& spectrum, const Pdq& bits, const Margins& margins);

struct Look {
  PdqResult pdq;
  bool settled = false;
};
struct DihedralLook {
  PdqDihedralResult pdq;
  bool settled = false;
};
Look look_at(const Sample& sample, const Margins& margins, const Kernels& kernels);
DihedralLook look_at_all(const Sample& sample, const Margins& margins, const Kernels& kernels);

}  // namespace entente::fingerprint

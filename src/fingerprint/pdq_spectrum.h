// SPDX-License-Identifier: Apache-2.0
//
// From the 64×64 sample to hashes and quality, and whether rounding could have decided any of it.
//
// Internal to fingerprint/. Pure, thread-safe.
#pragma once

#include "entente/fingerprint/pdq.h"
#include "entente/fingerprint/pdq_kernels.h"

namespace entente::fingerprint {

// How far the operator's sample and spectrum may lie from the published steps'. Zero: they are
// theirs.
struct Margins {
  float sample = 0;
  float spectrum = 0;
};
// For a full-size picture of this size.
Margins margins_for(int width, int height);

// The hash of a spectrum, and by how much the least value above the median exceeds it: while every
// value moves by less than half of that, no bit changes.
struct Bits {
  Pdq hash;
  float gap = 0;
};
Bits bits_of(const Spectrum& spectrum);

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

// SPDX-License-Identifier: Apache-2.0
//
// How far hashes from cheaper decodings lie from the strict ones, printed as the table of
// src/fingerprint/README.md.
#pragma once

#include "../photographs.h"
#include "entente/fingerprint/pdq.h"

namespace entente::bench {

// The hash of a picture of width × height that was decoded at 1/scale.
fingerprint::PdqResult scaled_pdq(const Raster& decoded, int width, int height, int scale);

void print_distances();

}  // namespace entente::bench

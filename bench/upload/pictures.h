// SPDX-License-Identifier: Apache-2.0
//
// The files that are uploaded, and the yardstick: libjpeg-turbo decoding them to luma and doing
// nothing else.
#pragma once

#include <string>
#include <vector>

#include "entente/core/bytes.h"

namespace entente::bench {

// Cut from Debian's mate-backgrounds at their own resolution, JPEG quality 85, 4:2:0, baseline. A
// side longer than the photograph's is filled by mirroring it, which keeps its texture.
std::vector<Bytes> pictures(const std::string& folder, int width, int height);

// Full size, accurate DCT, luma only, every row. A number that depends on all of them.
std::uint64_t decode_luma(const Bytes& file);

}  // namespace entente::bench

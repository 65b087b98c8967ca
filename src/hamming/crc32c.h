// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds damage, not forgery. By the processor's own
// instruction where it has one, which is faster than memory. Pure functions.
#pragma once

#include <cstdint>

#include "entente/core/bytes.h"

namespace entente::hamming {

// The checksum of `bytes`, or of what came before and them when `before` is its checksum.
std::uint32_t crc32c(ByteView bytes, std::uint32_t before = 0);
// The same without the instruction.
std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t before = 0);

}  // namespace entente::hamming

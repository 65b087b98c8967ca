// SPDX-License-Identifier: Apache-2.0
//
// The AVX-512 loops of kernels.h, in a unit of their own. Only to be called where the processor has
// them.
#pragma once

#include "entente/hamming/kernels.h"

#if defined(__x86_64__)
namespace entente::hamming {

std::size_t filter_avx512(const Run* runs, std::size_t count, Found* out);
std::size_t scan_avx512(const Columns& columns, std::size_t begin, std::size_t end,
                        const std::uint64_t* query, int radius, RowHit* out, std::size_t room,
                        std::size_t& next);

}  // namespace entente::hamming
#endif

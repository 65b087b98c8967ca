// SPDX-License-Identifier: Apache-2.0
//
// How one text becomes code for several instruction sets: loops marked ENTENTE_CORE are always
// inlined into functions that a target attribute compiles for one set, where the compiler
// vectorises them. Each float operation stays the one that is written, so all give the same bits;
// the files are built with -O3 and -ffp-contract=off (CMakeLists.txt).
//
// Internal to fingerprint/, for its .cc files.
#pragma once

#include <cstddef>
#include <cstdint>

#include "entente/fingerprint/pdq_kernels.h"

#define ENTENTE_CORE [[gnu::always_inline]] inline
#define ENTENTE_AVX2 [[gnu::target("avx2")]]
#define ENTENTE_AVX512 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]]

namespace entente::fingerprint {

// GNU vectors of `Bytes`, the width of the instruction set's own. Eight lanes are one or several
// of them: the lanes' sums are the same.
template <std::size_t Bytes>
struct Vectors;
#define ENTENTE_PDQ_VECTORS(bytes)                                          \
  template <>                                                               \
  struct Vectors<bytes> {                                                   \
    using Floats = float __attribute__((vector_size(bytes)));               \
    using Doubles = double __attribute__((vector_size(bytes)));             \
    using Longs = std::uint64_t __attribute__((vector_size(bytes)));        \
    using Wholes = std::uint32_t __attribute__((vector_size((bytes) / 2))); \
    static constexpr std::size_t kDoubles = (bytes) / sizeof(double);       \
    static constexpr std::size_t kPerLanes = kLanes / kDoubles;             \
    static constexpr std::size_t kFloats = (bytes) / sizeof(float);         \
  };
ENTENTE_PDQ_VECTORS(16)
ENTENTE_PDQ_VECTORS(32)
ENTENTE_PDQ_VECTORS(64)
#undef ENTENTE_PDQ_VECTORS

}  // namespace entente::fingerprint

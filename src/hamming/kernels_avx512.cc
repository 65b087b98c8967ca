// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/kernels_x86.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define ENTENTE_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512bitalg,avx512vpopcntdq,popcnt,bmi,bmi2")))

namespace entente::hamming {
namespace {

// Four rows: one bit in every second place for each whose first half is within the radius.
ENTENTE_AVX512 inline unsigned near_rows(__m512i rows, __m512i query, __m512i radius) {
  const __m512i counts = _mm512_popcnt_epi64(_mm512_xor_si512(rows, query));
  // The zeroing forms, because g++ 12 warns of its own undefined operand in the plain ones.
  const __m512i swapped = _mm512_maskz_shuffle_epi32(0xffff, counts, _MM_PERM_BADC);
  const __m512i sums = _mm512_add_epi64(counts, swapped);
  return static_cast<unsigned>(_mm512_cmple_epu64_mask(sums, radius)) & 0x55U;
}

ENTENTE_AVX512 inline int whole_distance(const Columns& columns, std::size_t row,
                                         const std::uint64_t* query) {
  const std::uint64_t* first = columns.first + 2 * row;
  const std::uint64_t* second = columns.second + 2 * row;
  return __builtin_popcountll(first[0] ^ query[0]) + __builtin_popcountll(first[1] ^ query[1]) +
         __builtin_popcountll(second[0] ^ query[2]) + __builtin_popcountll(second[1] ^ query[3]);
}

}  // namespace

ENTENTE_AVX512 std::size_t filter_avx512(const Run* runs, std::size_t count, Found* out) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    const __m512i wanted = _mm512_set1_epi16(static_cast<std::int16_t>(run.want));
    const __m512i most = _mm512_set1_epi16(run.bound);
    for (std::uint32_t at = 0; at < run.size; at += 32) {
      // The mask also keeps the load from touching what lies beyond.
      const std::uint32_t left = run.size - at;
      const __mmask32 valid = left >= 32 ? ~0U : (1U << left) - 1;
      const __m512i differ =
          _mm512_xor_si512(_mm512_maskz_loadu_epi16(valid, run.sketches + at), wanted);
      std::uint32_t hits = _mm512_mask_cmple_epi16_mask(valid, _mm512_popcnt_epi16(differ), most);
      while (hits != 0) {
        out[found++] = {static_cast<std::uint32_t>(i),
                        at + static_cast<std::uint32_t>(__builtin_ctz(hits))};
        hits &= hits - 1;
      }
    }
  }
  return found;
}

ENTENTE_AVX512 std::size_t scan_avx512(const Columns& columns, std::size_t begin, std::size_t end,
                                       const std::uint64_t* query, int radius, RowHit* out,
                                       std::size_t room, std::size_t& next) {
  const auto low = static_cast<long long>(query[0]);
  const auto high = static_cast<long long>(query[1]);
  const __m512i first = _mm512_set_epi64(high, low, high, low, high, low, high, low);
  const __m512i limit = _mm512_set1_epi64(radius);
  std::size_t found = 0;
  std::size_t row = begin;
  while (row < end && found + kScanStep <= room) {
    const std::uint64_t* at = columns.first + 2 * row;
    const std::size_t step = end - row < kScanStep ? end - row : kScanStep;
    std::uint32_t near = 0;
    if (step == kScanStep) {
      near = near_rows(_mm512_loadu_si512(at), first, limit) |
             near_rows(_mm512_loadu_si512(at + 8), first, limit) << 8 |
             near_rows(_mm512_loadu_si512(at + 16), first, limit) << 16 |
             near_rows(_mm512_loadu_si512(at + 24), first, limit) << 24;
    } else {
      const std::uint32_t words = (1U << (2 * step)) - 1;
      for (unsigned part = 0; part < 4; ++part) {
        const auto valid = static_cast<__mmask8>(words >> (8 * part));
        near |= (near_rows(_mm512_maskz_loadu_epi64(valid, at + 8 * part), first, limit) & valid)
                << (8 * part);
      }
    }
    while (near != 0) {
      const std::size_t candidate = row + static_cast<unsigned>(__builtin_ctz(near)) / 2;
      near &= near - 1;
      const int distance = whole_distance(columns, candidate, query);
      if (distance <= radius) {
        out[found++] = {static_cast<std::uint32_t>(candidate),
                        static_cast<std::uint16_t>(distance)};
      }
    }
    row += step;
  }
  next = row;
  return found;
}

}  // namespace entente::hamming
#endif

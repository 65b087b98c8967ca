// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/kernels.h"

#include <algorithm>

#include "entente/core/error.h"
#include "entente/hamming/kernels_x86.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace entente::hamming {
namespace {

// Built into each function below, so that the builtin becomes what that instruction set has for it.
[[gnu::always_inline]] inline int apart(const std::uint64_t* a, const std::uint64_t* b) {
  return __builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]);
}

[[gnu::always_inline]] inline std::size_t filter_plain(const Run* runs, std::size_t count,
                                                       Found* out) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    for (std::uint32_t at = 0; at < run.size; ++at) {
      const auto differ = static_cast<unsigned>(run.sketches[at] ^ run.want);
      out[found] = {static_cast<std::uint32_t>(i), at};
      found += __builtin_popcount(differ) <= run.bound ? 1 : 0;
    }
  }
  return found;
}

[[gnu::always_inline]] inline std::size_t scan_plain(const Columns& columns, std::size_t begin,
                                                     std::size_t end, const std::uint64_t* query,
                                                     int radius, RowHit* out, std::size_t room,
                                                     std::size_t& next) {
  std::size_t found = 0;
  std::size_t row = begin;
  for (; row < end && found + kScanStep <= room; ++row) {
    const int near = apart(columns.first + 2 * row, query);
    if (near > radius) continue;
    const int distance = near + apart(columns.second + 2 * row, query + 2);
    if (distance <= radius) {
      out[found++] = {static_cast<std::uint32_t>(row), static_cast<std::uint16_t>(distance)};
    }
  }
  next = row;
  return found;
}

[[gnu::always_inline]] inline void distances_plain(const Columns& columns,
                                                   const std::uint32_t* rows, std::size_t count,
                                                   const std::uint64_t* query, std::uint16_t* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = 2 * static_cast<std::size_t>(rows[i]);
    out[i] = static_cast<std::uint16_t>(apart(columns.first + at, query) +
                                        apart(columns.second + at, query + 2));
  }
}

std::size_t filter_portable(const Run* runs, std::size_t count, Found* out) {
  return filter_plain(runs, count, out);
}
std::size_t scan_portable(const Columns& columns, std::size_t begin, std::size_t end,
                          const std::uint64_t* query, int radius, RowHit* out, std::size_t room,
                          std::size_t& next) {
  return scan_plain(columns, begin, end, query, radius, out, room, next);
}
void distances_portable(const Columns& columns, const std::uint32_t* rows, std::size_t count,
                        const std::uint64_t* query, std::uint16_t* out) {
  distances_plain(columns, rows, count, query, out);
}

constexpr Kernels kPortableKernels{filter_portable, scan_portable, distances_portable};

#if defined(__x86_64__)
__attribute__((target("popcnt"))) std::size_t filter_popcnt(const Run* runs, std::size_t count,
                                                            Found* out) {
  return filter_plain(runs, count, out);
}
__attribute__((target("popcnt"))) std::size_t scan_popcnt(const Columns& columns, std::size_t begin,
                                                          std::size_t end,
                                                          const std::uint64_t* query, int radius,
                                                          RowHit* out, std::size_t room,
                                                          std::size_t& next) {
  return scan_plain(columns, begin, end, query, radius, out, room, next);
}
__attribute__((target("popcnt"))) void distances_popcnt(const Columns& columns,
                                                        const std::uint32_t* rows,
                                                        std::size_t count,
                                                        const std::uint64_t* query,
                                                        std::uint16_t* out) {
  distances_plain(columns, rows, count, query, out);
}

// Counts bits by looking up each half byte; the two bytes of a sketch are then added.
__attribute__((target("avx2,popcnt"))) std::size_t filter_avx2(const Run* runs, std::size_t count,
                                                               Found* out) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                         1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(0x0f);
  const __m256i ones = _mm256_set1_epi8(1);
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    const __m256i wanted = _mm256_set1_epi16(static_cast<std::int16_t>(run.want));
    const __m256i above = _mm256_set1_epi16(static_cast<std::int16_t>(run.bound + 1));
    for (std::uint32_t at = 0; at < run.size; at += 16) {
      const __m256i differ = _mm256_xor_si256(
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(run.sketches + at)), wanted);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(differ, 4), low);
      const __m256i bytes =
          _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(differ, low)),
                          _mm256_shuffle_epi8(table, high));
      const __m256i counts = _mm256_maddubs_epi16(bytes, ones);
      auto hits =
          static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi16(above, counts)));
      hits &= 0x55555555U;
      const std::uint32_t left = run.size - at;
      if (left < 16) hits &= (1U << (2 * left)) - 1;
      while (hits != 0) {
        out[found++] = {static_cast<std::uint32_t>(i),
                        at + static_cast<std::uint32_t>(__builtin_ctz(hits)) / 2};
        hits &= hits - 1;
      }
    }
  }
  return found;
}

constexpr Kernels kPopcntKernels{filter_popcnt, scan_popcnt, distances_popcnt};
// A scan waits for memory whatever the instructions; AVX2 has none that count.
constexpr Kernels kAvx2Kernels{filter_avx2, scan_popcnt, distances_popcnt};
constexpr Kernels kAvx512Kernels{filter_avx512, scan_avx512, distances_popcnt};
#endif

}  // namespace

std::string_view cpu_name(Cpu cpu) {
  switch (cpu) {
    case Cpu::kPortable:
      return "portable";
    case Cpu::kPopcnt:
      return "popcnt";
    case Cpu::kAvx2:
      return "avx2";
    case Cpu::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Cpu> available_cpus() {
  std::vector<Cpu> out{Cpu::kPortable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt") == 0) return out;
  out.push_back(Cpu::kPopcnt);
  if (__builtin_cpu_supports("avx2") == 0) return out;
  out.push_back(Cpu::kAvx2);
  if (__builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512bitalg") != 0 &&
      __builtin_cpu_supports("avx512vpopcntdq") != 0 && __builtin_cpu_supports("bmi2") != 0)
    out.push_back(Cpu::kAvx512);
#endif
  return out;
}

Cpu best_cpu() {
  static const Cpu kBest = available_cpus().back();
  return kBest;
}

const Kernels& kernels_for(Cpu cpu) {
  const auto all = available_cpus();
  check(std::find(all.begin(), all.end(), cpu) != all.end(),
        "this machine lacks that instruction set");
#if defined(__x86_64__)
  if (cpu == Cpu::kPopcnt) return kPopcntKernels;
  if (cpu == Cpu::kAvx2) return kAvx2Kernels;
  if (cpu == Cpu::kAvx512) return kAvx512Kernels;
#endif
  return kPortableKernels;
}

}  // namespace entente::hamming

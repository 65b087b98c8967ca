// SPDX-License-Identifier: Apache-2.0
//
// The inner loops, once per instruction set, chosen at run time. Every set gives the same answers:
// kernels_test.cc holds them against each other, index_test.cc whole searches.
//
// Pure functions over memory that the caller vouches for: `begin`, `end` and row numbers are in
// range, and sketches may be read (not used) up to kSketchSlack entries beyond their run's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace entente::hamming {

// What an AVX2 load may read past the last sketch.
inline constexpr std::size_t kSketchSlack = 32;

enum class Cpu : std::uint8_t {
  kPortable,  // no instruction beyond the compiler's base set
  kPopcnt,    // x86 since 2008
  kAvx2,
  kAvx512,  // with BITALG and VPOPCNTDQ: Ice Lake, Zen 4 and later
};
std::string_view cpu_name(Cpu cpu);

// The two halves of each hash, in columns of their own: of unlike hashes the first is enough.
struct Columns {
  const std::uint64_t* first = nullptr;   // 2 words a row
  const std::uint64_t* second = nullptr;  // 2 words a row
};

struct RowHit {
  std::uint32_t row;
  std::uint16_t distance;
};

// A run of sketches, and what is sought in it.
// No initial values here: a search keeps thousands of these on its stack and uses few.
struct Run {
  const std::uint16_t* sketches;
  std::uint32_t size;
  std::uint16_t want;
  std::int8_t bound;  // bits a sketch may differ in
  std::uint8_t band;  // the caller's
};
struct Found {
  std::uint32_t run;
  std::uint32_t at;  // in that run
};

struct Kernels {
  // The sketches of each run within its bound. Returns how many; `out` has room for all.
  std::size_t (*filter)(const Run* runs, std::size_t count, Found* out);
  // Rows of [begin, end) within `radius` of the query, in order. Stops when fewer than kScanStep
  // places are left in `out`; `next` is where to go on.
  std::size_t (*scan)(const Columns& columns, std::size_t begin, std::size_t end,
                      const std::uint64_t* query, int radius, RowHit* out, std::size_t room,
                      std::size_t& next);
  // The whole distance of each row named.
  void (*distances)(const Columns& columns, const std::uint32_t* rows, std::size_t count,
                    const std::uint64_t* query, std::uint16_t* out);
};
inline constexpr std::size_t kScanStep = 16;

// The sets this machine has, slowest first.
std::vector<Cpu> available_cpus();
Cpu best_cpu();
// `cpu` must be available.
const Kernels& kernels_for(Cpu cpu);

}  // namespace entente::hamming

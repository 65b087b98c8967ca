// SPDX-License-Identifier: Apache-2.0
#include "scan_limit.h"

#include <sys/mman.h>

#include <new>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace entente::bench {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Far enough ahead for memory's latency; four pages would lose the hardware's own streams.
constexpr std::size_t kAhead = 2048;

std::size_t rest(const std::uint64_t* a, const std::uint64_t* b) {
  return static_cast<std::size_t>(__builtin_popcountll(a[0] ^ b[0]) +
                                  __builtin_popcountll(a[1] ^ b[1]));
}

struct Columns {
  const std::uint64_t* first;
  const std::uint64_t* second;
  std::size_t rows;
};

void judge(const Columns& columns, std::size_t row, const std::uint64_t* query, std::size_t radius,
           std::vector<std::size_t>& out) {
  const std::size_t distance =
      rest(columns.first + 2 * row, query) + rest(columns.second + 2 * row, query + 2);
  if (distance <= radius) out.push_back(row);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) void scan_popcnt(const Columns& columns,
                                                   const std::uint64_t* query, std::size_t radius,
                                                   std::vector<std::size_t>& out) {
  for (std::size_t row = 0; row < columns.rows; ++row) {
    const std::uint64_t* at = columns.first + 2 * row;
    const auto near = static_cast<std::size_t>(__builtin_popcountll(at[0] ^ query[0]) +
                                               __builtin_popcountll(at[1] ^ query[1]));
    if (near <= radius) judge(columns, row, query, radius, out);
  }
}

#define ENTENTE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq")))

ENTENTE_AVX512 inline unsigned near_rows(const std::uint64_t* at, __m512i query, __m512i radius) {
  const __m512i counts = _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(at), query));
  const __m512i swapped = _mm512_maskz_shuffle_epi32(0xffff, counts, _MM_PERM_BADC);
  return _mm512_cmple_epu64_mask(_mm512_add_epi64(counts, swapped), radius);
}

ENTENTE_AVX512 void scan_avx512(const Columns& columns, const std::uint64_t* query,
                                std::size_t radius, std::vector<std::size_t>& out) {
  const auto low = static_cast<long long>(query[0]);
  const auto high = static_cast<long long>(query[1]);
  const __m512i first = _mm512_set_epi64(high, low, high, low, high, low, high, low);
  const __m512i limit = _mm512_set1_epi64(static_cast<long long>(radius));
  std::size_t row = 0;
  for (; row + 16 <= columns.rows; row += 16) {
    const std::uint64_t* at = columns.first + 2 * row;
    for (std::size_t line = 0; line < 4; ++line)
      __builtin_prefetch(reinterpret_cast<const char*>(at + 8 * line) + kAhead, 0, 3);
    const unsigned near = near_rows(at, first, limit) | near_rows(at + 8, first, limit) |
                          near_rows(at + 16, first, limit) | near_rows(at + 24, first, limit);
    if (near != 0)
      for (std::size_t i = row; i < row + 16; ++i) judge(columns, i, query, radius, out);
  }
  for (; row < columns.rows; ++row) judge(columns, row, query, radius, out);
}

ENTENTE_AVX512 std::uint64_t read_avx512(const std::uint64_t* words, std::size_t count) {
  __m512i a = _mm512_setzero_si512();
  __m512i b = _mm512_setzero_si512();
  for (std::size_t i = 0; i + 32 <= count; i += 32) {
    for (std::size_t line = 0; line < 4; ++line)
      __builtin_prefetch(reinterpret_cast<const char*>(words + i + 8 * line) + kAhead, 0, 3);
    a = _mm512_xor_si512(a, _mm512_load_si512(words + i));
    b = _mm512_xor_si512(b, _mm512_load_si512(words + i + 8));
    a = _mm512_xor_si512(a, _mm512_load_si512(words + i + 16));
    b = _mm512_xor_si512(b, _mm512_load_si512(words + i + 24));
  }
  alignas(64) std::uint64_t out[8];
  _mm512_store_si512(out, _mm512_xor_si512(a, b));
  return out[0] ^ out[1] ^ out[2] ^ out[3] ^ out[4] ^ out[5] ^ out[6] ^ out[7];
}

bool has_avx512() {
  static const bool kHas =
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vpopcntdq") != 0;
  return kHas;
}
#endif

}  // namespace

ScanLimit::ScanLimit(const std::vector<Pdq>& rows) : rows_(rows.size()) {
  const std::size_t column = (bytes() + kHugePage) / kHugePage * kHugePage;
  memory_ = ::mmap(nullptr, 2 * column + kHugePage, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  auto* start = static_cast<std::uint8_t*>(memory_);
  start += kHugePage - reinterpret_cast<std::uintptr_t>(start) % kHugePage;
  static_cast<void>(::madvise(start, 2 * column, MADV_HUGEPAGE));
  first_ = reinterpret_cast<std::uint64_t*>(start);
  second_ = reinterpret_cast<std::uint64_t*>(start + column);
  for (std::size_t row = 0; row < rows_; ++row) {
    first_[2 * row] = rows[row].words[0];
    first_[2 * row + 1] = rows[row].words[1];
    second_[2 * row] = rows[row].words[2];
    second_[2 * row + 1] = rows[row].words[3];
  }
}

ScanLimit::~ScanLimit() {
  const std::size_t column = (bytes() + kHugePage) / kHugePage * kHugePage;
  ::munmap(memory_, 2 * column + kHugePage);
}

std::vector<std::size_t> ScanLimit::search(const Pdq& query, int radius) const {
  std::vector<std::size_t> out;
  const Columns columns{first_, second_, rows_};
  const auto within = static_cast<std::size_t>(radius);
#if defined(__x86_64__)
  if (has_avx512())
    scan_avx512(columns, query.words.data(), within, out);
  else
    scan_popcnt(columns, query.words.data(), within, out);
#else
  for (std::size_t row = 0; row < rows_; ++row)
    judge(columns, row, query.words.data(), within, out);
#endif
  return out;
}

std::uint64_t ScanLimit::read_all() const {
#if defined(__x86_64__)
  if (has_avx512()) return read_avx512(first_, 2 * rows_);
#endif
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 2 * rows_; ++i) sum ^= first_[i];
  return sum;
}

}  // namespace entente::bench

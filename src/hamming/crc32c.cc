// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace entente::hamming {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected

using Table = std::array<std::uint32_t, 256>;

constexpr std::uint32_t shifted(std::uint32_t crc) {
  return (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
}

constexpr Table make_table() {
  Table table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = shifted(crc);
    table[i] = crc;
  }
  return table;
}
constexpr Table kTable = make_table();

#if defined(__x86_64__)
// The instruction takes three cycles and one can start in each: three thirds of a block go side by
// side. Moving a checksum past a third's zeros is linear, so four tables hold it.
constexpr std::size_t kThird = 1024;

struct Shift {
  std::array<Table, 4> byte;
};
constexpr Shift make_shift() {
  // The image of each bit, by pushing kThird zero bytes through the table.
  std::array<std::uint32_t, 32> images{};
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kThird; ++i) crc = kTable[crc & 0xff] ^ (crc >> 8);
    images[bit] = crc;
  }
  Shift shift{};
  for (std::uint32_t byte = 0; byte < 4; ++byte)
    for (std::uint32_t value = 0; value < 256; ++value) {
      std::uint32_t crc = 0;
      for (std::uint32_t bit = 0; bit < 8; ++bit)
        if (((value >> bit) & 1) != 0) crc ^= images[8 * byte + bit];
      shift.byte[byte][value] = crc;
    }
  return shift;
}

std::uint32_t past_a_third(std::uint64_t crc) {
  static constexpr Shift kShift = make_shift();
  return kShift.byte[0][crc & 0xff] ^ kShift.byte[1][(crc >> 8) & 0xff] ^
         kShift.byte[2][(crc >> 16) & 0xff] ^ kShift.byte[3][(crc >> 24) & 0xff];
}

std::uint64_t word_at(const std::uint8_t* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(ByteView bytes, std::uint32_t before) {
  std::uint64_t crc = ~before;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 3 * kThird; left -= 3 * kThird, at += 3 * kThird) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kThird; i += 8) {
      crc = _mm_crc32_u64(crc, word_at(at + i));
      second = _mm_crc32_u64(second, word_at(at + kThird + i));
      third = _mm_crc32_u64(third, word_at(at + 2 * kThird + i));
    }
    crc = past_a_third(past_a_third(crc) ^ second) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, word_at(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left != 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t before) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
  if (kHasInstruction) return crc32c_sse42(bytes, before);
#endif
  return crc32c_portable(bytes, before);
}

}  // namespace entente::hamming

// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a snapshot's header; private to snapshot.cc and its tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "entente/hamming/plan.h"
#include "entente/hamming/snapshot.h"

namespace entente::hamming {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kChecked = std::size_t{1} << 20;
inline constexpr std::array<char, 8> kMark{'E', 'N', 'T', 'H', 'A', 'M', 'M', '\n'};
inline constexpr std::uint32_t kVersion = 1;
// Reads otherwise on a machine of the other byte order.
inline constexpr std::uint32_t kByteOrder = 0x01020304;
inline constexpr std::size_t kTailEntryBytes = 40;

struct SegmentRecord {
  std::uint64_t block = 0;  // offsets in the file
  std::uint64_t dead = 0;
  std::uint64_t rows = 0;
  std::uint64_t distinct = 0;
  std::uint64_t id_base = 0;
  std::uint8_t id_bytes = 0;
  std::uint8_t row_bytes = 0;
  std::uint8_t bands = 0;
  std::uint8_t zero = 0;
  std::uint32_t zeros = 0;
  std::array<std::uint8_t, kMaxBands> widths{};
  std::array<std::uint8_t, kMaxBands> groups{};
  std::array<std::uint32_t, kMaxBands> lines{};  // 0: not lined
};

struct Header {
  std::array<char, 8> mark{};
  std::uint32_t version = 0;
  std::uint32_t byte_order = 0;
  std::uint64_t length = 0;
  std::uint64_t watermark = 0;
  std::uint64_t tail = 0;  // offset
  std::uint64_t tail_rows = 0;
  std::uint64_t checks = 0;  // offset
  std::uint32_t segments = 0;
  std::uint32_t checks_crc = 0;
  std::array<SegmentRecord, kMaxSegments> segment{};
  std::array<std::uint8_t, 188> zeros{};
  std::uint32_t crc = 0;  // of all before it
};
static_assert(sizeof(SegmentRecord) == 240);
static_assert(sizeof(Header) == kPage);

}  // namespace entente::hamming

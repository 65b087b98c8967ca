// SPDX-License-Identifier: Apache-2.0
//
// The file an index is saved to and mapped from. All numbers little-endian; every part begins on a
// page, so that a segment's block can be used where it lies.
//
//   header    4096 bytes: mark, version, length of the file, watermark, where each part is, the
//             shape of each segment, and last its own CRC-32C
//   blocks    of each segment (segment.h), then the bits of its dead rows
//   tail      40 bytes an entry: id, hash
//   checks    CRC-32C of each MiB of what lies between header and here
//
// Opening reads every byte once, on several threads, and refuses a file whose checksums differ;
// what a forger with a right checksum could still write is checked too, at opening (offsets,
// directories) or at use (row numbers). A forged file can make a search miss or find what it
// likes; it cannot make it read outside the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/hamming/memory.h"
#include "entente/hamming/segment.h"

namespace entente::hamming {

// Segments grow fourfold from some thousand rows to at most 2^31.
inline constexpr std::size_t kMaxSegments = 16;
// Far more than a tail holds before a merge.
inline constexpr std::size_t kMaxTailRows = std::size_t{1} << 22;

struct Entry {
  std::uint64_t id = 0;
  Pdq hash;
};

struct SavedSegment {
  std::shared_ptr<const Segment> segment;
  std::vector<std::uint64_t> dead;  // bits as they were at one moment
};

struct Saved {
  std::vector<SavedSegment> segments;
  std::vector<Entry> tail;
  std::uint64_t watermark = 0;
};

struct Loaded {
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<Entry> tail;
  std::uint64_t watermark = 0;
};

// See Index::save and Index::open for what they promise.
Result<void> write_snapshot(const std::filesystem::path& path, const Saved& saved);
Result<Loaded> read_snapshot(const std::filesystem::path& path);
// The same from memory: what the fuzzer calls.
Result<Loaded> parse_snapshot(std::shared_ptr<const Memory> file);

}  // namespace entente::hamming

// SPDX-License-Identifier: Apache-2.0
//
// How a log is published: static files by c2sp.org/tlog-tiles. A tile of level L holds up to 256
// hashes of perfect nodes of tree level 8·L; an entry bundle holds the entries under one level-0
// tile. Partial ones carry their width in the path and never change under that path. Pure and
// thread-safe; parsers accept one spelling only (kInvalid).
//
//   tile/<L>/<N>[.p/<W>]     tile/entries/<N>[.p/<W>]     N as x001/x234/067
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/merkle/tree.h"

namespace entente::merkle {

inline constexpr unsigned kTileWidth = 256;
inline constexpr unsigned kTileHeight = 8;
inline constexpr std::size_t kMaxEntryBytes = 65535;  // its length is a uint16 in the bundle

// `level` is the tile level L; entry bundles have the indexes and widths of level 0. width is 1 to
// 256.
struct Tile {
  bool entries = false;
  unsigned level = 0;
  std::uint64_t index = 0;
  unsigned width = kTileWidth;

  friend bool operator==(const Tile&, const Tile&) = default;
};

// "tile/0/x001/x234/067.p/5", without a leading slash.
std::string tile_path(const Tile& tile);
Result<Tile> parse_tile_path(std::string_view path);

// Does the tile exist, at its full or one partial width, in a tree of that size?
bool tile_exists(const Tile& tile, std::uint64_t size);
// Every hash tile, and every bundle, that a log growing from old_size to size must write: bundles
// and tiles that are new, wider or newly full. From old_size 0: all of them.
std::vector<Tile> tiles_to_write(std::uint64_t old_size, std::uint64_t size);

// width · 32 bytes of a hash tile from the perfect nodes below it.
Result<Bytes> encode_tile(const Tile& tile, const HashReader& reader);
// A HashReader over stored tiles. `read` gives the bytes of a tile of the current tree; the caller
// vouches for them (they come from its own store): nothing here authenticates a tile against a
// root.
using TileReader = std::function<Result<Bytes>(const Tile& tile)>;
HashReader hash_reader(std::uint64_t size, TileReader read);

// Entries of 0 to kMaxEntryBytes; 1 to 256 of them in a bundle.
Result<Bytes> encode_bundle(std::span<const Bytes> entries);
// Refuses any number of entries other than `width`, and trailing bytes.
Result<std::vector<Bytes>> decode_bundle(ByteView bundle, unsigned width);

// What a checkpoint signs. "origin\nsize\nbase64(root)\n", no extension lines.
struct CheckpointBody {
  std::string origin;
  std::uint64_t size = 0;
  Hash256 root{};

  friend bool operator==(const CheckpointBody&, const CheckpointBody&) = default;
};
std::string format_checkpoint(const CheckpointBody& body);
Result<CheckpointBody> parse_checkpoint(std::string_view text);

// c2sp.org/tlog-proof@v1: an offline receipt, the file `.tlog-proof`. `checkpoint` is the signed
// note, verbatim. `extra` is not authenticated.
inline constexpr std::size_t kMaxTlogProofBytes = std::size_t{128} * 1024;
struct TlogProof {
  Bytes extra;
  std::uint64_t index = 0;
  std::vector<Hash256> hashes;
  std::string checkpoint;

  friend bool operator==(const TlogProof&, const TlogProof&) = default;
};
std::string format_tlog_proof(const TlogProof& proof);
Result<TlogProof> parse_tlog_proof(std::string_view text);

}  // namespace entente::merkle

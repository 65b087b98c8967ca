// SPDX-License-Identifier: Apache-2.0
#include "entente/merkle/tiles.h"

#include <fmt/format.h>

#include <algorithm>

namespace entente::merkle {
namespace {

// How many perfect nodes of tree level 8·L a tree of that size has. Shifting by 64 or more would be
// undefined.
std::uint64_t nodes_at(std::uint64_t size, unsigned tile_level) {
  const unsigned shift = tile_level * kTileHeight;
  return shift < 64 ? size >> shift : 0;
}

void append_tiles(std::vector<Tile>& out, bool entries, unsigned level, std::uint64_t old_nodes,
                  std::uint64_t nodes) {
  if (nodes == old_nodes) return;
  for (std::uint64_t index = old_nodes / kTileWidth; index * kTileWidth < nodes; ++index) {
    const auto width = std::min<std::uint64_t>(kTileWidth, nodes - index * kTileWidth);
    out.push_back({entries, level, index, static_cast<unsigned>(width)});
  }
}

Hash256 hash_at(ByteView tile, std::uint64_t i) {
  Hash256 out{};
  std::copy_n(tile.begin() + static_cast<std::ptrdiff_t>(i * 32), 32, out.begin());
  return out;
}

// Root of the perfect subtree over `count` (a power of two) hashes of a tile.
Hash256 subtree(ByteView tile, std::uint64_t first, std::uint64_t count) {
  if (count == 1) return hash_at(tile, first);
  const std::uint64_t half = count / 2;
  return node_hash(subtree(tile, first, half), subtree(tile, first + half, half));
}

}  // namespace

bool tile_exists(const Tile& tile, std::uint64_t size) {
  if (tile.width == 0 || tile.width > kTileWidth || size > kMaxTreeSize) return false;
  const std::uint64_t nodes = nodes_at(size, tile.entries ? 0 : tile.level);
  const std::uint64_t full = nodes / kTileWidth;
  if (tile.index < full) return true;  // its earlier, partial widths hold still
  return tile.index == full && tile.width <= nodes % kTileWidth;
}

std::vector<Tile> tiles_to_write(std::uint64_t old_size, std::uint64_t size) {
  std::vector<Tile> out;
  if (old_size >= size || size > kMaxTreeSize) return out;
  append_tiles(out, true, 0, old_size, size);
  for (unsigned level = 0; nodes_at(size, level) > 0; ++level)
    append_tiles(out, false, level, nodes_at(old_size, level), nodes_at(size, level));
  return out;
}

Result<Bytes> encode_tile(const Tile& tile, const HashReader& reader) {
  if (tile.entries || tile.width == 0 || tile.width > kTileWidth)
    return fail(Code::kInvalid, "not a hash tile");
  Bytes out;
  out.reserve(std::size_t{tile.width} * 32);
  for (unsigned i = 0; i < tile.width; ++i) {
    ENTENTE_TRY(hash, reader(tile.level * kTileHeight, tile.index * kTileWidth + i));
    out.insert(out.end(), hash.begin(), hash.end());
  }
  return out;
}

HashReader hash_reader(std::uint64_t size, TileReader read) {
  return [size, read = std::move(read)](unsigned level, std::uint64_t index) -> Result<Hash256> {
    const unsigned tile_level = level / kTileHeight;
    const unsigned up = level % kTileHeight;  // tree levels above the tile's own hashes
    const std::uint64_t nodes = nodes_at(size, tile_level);
    if (size > kMaxTreeSize || index >= nodes >> up)
      return fail(Code::kInvalid,
                  fmt::format("no node {} at level {} in a tree of {} leaves", index, level, size));
    const std::uint64_t first = index << up;
    Tile tile{false, tile_level, first / kTileWidth, kTileWidth};
    tile.width =
        static_cast<unsigned>(std::min<std::uint64_t>(kTileWidth, nodes - tile.index * kTileWidth));
    ENTENTE_TRY(bytes, read(tile));
    if (bytes.size() != std::size_t{tile.width} * 32)
      return fail(Code::kCorrupt, fmt::format("{} has {} bytes", tile_path(tile), bytes.size()));
    return subtree(bytes, first % kTileWidth, std::uint64_t{1} << up);
  };
}

Result<Bytes> encode_bundle(std::span<const Bytes> entries) {
  if (entries.empty() || entries.size() > kTileWidth)
    return fail(Code::kInvalid, "a bundle has 1 to 256 entries");
  Bytes out;
  for (const Bytes& entry : entries) {
    if (entry.size() > kMaxEntryBytes)
      return fail(Code::kTooLarge, fmt::format("an entry of {} bytes; log its hash", entry.size()));
    out.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(entry.size() & 0xff));
    out.insert(out.end(), entry.begin(), entry.end());
  }
  return out;
}

Result<std::vector<Bytes>> decode_bundle(ByteView bundle, unsigned width) {
  if (width == 0 || width > kTileWidth)
    return fail(Code::kInvalid, "a bundle has 1 to 256 entries");
  std::vector<Bytes> out;
  out.reserve(width);
  for (unsigned i = 0; i < width; ++i) {
    if (bundle.size() < 2) return fail(Code::kCorrupt, "a bundle with too few entries");
    const std::size_t length = std::size_t{bundle[0]} << 8 | bundle[1];
    if (bundle.size() - 2 < length) return fail(Code::kCorrupt, "a bundle cut inside an entry");
    out.push_back(to_bytes(bundle.subspan(2, length)));
    bundle = bundle.subspan(2 + length);
  }
  if (!bundle.empty()) return fail(Code::kCorrupt, "a bundle with more than its entries");
  return out;
}

}  // namespace entente::merkle

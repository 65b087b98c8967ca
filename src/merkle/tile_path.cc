// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "entente/merkle/tiles.h"

namespace entente::merkle {
namespace {

constexpr std::string_view kPrefix = "tile/";
constexpr std::string_view kEntries = "entries";
constexpr std::string_view kPartial = ".p/";
constexpr unsigned kMaxLevel = 63;          // by the specification; no real log has a level above 7
constexpr std::size_t kMaxIndexGroups = 6;  // 10^18 tiles, beyond kMaxTreeSize / 256

// A decimal number without sign or leading zeros.
Result<std::uint64_t> decimal(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max ||
      (text.size() > 1 && text.front() == '0'))
    return fail(Code::kInvalid, "not a plain decimal number");
  return value;
}

std::string index_groups(std::uint64_t index) {
  std::string out = fmt::format("{:03}", index % 1000);
  for (index /= 1000; index > 0; index /= 1000) out = fmt::format("x{:03}/{}", index % 1000, out);
  return out;
}

Result<std::uint64_t> parse_index(std::string_view text) {
  std::uint64_t index = 0;
  std::string_view rest = text;
  for (std::size_t group = 0; group < kMaxIndexGroups; ++group) {
    const bool more = rest.starts_with('x');
    if (more) rest.remove_prefix(1);
    if (rest.size() < 3) break;
    for (const char c : rest.substr(0, 3)) {
      if (c < '0' || c > '9') return fail(Code::kInvalid, "a tile index of something but digits");
      index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    rest.remove_prefix(3);
    if (!more) {
      // Printing it again refuses "x000/001" and trailing text in one stroke.
      if (!rest.empty() || index_groups(index) != text) break;
      return index;
    }
    if (!rest.starts_with('/')) break;
    rest.remove_prefix(1);
  }
  return fail(Code::kInvalid, "a tile index in another form than x001/x234/067");
}

}  // namespace

std::string tile_path(const Tile& tile) {
  const std::string level = tile.entries ? std::string(kEntries) : std::to_string(tile.level);
  std::string out = fmt::format("{}{}/{}", kPrefix, level, index_groups(tile.index));
  if (tile.width != kTileWidth) out += fmt::format("{}{}", kPartial, tile.width);
  return out;
}

Result<Tile> parse_tile_path(std::string_view path) {
  if (!path.starts_with(kPrefix)) return fail(Code::kInvalid, "not the path of a tile");
  path.remove_prefix(kPrefix.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return fail(Code::kInvalid, "a tile without an index");
  Tile tile;
  const std::string_view level = path.substr(0, slash);
  tile.entries = level == kEntries;
  if (!tile.entries) {
    ENTENTE_TRY(number, decimal(level, kMaxLevel));
    tile.level = static_cast<unsigned>(number);
  }
  path.remove_prefix(slash + 1);
  if (const auto dot = path.find(kPartial); dot != std::string_view::npos) {
    ENTENTE_TRY(width, decimal(path.substr(dot + kPartial.size()), kTileWidth - 1));
    if (width == 0) return fail(Code::kInvalid, "an empty tile is never served");
    tile.width = static_cast<unsigned>(width);
    path = path.substr(0, dot);
  }
  ENTENTE_TRY(index, parse_index(path));
  tile.index = index;
  return tile;
}

}  // namespace entente::merkle

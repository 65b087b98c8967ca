// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "entente/ledger/log.h"
#include "entente/ledger/tables.h"

namespace entente::ledger {
namespace {

using merkle::kTileHeight;
using merkle::kTileWidth;

// `count` hashes of a tile level from `first` on; level 0 are the leaves.
Result<std::vector<Hash256>> read_hashes(store::Tx& tx, unsigned tile_level, std::uint64_t first,
                                         std::uint64_t count) {
  const auto rows =
      tile_level == 0
          ? tx.query("SELECT hash FROM ledger_leaf WHERE idx >= $1 AND idx < $2 ORDER BY idx",
                     {to_sql(first), to_sql(first + count)})
          : tx.query(
                "SELECT hash FROM ledger_node WHERE level = $1 AND idx >= $2 AND idx < $3"
                " ORDER BY idx",
                {static_cast<std::int64_t>(tile_level), to_sql(first), to_sql(first + count)});
  if (!rows) return fail(rows.error());
  if (rows->size() != count)
    return fail(Code::kCorrupt, fmt::format("hashes {} to {} of tile level {} are missing", first,
                                            first + count, tile_level));
  std::vector<Hash256> out;
  out.reserve(rows->size());
  for (const auto& row : *rows) {
    ENTENTE_TRY(hash, hash_of(row, 0));
    out.push_back(hash);
  }
  return out;
}

Result<std::uint64_t> signed_size(store::Tx& tx) {
  ENTENTE_TRY(rows, tx.query("SELECT signed_size FROM ledger_head WHERE id = 1"));
  if (rows.empty()) return fail(Code::kCorrupt, "the ledger has lost its head");
  return from_sql(rows[0].integer(0));
}

Result<merkle::Tile> existing_tile(store::Tx& tx, std::string_view path, bool entries) {
  ENTENTE_TRY(tile, merkle::parse_tile_path(path));
  ENTENTE_TRY(size, signed_size(tx));
  if (tile.entries != entries || !merkle::tile_exists(tile, size))
    return fail(Code::kNotFound, "the ledger has no such tile");
  return tile;
}

// The newest cosigned head of at least that size, if any.
Result<std::optional<Checkpoint>> newest_cosigned(store::Tx& tx, std::uint64_t at_least) {
  ENTENTE_TRY(rows, tx.query("SELECT size, note FROM ledger_checkpoint WHERE size >= $1"
                             " ORDER BY size DESC LIMIT 1",
                             {to_sql(at_least)}));
  if (rows.empty()) return std::optional<Checkpoint>{};
  return std::optional(Checkpoint{from_sql(rows[0].integer(0)), rows[0].text(1)});
}

}  // namespace

Result<Hash256> hash_of(const store::Row& row, std::size_t column) {
  const Bytes& bytes = row.blob(column);
  Hash256 out{};
  if (bytes.size() != out.size()) return fail(Code::kCorrupt, "a stored hash of another length");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Result<Head> read_head(store::Tx& tx) {
  ENTENTE_TRY(rows,
              tx.query("SELECT size, frontier, signed_size, note FROM ledger_head WHERE id = 1"));
  if (rows.empty()) return fail(Code::kCorrupt, "the ledger has lost its head");
  Head out;
  if (!rows[0].is_null(1)) {
    ENTENTE_TRY(tree, merkle::Frontier::deserialise(rows[0].blob(1)));
    out.tree = std::move(tree);
  }
  if (out.tree.size() != from_sql(rows[0].integer(0)))
    return fail(Code::kCorrupt, "the ledger's size and right edge differ");
  out.signed_size = from_sql(rows[0].integer(2));
  out.note = rows[0].text_if(3);
  return out;
}

merkle::HashReader node_reader(store::Tx& tx) {
  return [&tx](unsigned level, std::uint64_t index) -> Result<Hash256> {
    const unsigned up = level % kTileHeight;  // levels above the stored ones
    ENTENTE_TRY(hashes, read_hashes(tx, level / kTileHeight, index << up, std::uint64_t{1} << up));
    for (std::size_t n = hashes.size(); n > 1; n /= 2)
      for (std::size_t i = 0; i < n / 2; ++i)
        hashes[i] = merkle::node_hash(hashes[2 * i], hashes[2 * i + 1]);
    return hashes[0];
  };
}

Result<std::uint64_t> Log::size(store::Tx& tx) {
  ENTENTE_TRY(head, read_head(tx));
  return head.tree.size();
}

Result<std::int64_t> Log::count_by(store::Tx& tx, std::string_view regime, std::string_view move) {
  ENTENTE_TRY(rows, tx.query("SELECT count(*) FROM ledger_leaf WHERE regime = $1 AND move = $2",
                             {std::string(regime), std::string(move)}));
  return rows[0].integer(0);
}

Result<Checkpoint> Log::checkpoint(store::Tx& tx, Cosigned cosigned) {
  ENTENTE_TRY(best, newest_cosigned(tx, 0));
  if (cosigned == Cosigned::kYes) {
    if (!best) return fail(Code::kNotFound, "no witness has cosigned this log yet");
    return *std::move(best);
  }
  ENTENTE_TRY(head, read_head(tx));
  if (!head.note) return fail(Code::kNotFound, "this log has not signed a checkpoint yet");
  if (best && best->size == head.signed_size) return *std::move(best);
  return Checkpoint{head.signed_size, *std::move(head.note)};
}

Result<Checkpoint> Log::checkpoint_at_least(store::Tx& tx, std::uint64_t size) {
  if (size > merkle::kMaxTreeSize) return fail(Code::kNotFound, "the log has not grown that far");
  ENTENTE_TRY(rows, tx.query("SELECT size, note FROM ledger_checkpoint WHERE size >= $1"
                             " ORDER BY size LIMIT 1",
                             {to_sql(size)}));
  if (!rows.empty()) return Checkpoint{from_sql(rows[0].integer(0)), rows[0].text(1)};
  ENTENTE_TRY(newest, checkpoint(tx));
  if (newest.size < size) return fail(Code::kNotFound, "the log has not grown that far");
  return newest;
}

Result<Bytes> Log::tile(store::Tx& tx, std::string_view path) {
  ENTENTE_TRY(tile, existing_tile(tx, path, false));
  ENTENTE_TRY(hashes, read_hashes(tx, tile.level, tile.index * kTileWidth, tile.width));
  Bytes out;
  out.reserve(hashes.size() * 32);
  for (const Hash256& hash : hashes) out.insert(out.end(), hash.begin(), hash.end());
  return out;
}

Result<Bytes> Log::entries(store::Tx& tx, std::string_view path) {
  ENTENTE_TRY(tile, existing_tile(tx, path, true));
  const std::uint64_t first = tile.index * kTileWidth;
  ENTENTE_TRY(rows,
              tx.query("SELECT entry FROM ledger_leaf WHERE idx >= $1 AND idx < $2 ORDER BY idx",
                       {to_sql(first), to_sql(first + tile.width)}));
  if (rows.size() != tile.width) return fail(Code::kCorrupt, "entries of the ledger are missing");
  std::vector<Bytes> entries;
  entries.reserve(rows.size());
  for (const auto& row : rows) entries.push_back(row.blob(0));
  return merkle::encode_bundle(entries);
}

Result<Bytes> Log::entry(store::Tx& tx, std::uint64_t index) {
  if (index > merkle::kMaxTreeSize) return fail(Code::kNotFound, "the ledger has no such leaf");
  ENTENTE_TRY(rows, tx.query("SELECT entry FROM ledger_leaf WHERE idx = $1", {to_sql(index)}));
  if (rows.empty()) return fail(Code::kNotFound, "the ledger has no such leaf");
  return rows[0].blob(0);
}

Result<std::string> Log::proof(store::Tx& tx, std::uint64_t index, Cosigned cosigned) {
  ENTENTE_TRY(head, checkpoint(tx));
  if (index >= head.size) return fail(Code::kNotFound, "the signed log has no such leaf");
  if (cosigned == Cosigned::kYes) {
    ENTENTE_TRY(better, newest_cosigned(tx, index + 1));
    if (better) head = *std::move(better);
  }
  ENTENTE_TRY(hashes, merkle::inclusion_proof(head.size, index, node_reader(tx)));
  return merkle::format_tlog_proof({{}, index, std::move(hashes), std::move(head.note)});
}

Result<std::vector<Hash256>> Log::consistency(store::Tx& tx, std::uint64_t old_size,
                                              std::uint64_t size) {
  ENTENTE_TRY(all, Log::size(tx));
  if (size > all) return fail(Code::kNotFound, "the log has not grown that far");
  return merkle::consistency_proof(old_size, size, node_reader(tx));
}

}  // namespace entente::ledger

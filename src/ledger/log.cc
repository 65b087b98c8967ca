// SPDX-License-Identifier: Apache-2.0
//
// The writing side of the log. log_read.cc has the reading side.
#include "entente/ledger/log.h"

#include <fmt/format.h>

#include "entente/ledger/tables.h"

namespace entente::ledger {
namespace {

struct Node {
  unsigned tile_level;
  std::uint64_t index;
  Hash256 hash;
};

store::Value text_or_null(const std::string& text) {
  return text.empty() ? store::Value{} : store::Value{text};
}

}  // namespace

Result<Log> Log::create(std::string_view origin, const crypto::PrivateKey& key) {
  ENTENTE_TRY(name,
              crypto::NoteKey::make(origin, crypto::NoteAlgorithm::kEd25519, key.public_key()));
  return Log(std::move(name), key);
}

Result<std::uint64_t> Log::append(store::Tx& tx, std::string_view entry, Instant now) const {
  // The counted columns come from the entry itself, so that no caller can count a leaf as another.
  const auto leaf = parse_leaf(entry);
  return append_as(tx, entry, leaf ? leaf->regime : std::string(),
                   leaf ? leaf->move : std::string(), now);
}

Result<std::uint64_t> Log::append_as(store::Tx& tx, std::string_view entry,
                                     const std::string& regime, const std::string& move,
                                     Instant now) const {
  if (entry.size() > merkle::kMaxEntryBytes)
    return fail(Code::kTooLarge, "a ledger entry has at most 65535 bytes", {});
  ENTENTE_TRY(head, read_head(tx));
  const std::uint64_t index = head.tree.size();
  const Hash256 hash = merkle::leaf_hash(as_bytes(entry));
  std::vector<Node> nodes;
  head.tree.append(hash, [&](unsigned level, std::uint64_t at, const Hash256& node) {
    if (level > 0 && level % merkle::kTileHeight == 0)
      nodes.push_back({level / merkle::kTileHeight, at, node});
  });
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO ledger_leaf (idx, hash, at, regime, move, entry)"
              " VALUES ($1, $2, $3, $4, $5, $6)",
              {to_sql(index), to_bytes(hash), to_ms(now), text_or_null(regime), text_or_null(move),
               to_bytes(entry)}));
  for (const Node& node : nodes)
    ENTENTE_CHECK_OK(tx.exec(
        "INSERT INTO ledger_node (level, idx, hash) VALUES ($1, $2, $3)",
        {static_cast<std::int64_t>(node.tile_level), to_sql(node.index), to_bytes(node.hash)}));
  ENTENTE_CHECK_OK(tx.exec("UPDATE ledger_head SET size = $1, frontier = $2 WHERE id = 1",
                           {to_sql(head.tree.size()), head.tree.serialise()}));
  return index;
}

Result<std::uint64_t> Log::append_leaf(store::Tx& tx, const MadeLeaf& leaf, Instant now) const {
  ENTENTE_TRY(index, append_as(tx, leaf.entry, leaf.regime, leaf.move, now));
  for (const auto& [field, salt] : leaf.salts)
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO ledger_salt (leaf_index, field, salt) VALUES ($1, $2, $3)",
                {to_sql(index), field, to_bytes(ByteView(salt.bytes))}));
  return index;
}

Result<void> Log::sign_checkpoint(store::Tx& tx) const {
  ENTENTE_TRY(head, read_head(tx));
  if (head.note && head.signed_size == head.tree.size()) return {};
  const auto body = merkle::format_checkpoint({origin(), head.tree.size(), head.tree.root()});
  ENTENTE_TRY(note, crypto::sign_note(body, origin(), *key_));
  ENTENTE_CHECK_OK(tx.exec("UPDATE ledger_head SET signed_size = $1, note = $2 WHERE id = 1",
                           {to_sql(head.tree.size()), std::move(note)}));
  return {};
}

Result<crypto::Salt> Log::salt(store::Tx& tx, std::uint64_t index, std::string_view field) {
  ENTENTE_TRY(rows, tx.query("SELECT salt FROM ledger_salt WHERE leaf_index = $1 AND field = $2",
                             {to_sql(index), std::string(field)}));
  if (rows.empty()) return fail(Code::kNotFound, "no salt is kept for this field");
  return crypto::Salt::from_bytes(rows[0].blob(0));
}

Result<std::int64_t> Log::erase_salt(store::Tx& tx, std::uint64_t index, std::string_view field) {
  return tx.exec("DELETE FROM ledger_salt WHERE leaf_index = $1 AND field = $2",
                 {to_sql(index), std::string(field)});
}

Result<std::int64_t> Log::erase_salts(store::Tx& tx, std::uint64_t index) {
  return tx.exec("DELETE FROM ledger_salt WHERE leaf_index = $1", {to_sql(index)});
}

Result<void> Log::keep_cosignature(store::Tx& tx, const Checkpoint& signed_head,
                                   std::string_view line) {
  ENTENTE_TRY(fresh, crypto::NoteSignature::parse_line(line));
  ENTENTE_TRY(rows, tx.query("SELECT note FROM ledger_checkpoint WHERE size = $1",
                             {to_sql(signed_head.size)}));
  ENTENTE_TRY(held, crypto::parse_note(rows.empty() ? signed_head.note : rows[0].text(0)));
  std::string note = held.text + "\n";
  for (const auto& signature : held.signatures)
    if (signature.name != fresh.name || signature.key_id != fresh.key_id) note += signature.line();
  note += fresh.line();
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO ledger_checkpoint (size, note) VALUES ($1, $2)"
              " ON CONFLICT (size) DO UPDATE SET note = excluded.note",
              {to_sql(signed_head.size), std::move(note)}));
  return {};
}

}  // namespace entente::ledger

// SPDX-License-Identifier: Apache-2.0
//
// The public log of a node: an append-only Merkle tree (C2SP tlog-tiles, RFC 6962 hashing) whose
// leaves are written in the same unit of work as the state they tell of, and whose head is signed
// in the same transaction. What a reader is shown is always covered by a signed checkpoint.
//
//   store->before_commit([&](store::Tx& tx) { return log.sign_checkpoint(tx); });
//   store->write([&](store::Tx& tx) -> Result<void> {
//     ENTENTE_TRY(index, log.append_leaf(tx, made, now)); … });
//
// All state is in the database, none here: a unit that is rolled back leaves no trace, and several
// processes may hold a Log over one database. Rows of leaves and nodes cannot be changed, replaced
// or deleted: triggers refuse it (SG14); against someone who removes the triggers stand the
// witnesses, who hold an older root.
//
// Errors: kNotFound for what the signed log does not contain, kInvalid for malformed paths,
// kTooLarge for an entry over 65,535 bytes (log its hash), kCorrupt when the rows contradict each
// other. Thread-safe: const throughout; `key` must outlive the Log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/time.h"
#include "entente/crypto/keys.h"
#include "entente/crypto/note.h"
#include "entente/ledger/leaf.h"
#include "entente/merkle/tiles.h"
#include "entente/store/store.h"

namespace entente::ledger {

// A signed head. `note` is the text to serve: body, blank line, the log's signature, and the
// cosignatures that witnesses gave for it.
struct Checkpoint {
  std::uint64_t size = 0;
  std::string note;
};

enum class Cosigned : bool { kNo, kYes };

class Log {
 public:
  // `origin` is a schema-less URL such as "log.entente.example/removals", and the name of the key
  // in notes. kInvalid for one that a note cannot carry.
  static Result<Log> create(std::string_view origin, const crypto::PrivateKey& key);
  static store::Migration migration();

  const std::string& origin() const { return key_name_.name; }
  // What others verify checkpoints with.
  const crypto::NoteKey& note_key() const { return key_name_; }

  // Returns the index of the new leaf. Leaves that parse_leaf accepts are counted (count_by).
  Result<std::uint64_t> append(store::Tx& tx, std::string_view entry, Instant now) const;
  // The same, and keeps the salts.
  Result<std::uint64_t> append_leaf(store::Tx& tx, const MadeLeaf& leaf, Instant now) const;
  // The store's before_commit hook: signs when the log has grown, and a new log's empty tree.
  Result<void> sign_checkpoint(store::Tx& tx) const;

  // Salts: kNotFound when never kept or erased. Erasing says how many there were; the store's file
  // does not keep what was erased, backups may.
  static Result<crypto::Salt> salt(store::Tx& tx, std::uint64_t index, std::string_view field);
  static Result<std::int64_t> erase_salt(store::Tx& tx, std::uint64_t index,
                                         std::string_view field);
  static Result<std::int64_t> erase_salts(store::Tx& tx, std::uint64_t index);

  // Number of leaves, signed or (inside a unit that appended) not yet.
  static Result<std::uint64_t> size(store::Tx& tx);
  // Leaves of steps of that regime and move: public counters are counts of leaves (I6).
  static Result<std::int64_t> count_by(store::Tx& tx, std::string_view regime,
                                       std::string_view move);

  // The newest signed head; with kYes the newest that a witness cosigned.
  static Result<Checkpoint> checkpoint(store::Tx& tx, Cosigned cosigned = Cosigned::kNo);
  // The oldest kept head of at least that size. Kept are the newest, and all cosigned ones.
  static Result<Checkpoint> checkpoint_at_least(store::Tx& tx, std::uint64_t size);

  // "tile/0/000.p/5" and "tile/entries/000.p/5", with every narrower width that was ever served.
  static Result<Bytes> tile(store::Tx& tx, std::string_view path);
  static Result<Bytes> entries(store::Tx& tx, std::string_view path);
  static Result<Bytes> entry(store::Tx& tx, std::uint64_t index);
  // The offline receipt (.tlog-proof). With kYes against the newest cosigned head that covers the
  // leaf, or the newest head when there is none.
  static Result<std::string> proof(store::Tx& tx, std::uint64_t index,
                                   Cosigned cosigned = Cosigned::kNo);
  static Result<std::vector<Hash256>> consistency(store::Tx& tx, std::uint64_t old_size,
                                                  std::uint64_t size);

  // Keeps a witness's signature line for `signed_head`, one of our own notes. The line was verified
  // by the caller. A second line by the same key replaces the first.
  static Result<void> keep_cosignature(store::Tx& tx, const Checkpoint& signed_head,
                                       std::string_view line);

 private:
  Result<std::uint64_t> append_as(store::Tx& tx, std::string_view entry, const std::string& regime,
                                  const std::string& move, Instant now) const;
  Log(crypto::NoteKey name, const crypto::PrivateKey& key)
      : key_name_(std::move(name)), key_(&key) {}

  crypto::NoteKey key_name_;
  const crypto::PrivateKey* key_;
};

}  // namespace entente::ledger

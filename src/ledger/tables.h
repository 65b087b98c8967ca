// SPDX-License-Identifier: Apache-2.0
//
// Private to this folder: how the rows of the log are read.
//
//   ledger_leaf        one row per leaf: hash, entry, and regime and move for counting
//   ledger_node        perfect subtrees of 256^level leaves, level 1 and up: the hashes of tiles
//   ledger_head        one row: size and right edge of the tree, and the newest signed checkpoint
//   ledger_checkpoint  cosigned checkpoints
//   ledger_salt        salts of commitments; the only rows whose deletion means something
//   ledger_cosigner    as a log: the size that each witness held when last heard of
//   ledger_witness_*   as a witness: the logs we know, and the newest head seen of each
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "entente/merkle/tree.h"
#include "entente/store/store.h"

namespace entente::ledger {

struct Head {
  merkle::Frontier tree;
  std::uint64_t signed_size = 0;
  std::optional<std::string> note;  // of signed_size; none before the first commit
};
Result<Head> read_head(store::Tx& tx);

// Sizes and indexes stay below 2^62 (merkle::kMaxTreeSize).
inline std::int64_t to_sql(std::uint64_t n) {
  return static_cast<std::int64_t>(n);
}
inline std::uint64_t from_sql(std::int64_t n) {
  return static_cast<std::uint64_t>(n);
}
// kCorrupt for another length.
Result<Hash256> hash_of(const store::Row& row, std::size_t column);

// Reads perfect nodes: those of whole tile levels from their rows, those between from their
// children.
merkle::HashReader node_reader(store::Tx& tx);

}  // namespace entente::ledger

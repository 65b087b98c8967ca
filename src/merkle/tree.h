// SPDX-License-Identifier: Apache-2.0
//
// The Merkle tree of RFC 6962 §2.1: leaves SHA-256(0x00 ‖ entry), nodes SHA-256(0x01 ‖ left ‖
// right), split at the largest power of two below the size. Pure: no I/O, no clock; what is stored
// is read through a HashReader. Functions are thread-safe; a Frontier belongs to one thread at a
// time.
//
// A *perfect* node (level, index) covers the 2^level leaves from index·2^level on. Perfect nodes
// never change once complete, so they are all that a log stores.
//
// Errors: kInvalid for sizes and indexes outside the tree, kCorrupt for a proof or a form that does
// not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "entente/core/bytes.h"

namespace entente::merkle {

// Sizes stay below 2^62, so that no sum of two of them overflows.
inline constexpr std::uint64_t kMaxTreeSize = std::uint64_t{1} << 62;
inline constexpr std::size_t kMaxProofHashes = 63;  // as tlog-witness limits a consistency proof

Hash256 leaf_hash(ByteView entry);
Hash256 node_hash(const Hash256& left, const Hash256& right);
// SHA-256 of nothing.
Hash256 empty_root();

// Reads a perfect node that lies wholly inside the tree.
using HashReader = std::function<Result<Hash256>(unsigned level, std::uint64_t index)>;
// Told of each perfect node as it becomes complete, leaves (level 0) included, children before
// parents.
using NodeSink = std::function<void(unsigned level, std::uint64_t index, const Hash256& hash)>;

// The right edge of a growing tree: all that appending and the root need, O(log size) hashes.
class Frontier {
 public:
  Frontier() = default;
  // The frontier of a stored tree.
  static Result<Frontier> load(std::uint64_t size, const HashReader& reader);
  // Inverse of serialise; refuses any other length.
  static Result<Frontier> deserialise(ByteView bytes);

  void append(const Hash256& leaf, const NodeSink& sink = {});
  std::uint64_t size() const { return size_; }
  // empty_root() when empty.
  Hash256 root() const;
  // u64 big-endian size ‖ one hash per set bit of the size, largest subtree first.
  Bytes serialise() const;

  friend bool operator==(const Frontier&, const Frontier&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash256>
      peaks_;  // perfect subtrees from left to right: one per set bit of size_, highest first
};

Result<Hash256> tree_root(std::uint64_t size, const HashReader& reader);

// From the leaf's sibling upwards.
Result<std::vector<Hash256>> inclusion_proof(std::uint64_t size, std::uint64_t index,
                                             const HashReader& reader);
// Empty when old_size is 0 or equals size: nothing needs proof then.
Result<std::vector<Hash256>> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                               const HashReader& reader);

Result<void> verify_inclusion(std::uint64_t size, std::uint64_t index, const Hash256& leaf,
                              std::span<const Hash256> proof, const Hash256& root);
// old_size 0 demands the empty root and an empty proof; equal sizes demand equal roots and an empty
// proof.
Result<void> verify_consistency(std::uint64_t old_size, std::uint64_t size, const Hash256& old_root,
                                const Hash256& root, std::span<const Hash256> proof);

}  // namespace entente::merkle

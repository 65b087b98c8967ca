// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/verify.h"

#include <fmt/format.h>

#include <set>

#include "entente/crypto/note.h"
#include "entente/merkle/tiles.h"

namespace entente::ledger {

namespace {

// The log's key first, then the witnesses'.
Result<std::vector<crypto::NoteKey>> parse_keys(std::string_view log_vkey,
                                                std::span<const std::string> witness_vkeys) {
  std::vector<crypto::NoteKey> keys;
  ENTENTE_TRY(log_key, crypto::NoteKey::parse(log_vkey));
  if (log_key.algorithm != crypto::NoteAlgorithm::kEd25519)
    return fail(Code::kInvalid, "a log signs with Ed25519 (0x01)", "log_vkey");
  keys.push_back(std::move(log_key));
  for (const auto& vkey : witness_vkeys) {
    ENTENTE_TRY(key, crypto::NoteKey::parse(vkey));
    if (key.algorithm != crypto::NoteAlgorithm::kCosignatureV1)
      return fail(Code::kInvalid, "a witness signs with cosignature/v1 (0x04)", "witness_vkeys");
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

Result<VerifiedProof> verify_proof(std::string_view proof_text, std::string_view entry,
                                   std::string_view log_vkey,
                                   std::span<const std::string> witness_vkeys,
                                   std::size_t min_witnesses) {
  ENTENTE_TRY(proof, merkle::parse_tlog_proof(proof_text));
  ENTENTE_TRY(keys, parse_keys(log_vkey, witness_vkeys));
  const crypto::NoteKey& log_key = keys.front();
  ENTENTE_TRY(note, crypto::open_note(proof.checkpoint, keys));
  ENTENTE_TRY(head, merkle::parse_checkpoint(note.text));
  VerifiedProof out{head.origin, head.size, proof.index, {}};
  bool by_log = false;
  std::set<Bytes> counted{log_key.public_key};
  for (const auto& signature : note.signatures) {
    if (signature.key == log_key)
      by_log = true;
    else if (counted.insert(signature.key.public_key).second)
      out.cosigned_by.push_back(signature.key.name);
  }
  // Our logs sign under their origin; anything else is another log's head under this key.
  if (!by_log || head.origin != log_key.name)
    return fail(Code::kUnauthorised, "the head is not signed by this log");
  if (out.cosigned_by.size() < min_witnesses)
    return fail(Code::kUnauthorised, fmt::format("cosigned by {} of the witnesses, {} are needed",
                                                 out.cosigned_by.size(), min_witnesses));
  ENTENTE_CHECK_OK(merkle::verify_inclusion(
      head.size, proof.index, merkle::leaf_hash(as_bytes(entry)), proof.hashes, head.root));
  return out;
}

}  // namespace entente::ledger

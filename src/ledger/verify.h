// SPDX-License-Identifier: Apache-2.0
//
// Checks that need no trust in the node: an offline receipt against published keys. Pure and
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente::ledger {

struct VerifiedProof {
  std::string origin;
  std::uint64_t size = 0;
  std::uint64_t index = 0;
  std::vector<std::string> cosigned_by;  // names of the witnesses, each key once
};

// Does this .tlog-proof show that `entry` is in the log of `log_vkey`, under a head that at least
// `min_witnesses` of the given witnesses cosigned? kInvalid: not a receipt or not a key;
// kUnauthorised: not signed by the log, a bad signature, or too few witnesses; kCorrupt: the proof
// does not lead from the entry to the root. A witness counts once however many names its key has
// (cosignatures do not sign the name), and the log's own key never counts.
Result<VerifiedProof> verify_proof(std::string_view proof_text, std::string_view entry,
                                   std::string_view log_vkey,
                                   std::span<const std::string> witness_vkeys,
                                   std::size_t min_witnesses);

}  // namespace entente::ledger

// SPDX-License-Identifier: Apache-2.0
//
// The policies a platform has had: every version with who adopted it, why and when; the latest is
// in force. Before the first one the embedded policy is. Functions run inside the caller's unit of
// work. Errors: those of Policy::parse, kRefused [SG21] no person named, kNotFound.
#pragma once

#include "entente/matching/policy.h"

namespace entente::matching {

struct AdoptedPolicy {
  std::int64_t version = 0;  // 0: the embedded one
  std::string sha256;        // of the document, hexadecimal
  std::string person;
  std::string reason;
  Instant at;
  Policy policy;
};

// Adopting the document that is in force already changes nothing. The version in force.
Result<std::int64_t> adopt_policy(store::Tx& tx, std::string_view document, const Labels& labels,
                                  const Decision& decision);
Result<AdoptedPolicy> policy_in_force(store::Tx& tx, const Labels& labels);
Result<AdoptedPolicy> find_policy(store::Tx& tx, std::int64_t version, const Labels& labels);

}  // namespace entente::matching

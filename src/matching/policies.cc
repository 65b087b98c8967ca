// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/policies.h"

#include "entente/crypto/sha256.h"
#include "entente/matching/bank_rows.h"

namespace entente::matching {

namespace {

std::string hash_of(std::string_view document) {
  return to_hex(crypto::sha256(as_bytes(document)));
}

constexpr std::string_view kSelect =
    "SELECT version, sha256, document, person, reason, at FROM match_policy ";

Result<AdoptedPolicy> adopted_of(const store::Row& row) {
  ENTENTE_TRY(policy, Policy::parse_adopted(row.text(2)));
  AdoptedPolicy out;
  out.version = row.integer(0);
  out.sha256 = row.text(1);
  out.person = row.text(3);
  out.reason = row.text(4);
  out.at = instant_from_ms(row.integer(5));
  out.policy = std::move(policy);
  return out;
}

AdoptedPolicy embedded(const Labels& labels) {
  AdoptedPolicy out;
  out.policy = Policy::standard(labels);
  out.sha256 = hash_of(out.policy.text());
  out.person = rows::text(kByNode);
  return out;
}

}  // namespace

Result<std::int64_t> adopt_policy(store::Tx& tx, std::string_view document, const Labels& labels,
                                  const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  ENTENTE_CHECK_OK(Policy::parse(document, labels));
  const std::string hash = hash_of(document);
  ENTENTE_TRY(last, tx.query("SELECT version, sha256 FROM match_policy ORDER BY version DESC "
                             "LIMIT 1"));
  if (!last.empty() && last[0].text(1) == hash) return last[0].integer(0);
  const std::int64_t version = last.empty() ? 1 : last[0].integer(0) + 1;
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO match_policy (version, sha256, document, person, reason, at) "
              "VALUES ($1, $2, $3, $4, $5, $6)",
              {version, hash, rows::text(document), decision.person, decision.reason,
               to_ms(decision.now)}));
  return version;
}

Result<AdoptedPolicy> policy_in_force(store::Tx& tx, const Labels& labels) {
  ENTENTE_TRY(found, tx.query(rows::text(kSelect) + "ORDER BY version DESC LIMIT 1"));
  if (found.empty()) return embedded(labels);
  return adopted_of(found[0]);
}

Result<AdoptedPolicy> find_policy(store::Tx& tx, std::int64_t version, const Labels& labels) {
  if (version == 0) return embedded(labels);
  ENTENTE_TRY(found, tx.query(rows::text(kSelect) + "WHERE version = $1", {version}));
  if (found.empty()) return fail(Code::kNotFound, "no such policy", "version");
  return adopted_of(found[0]);
}

}  // namespace entente::matching

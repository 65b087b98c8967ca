// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/core/id.h"
#include "entente/crypto/sha256.h"

namespace entente::matching {

namespace {

constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE match_token (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  person TEXT NOT NULL CHECK (person <> ''),
  name TEXT NOT NULL,
  roles TEXT NOT NULL CHECK (roles <> ''),
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
);
CREATE INDEX match_token_by_person ON match_token (person, id);
)sql";

constexpr std::string_view kColumns = "id, person, name, roles, created_at, revoked_at";
constexpr std::size_t kMaxName = 100;
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kMaxBearer = 256;

std::string hash_of(std::string_view text) {
  return to_hex(crypto::sha256({as_bytes("entente-match-token-v1\n"), as_bytes(text)}));
}

Token token_of_row(const store::Row& row) {
  Token out;
  out.id = row.text(0);
  out.person = row.text(1);
  out.name = row.text(2);
  std::string_view rest = row.text(3);
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    out.roles.emplace_back(rest.substr(0, space));
    rest.remove_prefix(space == rest.npos ? rest.size() : space + 1);
  }
  out.created_at = instant_from_ms(row.integer(4));
  if (const auto at = row.integer_if(5)) out.revoked_at = instant_from_ms(*at);
  return out;
}

}  // namespace

bool Token::has(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

store::Migration tokens_migration() {
  return {"matching_tokens", {kSchema1}};
}

Result<IssuedToken> issue_token(store::Tx& tx, std::string_view person, std::string_view name,
                                const std::vector<std::string>& roles, Random& random,
                                Instant now) {
  if (person.empty())
    return fail(Error{Code::kRefused, "behind every token is a person", "person", "SG21", ""});
  if (name.empty() || name.size() > kMaxName)
    return fail(Code::kInvalid, "say what the token is for, in 1 to 100 bytes", "/name");
  std::string joined;
  for (const std::string_view role : kTokenRoles) {
    if (std::find(roles.begin(), roles.end(), role) == roles.end()) continue;
    joined += (joined.empty() ? "" : " ") + std::string(role);
  }
  for (const std::string& role : roles) {
    if (std::find(kTokenRoles.begin(), kTokenRoles.end(), role) == kTokenRoles.end())
      return fail(Code::kInvalid, "no such role: " + role, "/roles");
  }
  if (joined.empty()) return fail(Code::kInvalid, "a token has at least one role", "/roles");
  ENTENTE_TRY(held, tx.query("SELECT COUNT(*) FROM match_token WHERE person = $1 AND revoked_at IS "
                             "NULL",
                             {std::string(person)}));
  if (held[0].integer(0) >= static_cast<std::int64_t>(kMaxTokens))
    return fail(Code::kConflict, "too many tokens in force: revoke some", "/name");
  IssuedToken out;
  out.text = std::string(kTokenPrefix) + to_base64url(random.bytes(kTokenBytes));
  const std::string id = make_ulid(now, random);
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO match_token (id, hash, person, name, roles, created_at) "
              "VALUES ($1, $2, $3, $4, $5, $6)",
              {id, hash_of(out.text), std::string(person), std::string(name), joined, to_ms(now)}));
  ENTENTE_TRY(rows,
              tx.query(fmt::format("SELECT {} FROM match_token WHERE id = $1", kColumns), {id}));
  out.token = token_of_row(rows.at(0));
  return out;
}

Result<Token> token_of(store::Tx& tx, std::string_view authorization) {
  const auto unknown = [] { return fail(Code::kUnauthorised, "a valid bearer token is needed"); };
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization.starts_with(kBearer) || authorization.size() > kMaxBearer) return unknown();
  // By its hash: nothing about another token can be learned from how long the answer takes.
  ENTENTE_TRY(rows, tx.query(fmt::format("SELECT {} FROM match_token WHERE hash = $1 AND "
                                         "revoked_at IS NULL",
                                         kColumns),
                             {hash_of(authorization.substr(kBearer.size()))}));
  if (rows.empty()) return unknown();
  return token_of_row(rows[0]);
}

Result<std::vector<Token>> tokens_of(store::Tx& tx, std::string_view person) {
  ENTENTE_TRY(rows, tx.query(fmt::format("SELECT {} FROM match_token WHERE person = $1 ORDER BY "
                                         "(revoked_at IS NOT NULL), id DESC LIMIT $2",
                                         kColumns),
                             {std::string(person), static_cast<std::int64_t>(kMaxTokens)}));
  std::vector<Token> out;
  for (const store::Row& row : rows) out.push_back(token_of_row(row));
  return out;
}

Result<void> revoke_token(store::Tx& tx, std::string_view person, std::string_view id,
                          Instant now) {
  ENTENTE_TRY(rows, tx.query("SELECT 1 FROM match_token WHERE id = $1 AND person = $2",
                             {std::string(id), std::string(person)}));
  if (rows.empty()) return fail(Code::kNotFound, "no such token of yours", "id");
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE match_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS "
              "NULL",
              {std::string(id), to_ms(now)}));
  return {};
}

}  // namespace entente::matching

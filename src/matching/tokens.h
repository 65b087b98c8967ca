// SPDX-License-Identifier: Apache-2.0
//
// Long-lived bearer tokens for a platform's own software: the client of HMA's face, the upload
// check, a partner that fetches deltas. A moderator issues one from their session, for themselves:
// behind every token is a person, and what software does with it is that person's own decision
// (SG22). The database holds only the token's hash; the text is shown once.
//
// Functions run inside the caller's unit of work. Errors: kInvalid, kNotFound, kUnauthorised (no,
// unknown or revoked token: one answer for all), kRefused [SG21] no person.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/random.h"
#include "entente/core/time.h"
#include "entente/store/store.h"

namespace entente::matching {

// What a token may do. `hasher`, `matcher` and `curator` are HMA's words.
inline constexpr std::array<std::string_view, 4> kTokenRoles{
    "hasher",   // have pictures hashed
    "matcher",  // look up
    "curator",  // read and change banks
    "partner",  // fetch deltas of shared banks, bring sightings
};
// One person's tokens in force: a handful of services each with its own.
inline constexpr std::size_t kMaxTokens = 100;
inline constexpr std::string_view kTokenPrefix = "ent_";  // so that a leaked one is recognised

struct Token {
  std::string id;
  std::string person;
  std::string name;  // what it is for, in the person's words
  std::vector<std::string> roles;
  Instant created_at;
  std::optional<Instant> revoked_at;

  bool has(std::string_view role) const;
};

store::Migration tokens_migration();

struct IssuedToken {
  Token token;
  std::string text;
};
Result<IssuedToken> issue_token(store::Tx& tx, std::string_view person, std::string_view name,
                                const std::vector<std::string>& roles, Random& random, Instant now);
// From "Bearer …", the value of an Authorization header.
Result<Token> token_of(store::Tx& tx, std::string_view authorization);
// Newest first, revoked ones too; at most kMaxTokens.
Result<std::vector<Token>> tokens_of(store::Tx& tx, std::string_view person);
// For ever. Repeating is success.
Result<void> revoke_token(store::Tx& tx, std::string_view person, std::string_view id, Instant now);

}  // namespace entente::matching

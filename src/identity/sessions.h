// SPDX-License-Identifier: Apache-2.0
//
// Logging in with the key that signs: the node hands out a random challenge, the person's key signs
// its DSSE pre-authentication encoding (so a login signature can never pass as a step), and the
// node answers with a token. The database holds only the token's hash. Sessions end after
// kSessionTime, at logout, and when the key is revoked.
#pragma once

#include "entente/core/random.h"
#include "entente/http/api.h"
#include "entente/identity/directory.h"

namespace entente::identity {

inline constexpr std::string_view kSessionType = "application/vnd.entente.session";
inline constexpr std::chrono::hours kSessionTime{12};     // one duty shift
inline constexpr std::chrono::minutes kChallengeTime{2};  // time to fetch a key from a drawer

struct SessionUser {
  std::string token;  // only right after login
  std::string keyid, party, person, name;
  std::vector<std::string> roles;
  Instant expires_at;
  bool has(std::string_view role) const;
};

struct Challenge {
  std::string session;
  Bytes bytes;
};

// For a person's key of `party`, or its node key (whoever holds the folder: admin.h).
// kUnauthorised for keys that are unknown, revoked or not this party's: one answer for all, nothing
// to enumerate.
Result<Challenge> open_session(store::Tx& tx, std::string_view party, std::string_view keyid,
                               Random& random, Instant now);
Result<SessionUser> answer_session(store::Tx& tx, std::string_view session, ByteView signature,
                                   Random& random, Instant now);
// From "Authorization: Bearer …" or the cookie `entente_session`.
// A person's; kForbidden for a session of the node's key, which no person stands behind.
Result<SessionUser> session_of(store::Tx& tx, const http::Request& request, Instant now);
// The same, the node's key too: then `person` is empty.
Result<SessionUser> bearer_of(store::Tx& tx, const http::Request& request, Instant now);
Result<void> close_session(store::Tx& tx, const http::Request& request);

}  // namespace entente::identity

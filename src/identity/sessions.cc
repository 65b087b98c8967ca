// SPDX-License-Identifier: Apache-2.0
#include "entente/identity/sessions.h"

#include <algorithm>

#include "entente/core/id.h"
#include "entente/crypto/sha256.h"

namespace entente::identity {
namespace {

Unexpected unauthorised() {
  return fail(
      Error{Code::kUnauthorised, "log in first", {}, {}, "POST /v1/sessions with your key's id"});
}

std::string token_of(const http::Request& request) {
  const auto authorization = request.header("authorization");
  if (authorization.starts_with("Bearer ")) return std::string(authorization.substr(7));
  std::string_view cookies = request.header("cookie");
  constexpr std::string_view kName = "entente_session=";
  while (!cookies.empty()) {
    const auto end = cookies.find(';');
    std::string_view one = cookies.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(kName)) return std::string(one.substr(kName.size()));
    if (end == std::string_view::npos) break;
    cookies.remove_prefix(end + 1);
  }
  return {};
}

Bytes hash_of(std::string_view token) {
  const auto h = crypto::sha256(as_bytes(token));
  return {h.begin(), h.end()};
}

}  // namespace

bool SessionUser::has(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Result<Challenge> open_session(store::Tx& tx, std::string_view party, std::string_view keyid,
                               Random& random, Instant now) {
  ENTENTE_TRY(owner, find_key(tx, keyid));
  if (!owner || owner->party != party || owner->revoked_at) return unauthorised();
  Challenge c{make_ulid(now, random), random.bytes(32)};
  ENTENTE_TRY(gone, tx.exec("DELETE FROM session WHERE expires_at < $1", {to_ms(now)}));
  ENTENTE_TRY(n, tx.exec("INSERT INTO session(id, keyid, challenge, token_hash, expires_at) "
                         "VALUES($1,$2,$3,NULL,$4)",
                         {c.session, std::string(keyid), c.bytes, to_ms(now + kChallengeTime)}));
  static_cast<void>(gone + n);
  return c;
}

Result<SessionUser> answer_session(store::Tx& tx, std::string_view session, ByteView signature,
                                   Random& random, Instant now) {
  ENTENTE_TRY(rows, tx.query("SELECT keyid, challenge FROM session WHERE id = $1 AND token_hash IS "
                             "NULL AND expires_at >= $2",
                             {std::string(session), to_ms(now)}));
  if (rows.empty()) return unauthorised();
  ENTENTE_TRY(owner, find_key(tx, rows[0].text(0)));
  if (!owner || owner->revoked_at) return unauthorised();
  if (!crypto::verify(owner->key, crypto::pae(kSessionType, rows[0].blob(1)), signature))
    return unauthorised();
  SessionUser user{to_base64url(random.bytes(32)),
                   rows[0].text(0),
                   owner->party,
                   owner->person,
                   owner->name,
                   owner->roles,
                   now + kSessionTime};
  ENTENTE_TRY(n, tx.exec("UPDATE session SET token_hash = $2, expires_at = $3 WHERE id = $1",
                         {std::string(session), hash_of(user.token), to_ms(user.expires_at)}));
  static_cast<void>(n);
  return user;
}

Result<SessionUser> session_of(store::Tx& tx, const http::Request& request, Instant now) {
  ENTENTE_TRY(user, bearer_of(tx, request, now));
  if (user.person.empty()) return fail(Code::kForbidden, "this is for people, not for machines");
  return user;
}

Result<SessionUser> bearer_of(store::Tx& tx, const http::Request& request, Instant now) {
  const std::string token = token_of(request);
  if (token.empty()) return unauthorised();
  ENTENTE_TRY(
      rows,
      tx.query("SELECT keyid, expires_at FROM session WHERE token_hash = $1 AND expires_at >= $2",
               {hash_of(token), to_ms(now)}));
  if (rows.empty()) return unauthorised();
  ENTENTE_TRY(owner, find_key(tx, rows[0].text(0)));
  if (!owner || owner->revoked_at) return unauthorised();
  return SessionUser{{},
                     rows[0].text(0),
                     owner->party,
                     owner->person,
                     owner->name,
                     owner->roles,
                     instant_from_ms(rows[0].integer(1))};
}

Result<void> close_session(store::Tx& tx, const http::Request& request) {
  const std::string token = token_of(request);
  ENTENTE_TRY(n, tx.exec("DELETE FROM session WHERE token_hash = $1", {hash_of(token)}));
  static_cast<void>(n);
  return {};
}

}  // namespace entente::identity

// SPDX-License-Identifier: Apache-2.0
#include "entente/identity/routes.h"

#include <fmt/format.h>

#include "entente/identity/admin.h"

namespace entente::identity {
namespace {

json::Object user_json(const SessionUser& u) {
  json::Object o{{"person", u.person}, {"name", u.name},
                 {"party", u.party},   {"roles", json::Array(u.roles.begin(), u.roles.end())},
                 {"keyid", u.keyid},   {"expires_at", format_rfc3339(u.expires_at)}};
  if (!u.token.empty()) o["token"] = u.token;
  return o;
}

// Also for administrators, who may be no person (admin.h).
Result<void> may_read(store::Tx& tx, const http::Request& q, const Self& self, Instant now) {
  if (administrator_of(tx, q, self, now)) return {};
  ENTENTE_TRY(user, session_of(tx, q, now));
  static_cast<void>(user);
  return {};
}

void add_session_routes(http::Router& router, store::Store& store, const Self& self,
                        const Clock& clock, Random& random) {
  router.add("POST", "/v1/sessions", [&](const http::Request& q) -> Result<http::Response> {
    ENTENTE_TRY(body, json::parse_object(q.body));
    json::Reader r(body);
    const std::string keyid = r.text("keyid", {.max = 64});
    ENTENTE_CHECK_OK(r.done());
    ENTENTE_TRY(c, store::write_returning<Challenge>(store, [&](store::Tx& tx) {
                  return open_session(tx, self.entry.party, keyid, random, clock.now());
                }));
    return http::json_response(
        {{"session", c.session}, {"challenge", to_base64(c.bytes)}, {"payload_type", kSessionType}},
        201);
  });
  router.add(
      "PUT", "/v1/sessions/{session}", [&](const http::Request& q) -> Result<http::Response> {
        ENTENTE_TRY(body, json::parse_object(q.body));
        json::Reader r(body);
        const Bytes signature = r.base64("signature", 64);
        ENTENTE_CHECK_OK(r.done());
        ENTENTE_TRY(user, store::write_returning<SessionUser>(store, [&](store::Tx& tx) {
                      return answer_session(tx, q.param("session"), signature, random, clock.now());
                    }));
        auto response = http::json_response(user_json(user));
        // SameSite=Strict: no other site can act with this session.
        response.with(
            "Set-Cookie",
            fmt::format("entente_session={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
                        user.token, std::chrono::seconds(kSessionTime).count()));
        return response;
      });
  router.add("DELETE", "/v1/sessions/{session}",
             [&](const http::Request& q) -> Result<http::Response> {
               ENTENTE_CHECK_OK(store.write([&](store::Tx& tx) { return close_session(tx, q); }));
               http::Response response{204, {}, {}, {}};
               response.with("Set-Cookie",
                             "entente_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
               return response;
             });
  router.add("GET", "/v1/me", [&](const http::Request& q) -> Result<http::Response> {
    ENTENTE_TRY(user, store::read_returning<SessionUser>(
                          store, [&](store::Tx& tx) { return session_of(tx, q, clock.now()); }));
    return http::json_response(user_json(user));
  });
}

}  // namespace

json::Object party_json(const PartyRow& p) {
  return {{"party", p.party},
          {"name", p.name},
          {"kind", p.kind},
          {"url", p.url},
          {"fingerprint", p.fingerprint},
          {"confirmed_at", format_rfc3339(p.confirmed_at)}};
}

void add_routes(http::Router& router, store::Store& store, const Self& self, const Clock& clock,
                Random& random) {
  add_session_routes(router, store, self, clock, random);
  add_admin_routes(router, store, self, clock);
  router.add("GET", "/v1/node", [&](const http::Request&) -> Result<http::Response> {
    return http::json_response({{"party", self.entry.party},
                                {"name", self.entry.name},
                                {"kind", self.entry.kind},
                                {"version", self.version},
                                {"now", format_rfc3339(clock.now())},
                                {"fingerprint", self.entry.node_key.fingerprint()},
                                {"log", self.entry.log_vkey}});
  });
  router.add("GET", "/v1/parties", [&](const http::Request& q) -> Result<http::Response> {
    ENTENTE_TRY(parties, store::read_returning<std::vector<PartyRow>>(
                             store, [&](store::Tx& tx) -> Result<std::vector<PartyRow>> {
                               ENTENTE_CHECK_OK(may_read(tx, q, self, clock.now()));
                               return list_parties(tx);
                             }));
    json::Array items;
    for (const auto& p : parties) items.push_back(party_json(p));
    return http::json_response({{"items", std::move(items)}});
  });
  router.add(
      "GET", "/.well-known/entente.json", [&](const http::Request&) -> Result<http::Response> {
        Entry entry = self.entry;
        ENTENTE_TRY(officials,
                    store::read_returning<std::vector<Official>>(
                        store, [&](store::Tx& tx) { return officials_of(tx, self.entry.party); }));
        entry.officials = std::move(officials);
        entry.issued_at = clock.now();
        auto response = http::bytes_response(to_envelope(entry, self.node_key),
                                             "application/vnd.dsse.envelope+json");
        response.with("Cache-Control", "max-age=60");
        return response;
      });
}

}  // namespace entente::identity

// SPDX-License-Identifier: Apache-2.0
#include "entente/identity/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "entente/core/log.h"
#include "entente/json/json.h"

namespace entente::identity {
namespace {

Unexpected forbidden(std::string detail, std::string field = {}) {
  return fail(Error{Code::kForbidden, std::move(detail), std::move(field), {}, {}});
}

json::Object official_json(const Official& o) {
  json::Object out{{"person", o.person},
                   {"name", o.name},
                   {"keyid", o.key.id()},
                   {"key", o.key.text()},
                   {"roles", json::Array(o.roles.begin(), o.roles.end())},
                   {"revoked_at", nullptr}};
  if (o.revoked_at) out["revoked_at"] = format_rfc3339(*o.revoked_at);
  return out;
}

// By whom: the keyid says it for ever, whatever becomes of the name.
Result<void> note_change(store::Tx& tx, const SessionUser& by, std::string_view what,
                         const std::string& subject, const std::string& detail, Instant now) {
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO admin_change(at, by_key, what, subject, detail) VALUES($1,$2,$3,$4,$5)",
              {to_ms(now), by.keyid, std::string(what), subject, detail}));
  log::info("admin.change", {{"by", by.keyid}, {"what", what}, {"subject", subject}});
  return {};
}

struct Parts {
  store::Store& store;
  const Self& self;
  const Clock& clock;
};

template <class T>
Result<T> administer(const Parts& parts, const http::Request& q,
                     const std::function<Result<T>(store::Tx&, const SessionUser&)>& work) {
  return store::write_returning<T>(parts.store, [&](store::Tx& tx) -> Result<T> {
    ENTENTE_TRY(user, administrator_of(tx, q, parts.self, parts.clock.now()));
    return work(tx, user);
  });
}

// What an administrator may grant, and to whom. The folder may grant everything.
Result<void> may_grant(const SessionUser& by, const Official& official) {
  if (by.person.empty()) return {};
  if (official.key.id() == by.keyid)
    return forbidden("an administrator grants no role to their own key", "key");
  if (std::find(official.roles.begin(), official.roles.end(), kAdministrator) !=
      official.roles.end())
    return forbidden("administrators are made with the node's folder: entente person add", "roles");
  return {};
}

Result<http::Response> post_person(const Parts& parts, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body));
  json::Reader r(body);
  Official official;
  official.name = r.text("name", {.max = 200});
  const std::string text = r.text("key", {.max = 100});
  official.roles = r.texts("roles", 32, {.max = 40});
  ENTENTE_CHECK_OK(r.done());
  const auto key = crypto::PublicKey::parse(text);
  if (!key) return fail(key.error().code, key.error().detail, "/key");
  official.key = *key;
  ENTENTE_TRY(
      done,
      administer<Official>(parts, q, [&](store::Tx& tx, const SessionUser& by) -> Result<Official> {
        ENTENTE_CHECK_OK(may_grant(by, official));
        const Instant now = parts.clock.now();
        ENTENTE_TRY(out, enrol(tx, parts.self.entry.party, official, now));
        ENTENTE_CHECK_OK(note_change(tx, by, "person.enrolled", out.key.id(),
                                     fmt::format("{}", fmt::join(out.roles, ",")), now));
        return out;
      }));
  return http::json_response(official_json(done), 201);
}

Result<http::Response> post_revocation(const Parts& parts, const http::Request& q) {
  const auto keyid = q.param("keyid");
  ENTENTE_TRY(
      done,
      administer<Official>(parts, q, [&](store::Tx& tx, const SessionUser& by) -> Result<Official> {
        const auto nobody = [] {
          return fail(Code::kNotFound, "nobody of this organisation has this key", "keyid");
        };
        // Only our own people: what others revoke, their own directory says.
        ENTENTE_TRY(owner, find_key(tx, keyid));
        if (!owner || owner->party != parts.self.entry.party || owner->person.empty())
          return nobody();
        const Instant now = parts.clock.now();
        ENTENTE_CHECK_OK(revoke(tx, keyid, now));
        ENTENTE_CHECK_OK(note_change(tx, by, "person.revoked", std::string(keyid), {}, now));
        ENTENTE_TRY(after, find_key(tx, keyid));
        return Official{after->person, after->name, after->key, after->roles, after->revoked_at};
      }));
  return http::json_response(official_json(done));
}

Result<http::Response> post_party(const Parts& parts, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body, 4 << 20));
  json::Reader r(body);
  const json::Object& envelope = r.object("entry");
  const std::string fingerprint = r.text("fingerprint", {.max = 200});
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(entry, parse_entry(boost::json::serialize(envelope)));
  ENTENTE_TRY(row, administer<PartyRow>(
                       parts, q, [&](store::Tx& tx, const SessionUser& by) -> Result<PartyRow> {
                         const Instant now = parts.clock.now();
                         ENTENTE_CHECK_OK(trust(tx, entry, fingerprint, now));
                         ENTENTE_CHECK_OK(note_change(tx, by, "party.trusted", entry.party,
                                                      entry.node_key.fingerprint(), now));
                         ENTENTE_TRY(found, find_party(tx, entry.party));
                         if (!found) return fail(Code::kInternal, "a trusted party is not there");
                         return *std::move(found);
                       }));
  return http::json_response(party_json(row), 201);
}

Result<http::Response> get_people(const Parts& parts, const http::Request& q) {
  ENTENTE_TRY(all, store::read_returning<std::vector<Official>>(
                       parts.store, [&](store::Tx& tx) -> Result<std::vector<Official>> {
                         ENTENTE_TRY(user, administrator_of(tx, q, parts.self, parts.clock.now()));
                         static_cast<void>(user);
                         return officials_of(tx, parts.self.entry.party);
                       }));
  json::Array items;
  for (const auto& o : all) items.push_back(official_json(o));
  return http::json_response({{"items", std::move(items)}});
}

Result<http::Response> get_changes(const Parts& parts, const http::Request& q) {
  std::int64_t before = INT64_MAX;
  if (const auto asked = q.query_if("before")) {
    const auto* end = asked->data() + asked->size();
    if (std::from_chars(asked->data(), end, before).ptr != end || before < 1)
      return fail(Code::kInvalid, "the id of a change", "before");
  }
  ENTENTE_TRY(
      items,
      store::read_returning<json::Array>(parts.store, [&](store::Tx& tx) -> Result<json::Array> {
        ENTENTE_TRY(user, administrator_of(tx, q, parts.self, parts.clock.now()));
        static_cast<void>(user);
        ENTENTE_TRY(rows, tx.query("SELECT id, at, by_key, what, subject, detail FROM "
                                   "admin_change WHERE id < $1 ORDER BY id DESC LIMIT "
                                   "$2",
                                   {before, kMaxChangesPage}));
        json::Array out;
        for (const auto& row : rows)
          out.push_back({{"id", row.integer(0)},
                         {"at", format_rfc3339(instant_from_ms(row.integer(1)))},
                         {"by", row.text(2)},
                         {"what", row.text(3)},
                         {"subject", row.text(4)},
                         {"detail", row.text(5)}});
        return out;
      }));
  return http::json_response({{"items", std::move(items)}});
}

}  // namespace

Result<SessionUser> administrator_of(store::Tx& tx, const http::Request& request, const Self& self,
                                     Instant now) {
  ENTENTE_TRY(user, bearer_of(tx, request, now));
  const bool folder = user.person.empty() && user.keyid == self.entry.node_key.id();
  const bool person =
      !user.person.empty() && user.party == self.entry.party && user.has(kAdministrator);
  if (!folder && !person) return forbidden("only administrators change the directory");
  return user;
}

void add_admin_routes(http::Router& router, store::Store& store, const Self& self,
                      const Clock& clock) {
  const auto parts = std::make_shared<const Parts>(Parts{store, self, clock});
  const auto with = [&parts](auto handler) {
    return [parts, handler](const http::Request& request) { return handler(*parts, request); };
  };
  router.add("GET", "/v1/admin/people", with(get_people));
  router.add("POST", "/v1/admin/people", with(post_person));
  router.add("POST", "/v1/admin/people/{keyid}/revocation", with(post_revocation));
  http::RouteOptions large;
  large.max_body = 4 << 20;  // a directory entry with kMaxOfficials people
  router.add("POST", "/v1/admin/parties", with(post_party), large);
  router.add("GET", "/v1/admin/changes", with(get_changes));
}

}  // namespace entente::identity

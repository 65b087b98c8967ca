// SPDX-License-Identifier: Apache-2.0
#include "entente/identity/directory.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/json/json.h"

namespace entente::identity {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE party (
  party TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL,
  node_key TEXT NOT NULL, log_vkey TEXT NOT NULL, witness_vkey TEXT NOT NULL,
  confirmed_fingerprint TEXT NOT NULL, confirmed_at INTEGER NOT NULL, issued_at INTEGER NOT NULL);
CREATE TABLE person_key (
  keyid TEXT PRIMARY KEY, party TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL,
  public_key TEXT NOT NULL, roles TEXT NOT NULL, revoked_at INTEGER);
CREATE INDEX person_key_party ON person_key(party);
CREATE TABLE session (
  id TEXT PRIMARY KEY, keyid TEXT NOT NULL, challenge BLOB NOT NULL, token_hash BLOB, expires_at INTEGER NOT NULL);
CREATE INDEX session_token ON session(token_hash);
)sql";

constexpr std::string_view kSchema2 = R"sql(
CREATE TABLE admin_change (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, by_key TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
  detail TEXT NOT NULL);
)sql";

json::Array texts(const std::vector<std::string>& v) {
  return json::Array(v.begin(), v.end());
}

std::vector<std::string> read_texts(std::string_view text) {
  std::vector<std::string> out;
  if (const auto v = json::parse(text); v && v->is_array())
    for (const auto& s : v->get_array())
      if (s.is_string()) out.emplace_back(s.get_string());
  return out;
}

Result<Official> read_official(const json::Value& v) {
  if (!v.is_object()) return fail(Code::kInvalid, "an official must be an object", "/officials");
  json::Reader r(v.get_object(), "/officials");
  Official o;
  o.person = r.text("person", {.max = 64});
  const auto key = crypto::PublicKey::parse(r.text("key", {.max = 100}));
  o.roles = r.texts("roles", 32, {.max = 40});
  o.revoked_at = r.time_if("revoked_at");
  ENTENTE_CHECK_OK(r.done());
  if (!key) return fail(key.error());
  o.key = *key;
  return o;
}

Result<void> put_official(store::Tx& tx, std::string_view party, const Official& o) {
  // A key belongs to one person of one party, for ever; a revocation is never taken back.
  ENTENTE_TRY(rows,
              tx.query("SELECT party, person FROM person_key WHERE keyid = $1", {o.key.id()}));
  if (!rows.empty() && (rows[0].text(0) != party || rows[0].text(1) != o.person))
    return fail(Code::kConflict, "a key already belongs to somebody else", "/officials");
  // A node's key is nobody's: listed as a person's, it would make the steps of that node look like
  // that person's, and a machine could stand in for a human (SG21).
  ENTENTE_TRY(nodes, tx.query("SELECT party FROM party WHERE node_key = $1", {o.key.text()}));
  if (!nodes.empty())
    return fail(Code::kConflict, "a key already belongs to the node of " + nodes[0].text(0),
                "/officials");
  const store::Value revoked = o.revoked_at ? store::Value(to_ms(*o.revoked_at)) : store::Value();
  ENTENTE_TRY(
      n,
      tx.exec(
          "INSERT INTO person_key(keyid, party, person, name, public_key, roles, revoked_at) "
          "VALUES($1,$2,$3,$4,$5,$6,$7) ON CONFLICT(keyid) DO UPDATE SET roles = excluded.roles, "
          "revoked_at = COALESCE(person_key.revoked_at, excluded.revoked_at)",
          {o.key.id(), std::string(party), o.person, o.name, o.key.text(),
           json::canonical(texts(o.roles)), revoked}));
  static_cast<void>(n);
  return {};
}

Result<PartyRow> read_party(const store::Row& r) {
  PartyRow p;
  p.party = r.text(0);
  p.name = r.text(1);
  p.kind = r.text(2);
  p.url = r.text(3);
  ENTENTE_TRY(key, crypto::PublicKey::reread(r.text(4)));
  p.node_key = key;
  p.log_vkey = r.text(5);
  p.witness_vkey = r.text(6);
  p.confirmed_at = instant_from_ms(r.integer(7));
  p.fingerprint = key.fingerprint();
  return p;
}

constexpr std::string_view kPartyColumns =
    "SELECT party, name, kind, url, node_key, log_vkey, witness_vkey, confirmed_at FROM party ";

}  // namespace

store::Migration migration() {
  return {"identity", {kSchema, kSchema2}};
}

bool is_party_kind(std::string_view kind) {
  return std::find(kPartyKinds.begin(), kPartyKinds.end(), kind) != kPartyKinds.end();
}

std::string to_envelope(const Entry& e, const crypto::PrivateKey& node_key) {
  json::Array officials;
  for (const auto& o : e.officials) {
    json::Object x{{"person", o.person}, {"key", o.key.text()}, {"roles", texts(o.roles)}};
    if (o.revoked_at) x["revoked_at"] = format_rfc3339(*o.revoked_at);
    officials.push_back(std::move(x));
  }
  const json::Object body{{"v", 1},
                          {"party", e.party},
                          {"name", e.name},
                          {"kind", e.kind},
                          {"url", e.url},
                          {"node_key", e.node_key.text()},
                          {"log_vkey", e.log_vkey},
                          {"witness_vkey", e.witness_vkey},
                          {"officials", std::move(officials)},
                          {"issued_at", format_rfc3339(e.issued_at)}};
  crypto::Envelope env{std::string(kDirectoryType), to_bytes(json::canonical(body)), {}};
  check(crypto::sign(env, node_key).has_value(), "signing the directory entry");
  return crypto::to_json(env);
}

Result<Entry> parse_entry(std::string_view envelope_json) {
  ENTENTE_TRY(env, crypto::parse_envelope(envelope_json, 4 << 20));
  if (env.payload_type != kDirectoryType) return fail(Code::kInvalid, "not a directory entry");
  ENTENTE_TRY(body, json::parse_object(as_text(env.payload), 4 << 20));
  json::Reader r(body);
  r.integer("v", 1, 1);
  Entry e;
  e.party = r.text("party", {.min = 3, .max = 253});
  e.name = r.text("name", {.max = 200});
  e.kind = r.text("kind", {.max = 20});
  e.url = r.text("url", {.max = 500});
  const auto key = crypto::PublicKey::parse(r.text("node_key", {.max = 100}));
  e.log_vkey = r.text("log_vkey", {.max = 400});
  e.witness_vkey = r.text("witness_vkey", {.min = 0, .max = 400});
  e.issued_at = r.time("issued_at");
  const auto& officials = r.array("officials", kMaxOfficials);
  if (!is_party_kind(e.kind))
    r.fault("kind", fmt::format("must be one of {}", fmt::join(kPartyKinds, ", ")));
  ENTENTE_CHECK_OK(r.done());
  if (!key) return fail(key.error());
  e.node_key = *key;
  for (const auto& v : officials) {
    ENTENTE_TRY(o, read_official(v));
    e.officials.push_back(std::move(o));
  }
  ENTENTE_CHECK_OK(crypto::verify_signature(env, env.signatures.front(), e.node_key));
  return e;
}

Result<void> trust(store::Tx& tx, const Entry& e, std::string_view confirmed, Instant now) {
  if (!same_fingerprint(e.node_key.fingerprint(), confirmed))
    return fail(
        Error{Code::kForbidden,
              fmt::format("{} presents another key than the one you confirmed", e.party),
              "fingerprint",
              {},
              "ask the organisation, over a channel you trust, to read its fingerprint aloud"});
  ENTENTE_TRY(known, find_party(tx, e.party));
  if (known && known->node_key != e.node_key)
    return fail(Code::kConflict, e.party + " is already trusted with another key", "party");
  ENTENTE_TRY(owner, find_key(tx, e.node_key.id()));
  if (owner && (owner->party != e.party || !owner->person.empty()))
    return fail(Code::kConflict, "the node key already belongs to somebody else", "node_key");
  ENTENTE_TRY(
      n, tx.exec(
             "INSERT INTO party(party, name, kind, url, node_key, log_vkey, witness_vkey, "
             "confirmed_fingerprint, confirmed_at, issued_at) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,0) "
             "ON CONFLICT(party) DO NOTHING",
             {e.party, e.name, e.kind, e.url, e.node_key.text(), e.log_vkey, e.witness_vkey,
              e.node_key.fingerprint(), to_ms(now)}));
  static_cast<void>(n);
  return refresh(tx, e);
}

Result<void> refresh(store::Tx& tx, const Entry& e) {
  ENTENTE_TRY(known, find_party(tx, e.party));
  if (!known) return fail(Code::kForbidden, e.party + " is not trusted here", "party");
  if (known->node_key != e.node_key)
    return fail(Code::kForbidden, e.party + " signed with a key that was not confirmed",
                "node_key");
  if (known->kind != e.kind) return fail(Code::kForbidden, e.party + " changed what it is", "kind");
  // A party with a second ledger could tell two stories: which ledger speaks for it was settled
  // when it was trusted. It may become a witness later; which key cosigns is then settled too.
  if (known->log_vkey != e.log_vkey)
    return fail(Code::kConflict,
                e.party + " presents another ledger than the one it is trusted with", "log_vkey");
  if (!known->witness_vkey.empty() && known->witness_vkey != e.witness_vkey)
    return fail(Code::kConflict, e.party + " presents another witness key", "witness_vkey");
  // An older edition could hide a revocation: only newer ones count.
  ENTENTE_TRY(n, tx.exec("UPDATE party SET name=$2, url=$3, witness_vkey=$4, issued_at=$5 "
                         "WHERE party=$1 AND issued_at <= $5",
                         {e.party, e.name, e.url, e.witness_vkey, to_ms(e.issued_at)}));
  if (n == 0) return {};
  for (const auto& o : e.officials) ENTENTE_CHECK_OK(put_official(tx, e.party, o));
  return {};
}

Result<std::optional<PartyRow>> find_party(store::Tx& tx, std::string_view party) {
  ENTENTE_TRY(rows,
              tx.query(std::string(kPartyColumns) + "WHERE party = $1", {std::string(party)}));
  if (rows.empty()) return std::optional<PartyRow>();
  ENTENTE_TRY(p, read_party(rows[0]));
  return std::optional<PartyRow>(std::move(p));
}

Result<std::vector<PartyRow>> list_parties(store::Tx& tx) {
  ENTENTE_TRY(rows, tx.query(std::string(kPartyColumns) + "ORDER BY name, party"));
  std::vector<PartyRow> out;
  for (const auto& r : rows) {
    ENTENTE_TRY(p, read_party(r));
    out.push_back(std::move(p));
  }
  return out;
}

Result<std::optional<KeyOwner>> find_key(store::Tx& tx, std::string_view keyid) {
  ENTENTE_TRY(rows, tx.query("SELECT party, person, name, public_key, roles, revoked_at FROM "
                             "person_key WHERE keyid = $1",
                             {std::string(keyid)}));
  if (!rows.empty()) {
    const auto& r = rows[0];
    ENTENTE_TRY(key, crypto::PublicKey::reread(r.text(3)));
    KeyOwner o{r.text(0), r.text(1), r.text(2), read_texts(r.text(4)), key, std::nullopt};
    if (const auto at = r.integer_if(5)) o.revoked_at = instant_from_ms(*at);
    return std::optional<KeyOwner>(std::move(o));
  }
  // Few organisations, each with one node key: a scan is enough.
  ENTENTE_TRY(parties, list_parties(tx));
  for (const auto& p : parties)
    if (p.node_key.id() == keyid)
      return std::optional<KeyOwner>(KeyOwner{p.party, {}, p.name, {}, p.node_key, std::nullopt});
  return std::optional<KeyOwner>();
}

Result<std::vector<Official>> officials_of(store::Tx& tx, std::string_view party) {
  ENTENTE_TRY(rows, tx.query("SELECT person, name, public_key, roles, revoked_at FROM person_key "
                             "WHERE party = $1 ORDER BY keyid",
                             {std::string(party)}));
  std::vector<Official> out;
  for (const auto& r : rows) {
    ENTENTE_TRY(key, crypto::PublicKey::reread(r.text(2)));
    Official o{r.text(0), r.text(1), key, read_texts(r.text(3)), std::nullopt};
    if (const auto at = r.integer_if(4)) o.revoked_at = instant_from_ms(*at);
    out.push_back(std::move(o));
  }
  return out;
}

Result<Official> enrol(store::Tx& tx, std::string_view party, Official official, Instant) {
  if (official.roles.empty())
    return fail(Code::kInvalid, "a person needs at least one role", "roles");
  if (official.name.empty()) return fail(Code::kInvalid, "a person needs a name", "name");
  // The pseudonym follows from the key, so that enrolling twice changes nothing.
  if (official.person.empty()) official.person = "p-" + official.key.id().substr(0, 20);
  ENTENTE_CHECK_OK(put_official(tx, party, official));
  return official;
}

Result<void> revoke(store::Tx& tx, std::string_view keyid, Instant now) {
  ENTENTE_TRY(
      n, tx.exec("UPDATE person_key SET revoked_at = COALESCE(revoked_at, $2) WHERE keyid = $1",
                 {std::string(keyid), to_ms(now)}));
  if (n == 0) return fail(Code::kNotFound, "no such key", "keyid");
  ENTENTE_TRY(m, tx.exec("DELETE FROM session WHERE keyid = $1", {std::string(keyid)}));
  static_cast<void>(m);
  return {};
}

bool same_fingerprint(std::string_view a, std::string_view b) {
  const auto strip = [](std::string_view s) {
    std::string out;
    for (const char c : s) {
      if (c == ' ' || c == ':' || c == '-') continue;
      out += static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
    }
    return out;
  };
  const std::string x = strip(a);
  return x.size() == 64 && x == strip(b);
}

}  // namespace entente::identity

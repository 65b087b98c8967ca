// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>

#include "commands.h"
#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/crypto/age.h"
#include "entente/effects/site/site.h"
#include "entente/http/client.h"
#include "entente/identity/directory.h"
#include "entente/ledger/audit.h"
#include "entente/ledger/log.h"
#include "session.h"

namespace entente::app {
namespace fs = std::filesystem;
namespace {

// The folder's database. Tables of identity only: the node makes the others.
Result<std::unique_ptr<store::Store>> open_store(const Config& config) {
  ENTENTE_TRY(store, sqlite::SqliteStore::open((config.folder / "entente.db").string(), {}));
  std::unique_ptr<store::Store> out = std::move(store);
  ENTENTE_CHECK_OK(store::migrate(*out, {identity::migration()}, to_ms(SystemClock().now())));
  return out;
}

// The node that serves this folder on this machine, at the address it listens on: whoever can read
// the folder's key may administer it (identity/admin.h).
Result<Session> open_serving(const Config& config) {
  std::string host = config.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return Session::open({fmt::format("http://{}:{}", host, config.port), config.key("node.key")});
}

// A store has one owner: done in the folder while nothing serves it, else asked of the node that
// does. Both print the same.
Result<void> in_folder_or_node(const Config& config,
                               const std::function<Result<void>(store::Store&)>& in_folder,
                               const std::function<Result<void>(Session&)>& at_node) {
  auto store = open_store(config);
  if (store) return in_folder(**store);
  if (store.error().code != Code::kBusy) return fail(store.error());
  auto session = open_serving(config);
  if (!session)
    return fail(Error{Code::kBusy,
                      "a process holds the folder's database and does not answer as its node: " +
                          session.error().detail,
                      {},
                      {},
                      "a node on port 0 is found by nobody: give it a port"});
  return at_node(*session);
}

std::string text_of(const json::Value& object, std::string_view name) {
  return std::string(json::text_or(object.as_object(), name));
}
std::string roles_of(const json::Value& official) {
  std::string out;
  for (const auto& role : official.at("roles").as_array()) {
    if (!out.empty()) out += ',';
    out += std::string_view(role.as_string());
  }
  return out;
}

}  // namespace

// What the node says of itself, without its people.
Result<identity::Entry> own_entry(const Config& config) {
  ENTENTE_TRY(node, crypto::PrivateKey::load(config.key("node.key")));
  ENTENTE_TRY(ledger_key, crypto::PrivateKey::load(config.key("ledger.key")));
  ENTENTE_TRY(log, ledger::Log::create(config.party + "/ledger", ledger_key));
  identity::Entry e;
  e.party = config.party;
  e.name = config.name;
  e.kind = config.kind;
  e.url = config.url;
  e.node_key = node.public_key();
  e.log_vkey = log.note_key().vkey();
  e.issued_at = SystemClock().now();
  if (config.kind == "overseer") {
    ENTENTE_TRY(witness, crypto::PrivateKey::load(config.key("witness.key")));
    ENTENTE_TRY(
        key, crypto::NoteKey::make(config.party + "/witness", crypto::NoteAlgorithm::kCosignatureV1,
                                   witness.public_key()));
    e.witness_vkey = key.vkey();
  }
  return e;
}

Result<void> show_node(const fs::path& folder) {
  ENTENTE_TRY(config, load_config(folder));
  ENTENTE_TRY(e, own_entry(config));
  fmt::print(
      "party        {}\nname         {}\nkind         {}\nurl          {}\nfingerprint  {}\nlog    "
      "      {}\n",
      e.party, e.name, e.kind, e.url, e.node_key.fingerprint(), e.log_vkey);
  if (!e.witness_vkey.empty()) fmt::print("witness      {}\n", e.witness_vkey);
  return {};
}

Result<void> print_directory(const fs::path& folder) {
  ENTENTE_TRY(config, load_config(folder));
  return in_folder_or_node(
      config,
      [&](store::Store& store) -> Result<void> {
        ENTENTE_TRY(e, own_entry(config));
        ENTENTE_TRY(node, crypto::PrivateKey::load(config.key("node.key")));
        ENTENTE_TRY(officials, store::read_returning<std::vector<identity::Official>>(
                                   store, [&](store::Tx& tx) {
                                     return identity::officials_of(tx, config.party);
                                   }));
        e.officials = std::move(officials);
        fmt::print("{}\n", identity::to_envelope(e, node));
        return {};
      },
      [](Session& node) -> Result<void> {
        ENTENTE_TRY(entry, node.call("GET", "/.well-known/entente.json"));
        fmt::print("{}\n", boost::json::serialize(entry));
        return {};
      });
}

Result<void> new_key(const fs::path& file) {
  SystemRandom random;
  const auto key = crypto::PrivateKey::generate(random);
  ENTENTE_CHECK_OK(key.save(file));
  fmt::print("keyid   {}\npublic  {}\n", key.public_key().id(), key.public_key().text());
  return {};
}

Result<void> add_person(const fs::path& folder, const std::string& name,
                        const std::vector<std::string>& roles, const std::string& public_key,
                        const fs::path& key_file) {
  ENTENTE_TRY(config, load_config(folder));
  identity::Official official;
  official.name = name;
  official.roles = roles;
  if (!key_file.empty()) {
    ENTENTE_TRY(key, crypto::PrivateKey::load(key_file));
    official.key = key.public_key();
  } else {
    ENTENTE_TRY(key, crypto::PublicKey::parse(public_key));
    official.key = key;
  }
  return in_folder_or_node(
      config,
      [&](store::Store& store) -> Result<void> {
        ENTENTE_TRY(added, store::write_returning<identity::Official>(store, [&](store::Tx& tx) {
                      return identity::enrol(tx, config.party, official, SystemClock().now());
                    }));
        fmt::print("{} {} {}\n", added.person, added.key.id(), fmt::join(added.roles, ","));
        return {};
      },
      [&](Session& node) -> Result<void> {
        ENTENTE_TRY(added,
                    node.call("POST", "/v1/admin/people",
                              json::Object{{"name", official.name},
                                           {"key", official.key.text()},
                                           {"roles", json::Array(roles.begin(), roles.end())}}));
        fmt::print("{} {} {}\n", text_of(added, "person"), text_of(added, "keyid"),
                   roles_of(added));
        return {};
      });
}

Result<void> revoke_person(const fs::path& folder, const std::string& keyid) {
  ENTENTE_TRY(config, load_config(folder));
  ENTENTE_CHECK_OK(in_folder_or_node(
      config,
      [&](store::Store& store) {
        return store.write(
            [&](store::Tx& tx) { return identity::revoke(tx, keyid, SystemClock().now()); });
      },
      [&](Session& node) -> Result<void> {
        ENTENTE_TRY(done, node.call("POST", "/v1/admin/people/" + keyid + "/revocation",
                                    json::Value(json::Object())));
        static_cast<void>(done);
        return {};
      }));
  fmt::print("revoked {}\n", keyid);
  return {};
}

Result<void> list_persons(const fs::path& folder) {
  ENTENTE_TRY(config, load_config(folder));
  return in_folder_or_node(
      config,
      [&](store::Store& store) -> Result<void> {
        ENTENTE_TRY(
            all, store::read_returning<std::vector<identity::Official>>(store, [&](store::Tx& tx) {
              return identity::officials_of(tx, config.party);
            }));
        for (const auto& o : all)
          fmt::print("{} {} {} \"{}\"{}\n", o.person, o.key.id(), fmt::join(o.roles, ","), o.name,
                     o.revoked_at ? " revoked" : "");
        return {};
      },
      [](Session& node) -> Result<void> {
        ENTENTE_TRY(all, node.call("GET", "/v1/admin/people"));
        for (const auto& o : all.at("items").as_array())
          fmt::print("{} {} {} \"{}\"{}\n", text_of(o, "person"), text_of(o, "keyid"), roles_of(o),
                     text_of(o, "name"), o.at("revoked_at").is_null() ? "" : " revoked");
        return {};
      });
}

Result<void> add_party(const fs::path& folder, const std::string& source,
                       const std::string& fingerprint) {
  ENTENTE_TRY(config, load_config(folder));
  std::string envelope;
  const bool remote = source.starts_with("http://") || source.starts_with("https://");
  if (remote) {
    http::Client client({config.allow_private_addresses, config.allow_plain_http});
    http::ClientRequest request;
    request.url = source + "/.well-known/entente.json";
    ENTENTE_TRY(answer, client.send(request));
    if (answer.status != 200)
      return fail(Code::kUnavailable, fmt::format("{} answered {}", request.url, answer.status));
    envelope = std::move(answer.body);
  } else {
    std::ifstream in(source, std::ios::binary);
    if (!in) return fail(Code::kNotFound, "cannot read " + source);
    envelope.assign(std::istreambuf_iterator<char>(in), {});
    while (envelope.ends_with('\n')) envelope.pop_back();
  }
  ENTENTE_TRY(entry, identity::parse_entry(envelope));
  if (remote && entry.url != source)
    return fail(Code::kForbidden, fmt::format("{} says it lives at {}", entry.party, entry.url),
                "url");
  ENTENTE_CHECK_OK(in_folder_or_node(
      config,
      [&](store::Store& store) {
        return store.write([&](store::Tx& tx) {
          return identity::trust(tx, entry, fingerprint, SystemClock().now());
        });
      },
      [&](Session& node) -> Result<void> {
        ENTENTE_TRY(parsed, json::parse(envelope, 4 << 20));
        ENTENTE_TRY(done, node.call("POST", "/v1/admin/parties",
                                    json::Object{{"entry", std::move(parsed)},
                                                 {"fingerprint", fingerprint}}));
        static_cast<void>(done);
        return {};
      }));
  fmt::print("trusted {} ({}, {})\n", entry.party, entry.name, entry.kind);
  return {};
}

Result<void> list_known_parties(const fs::path& folder) {
  ENTENTE_TRY(config, load_config(folder));
  return in_folder_or_node(
      config,
      [&](store::Store& store) -> Result<void> {
        ENTENTE_TRY(all, store::read_returning<std::vector<identity::PartyRow>>(
                             store, [&](store::Tx& tx) { return identity::list_parties(tx); }));
        for (const auto& p : all)
          fmt::print("{} {} {} {}\n", p.party, p.kind, p.url, p.fingerprint);
        return {};
      },
      [](Session& node) -> Result<void> {
        ENTENTE_TRY(all, node.call("GET", "/v1/parties"));
        for (const auto& p : all.at("items").as_array())
          fmt::print("{} {} {} {}\n", text_of(p, "party"), text_of(p, "kind"), text_of(p, "url"),
                     text_of(p, "fingerprint"));
        return {};
      });
}

Result<void> audit_ledger(const fs::path& folder) {
  ENTENTE_TRY(config, load_config(folder));
  ENTENTE_TRY(key, crypto::PrivateKey::load(config.key("ledger.key")));
  ENTENTE_TRY(log, ledger::Log::create(config.party + "/ledger", key));
  ENTENTE_TRY(store, sqlite::SqliteStore::open((config.folder / "entente.db").string(), {}));
  ENTENTE_TRY(found, ledger::audit(*store, log));
  for (const auto& f : found.faults) fmt::print("{}\n", f);
  if (!found.sound()) return fail(Code::kCorrupt, "the ledger contradicts itself");
  fmt::print("ok size={} root={}\n", found.size, to_hex(found.root));
  return {};
}

Result<void> print_nginx_conf(const fs::path& folder, std::uint16_t port, const fs::path& prefix,
                              const std::string& user) {
  ENTENTE_TRY(config, load_config(folder));
  if (!config.site) return fail(Code::kInvalid, "entente.toml has no [site]", "site");
  effects::site::SiteOptions options;
  options.content_root = config.site->content_root;
  options.public_base = config.site->public_base;
  options.blocked_map = config.site->blocked_map;
  options.nginx_pid = config.site->nginx_pid;
  options.platform_url = config.url;
  effects::site::NginxRun run;
  run.user = user;
  fmt::print("{}", effects::site::nginx_conf(options, port, prefix, run));
  return {};
}

}  // namespace entente::app

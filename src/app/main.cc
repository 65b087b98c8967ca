// SPDX-License-Identifier: Apache-2.0
//
// The command line. The only unit that sees CLI11 (eight seconds to compile): it parses, and calls
// commands.h.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "commands.h"
#include "node.h"

namespace {

using entente::Result;
namespace app = entente::app;

struct Options {
  app::Config config;
  app::SiteConfig site;
  std::string folder, file, name, public_key, key_file, keyid, url, fingerprint, act, role,
      token_file, prefix, nginx_user, listen;
  std::vector<std::string> roles, files;
  int port = 0;
  app::Remote remote;
  app::MoveOptions move;
  app::VerifyOptions verify;
  std::string review;
  int target = -1;
};

void add_node_commands(CLI::App& cli, Options& o, std::function<Result<void>()>& run) {
  auto* init = cli.add_subcommand("init", "Make a node's folder: keys and entente.toml");
  init->add_option("folder", o.folder)->required();
  init->add_option("--party", o.config.party, "domain of the organisation")->required();
  init->add_option("--name", o.config.name, "name as shown")->required();
  init->add_option("--kind", o.config.kind,
                   "authority, platform, overseer, access_provider, search_engine, court, flagger "
                   "or coordinator")
      ->required();
  init->add_option("--url", o.config.url, "where peers and people reach it")->required();
  init->add_option("--address", o.config.address, "address to listen on");
  init->add_option("--port", o.port, "port to listen on")->required()->check(CLI::Range(0, 65535));
  init->add_option("--web", o.config.web, "folder of the built screens");
  init->add_flag("--plain-http", o.config.allow_plain_http, "let peers be reached over http");
  init->add_flag("--private-addresses", o.config.allow_private_addresses,
                 "let peers live on private addresses");
  init->add_option("--clock-offset-ms", o.config.clock_offset_ms, "run with a wrong clock (tests)");
  init->add_option("--site-root", o.site.content_root, "platform: folder of the published content");
  init->add_option("--site-base", o.site.public_base, "platform: its public address");
  init->add_option("--site-map", o.site.blocked_map, "platform: the map file nginx includes");
  init->add_option("--site-pid", o.site.nginx_pid, "platform: nginx's pid file");
  init->callback([&] {
    run = [&]() -> Result<void> {
      o.config.folder = std::filesystem::absolute(o.folder);
      o.config.port = static_cast<std::uint16_t>(o.port);
      if (!o.site.content_root.empty()) o.config.site = o.site;
      if (auto done = app::init_folder(o.config); !done) return done;
      return app::show_node(o.config.folder);
    };
  });
  auto* serve = cli.add_subcommand("serve", "Run the node of a folder");
  serve->add_option("folder", o.folder)->required();
  serve->callback([&] {
    run = [&]() -> Result<void> {
      auto config = app::load_config(o.folder);
      if (!config) return tl::unexpected(config.error());
      return app::serve(*config);
    };
  });
  auto* routes = cli.add_subcommand("routes",
                                    "Print method and pattern of everything a node of "
                                    "this folder answers, but its screens");
  routes->add_option("folder", o.folder)->required();
  routes->callback([&] {
    run = [&]() -> Result<void> {
      auto config = app::load_config(o.folder);
      if (!config) return tl::unexpected(config.error());
      return app::print_routes(*config);
    };
  });
  auto* show = cli.add_subcommand("show", "Print a node's fingerprint and ledger key");
  show->add_option("folder", o.folder)->required();
  show->callback([&] { run = [&] { return app::show_node(o.folder); }; });
  auto* audit = cli.add_subcommand("audit", "Recompute a node's whole ledger and compare");
  audit->add_option("folder", o.folder)->required();
  audit->callback([&] { run = [&] { return app::audit_ledger(o.folder); }; });
  auto* nginx = cli.add_subcommand("nginx-conf",
                                   "Print an nginx configuration for the platform's content host");
  nginx->add_option("folder", o.folder)->required();
  nginx->add_option("--port", o.port)->required()->check(CLI::Range(0, 65535));
  nginx->add_option("--prefix", o.prefix, "folder for nginx's own files")->required();
  nginx->add_option("--user", o.nginx_user, "whom workers run as, when started as root");
  nginx->callback([&] {
    run = [&] {
      return app::print_nginx_conf(o.folder, static_cast<std::uint16_t>(o.port), o.prefix,
                                   o.nginx_user);
    };
  });
}

void add_directory_commands(CLI::App& cli, Options& o, std::function<Result<void>()>& run) {
  auto* key = cli.add_subcommand("key", "Keys of persons")->require_subcommand(1);
  auto* key_new = key->add_subcommand("new", "Make a private key; prints its public part");
  key_new->add_option("file", o.file)->required();
  key_new->callback([&] { run = [&] { return app::new_key(o.file); }; });

  auto* person =
      cli.add_subcommand("person", "People who act for the organisation")->require_subcommand(1);
  auto* add = person->add_subcommand("add", "Enrol a person, or change their roles");
  add->add_option("folder", o.folder)->required();
  add->add_option("--name", o.name)->required();
  add->add_option("--role", o.roles,
                  "drafter, signer, moderator, reviewer, overseer, court_clerk, home_officer, "
                  "administrator")
      ->required();
  auto* pub = add->add_option("--public", o.public_key, "ed25519:…");
  add->add_option("--key", o.key_file, "a private key file whose public part is taken")
      ->excludes(pub);
  add->callback([&] {
    run = [&] { return app::add_person(o.folder, o.name, o.roles, o.public_key, o.key_file); };
  });
  auto* revoke = person->add_subcommand("revoke", "Revoke a key, for ever");
  revoke->add_option("folder", o.folder)->required();
  revoke->add_option("keyid", o.keyid)->required();
  revoke->callback([&] { run = [&] { return app::revoke_person(o.folder, o.keyid); }; });
  auto* persons = person->add_subcommand("list", "List people");
  persons->add_option("folder", o.folder)->required();
  persons->callback([&] { run = [&] { return app::list_persons(o.folder); }; });

  auto* party =
      cli.add_subcommand("party", "Organisations this node trusts")->require_subcommand(1);
  auto* trust =
      party->add_subcommand("add", "Trust a party whose fingerprint was confirmed out of band");
  trust->add_option("folder", o.folder)->required();
  trust->add_option("source", o.url, "its node's URL, or a file with its directory entry")
      ->required();
  trust->add_option("--fingerprint", o.fingerprint)->required();
  trust->callback([&] { run = [&] { return app::add_party(o.folder, o.url, o.fingerprint); }; });
  auto* mine = party->add_subcommand("self", "Print this node's own signed directory entry");
  mine->add_option("folder", o.folder)->required();
  mine->callback([&] { run = [&] { return app::print_directory(o.folder); }; });
  auto* parties = party->add_subcommand("list", "List parties");
  parties->add_option("folder", o.folder)->required();
  parties->callback([&] { run = [&] { return app::list_known_parties(o.folder); }; });
}

void add_offline_commands(CLI::App& cli, Options& o, std::function<Result<void>()>& run) {
  auto* verify = cli.add_subcommand("verify", "Check an envelope or a .tlog-proof, offline");
  verify->add_option("file", o.verify.file)->required();
  verify->add_option("--key", o.verify.keys, "ed25519:… expected to have signed");
  verify->add_option("--directory", o.verify.directory, "a party's entente.json");
  verify->add_option("--leaf", o.verify.leaf, "the leaf a proof is about");
  verify->add_option("--log", o.verify.log_vkey, "the ledger's verification key");
  verify->add_option("--witness", o.verify.witness_vkeys, "verification keys of witnesses");
  verify->add_option("--min-witnesses", o.verify.min_witnesses);
  verify->callback([&] { run = [&] { return app::verify_file(o.verify); }; });

  auto* hash = cli.add_subcommand("hash", "Print PDQ hash and quality of images");
  hash->add_option("files", o.files)->required();
  hash->callback([&] { run = [&] { return app::hash_files({o.files.begin(), o.files.end()}); }; });

  auto* regime = cli.add_subcommand("regime", "The law as data")->require_subcommand(1);
  auto* check = regime->add_subcommand(
      "check", "Prove regimes, or refuse them with the path that breaks them");
  check->add_option("files", o.files,
                    "regimes (.toml) and forms (.json); default: those of this binary");
  check->callback([&] {
    run = [&] { return app::check_regimes({o.files.begin(), o.files.end()}); };
  });
  auto* list = regime->add_subcommand("list", "List the regimes of this binary");
  list->callback([&] { run = [&] { return app::list_regimes(); }; });
  auto* schema = regime->add_subcommand("schema", "Print the schema that regimes are written by");
  schema->callback([&] { run = [&] { return app::print_regime_schema(); }; });
}

void add_remote_commands(CLI::App& cli, Options& o, std::function<Result<void>()>& run) {
  const auto remote = [&](CLI::App* c, bool key_needed) {
    c->add_option("--node", o.remote.node, "the node's URL")->required();
    auto* k =
        c->add_option("--key", o.remote.key, "your private key file; it never leaves this machine");
    if (key_needed) k->required();
  };
  auto* act = cli.add_subcommand("act", "Compose, read and move acts")->require_subcommand(1);
  auto* compose = act->add_subcommand(
      "compose", "Draft an act from a JSON file: regime, form, targets, participants");
  remote(compose, true);
  compose->add_option("draft", o.file)->required();
  compose->add_option("--role", o.role)->default_val("drafter");
  compose->callback([&] { run = [&] { return app::remote_compose(o.remote, o.role, o.file); }; });
  auto* move = act->add_subcommand("do", "Make a move: sign, accept, annul, …");
  remote(move, true);
  move->add_option("act", o.move.act)->required();
  move->add_option("move", o.move.move)->required();
  move->add_option("--role", o.move.role)->required();
  move->add_option("--target", o.target);
  move->add_option("--review", o.move.review);
  move->add_option("--body", o.move.body, "JSON, or @file");
  move->callback([&] {
    run = [&] {
      if (o.target >= 0) o.move.target = static_cast<std::size_t>(o.target);
      return app::remote_move(o.remote, o.move);
    };
  });
  auto* show = act->add_subcommand("show", "The act as JSON");
  remote(show, true);
  show->add_option("act", o.act)->required();
  show->callback([&] { run = [&] { return app::remote_get(o.remote, "/v1/acts/" + o.act); }; });
  auto* list = act->add_subcommand("list", "Newest acts");
  remote(list, true);
  list->callback([&] { run = [&] { return app::remote_get(o.remote, "/v1/acts"); }; });
  auto* queue = cli.add_subcommand("queue", "What waits for a decision, by time left");
  remote(queue, true);
  queue->callback([&] { run = [&] { return app::remote_get(o.remote, "/v1/queue"); }; });
  auto* refusals = cli.add_subcommand("refusals", "Refused steps, newest first");
  remote(refusals, true);
  refusals->callback([&] { run = [&] { return app::remote_get(o.remote, "/v1/refusals"); }; });
  auto* record = cli.add_subcommand("record", "The public record of an act");
  remote(record, false);
  record->add_option("act", o.act)->required();
  record->callback([&] { run = [&] { return app::remote_get(o.remote, "/v1/record/" + o.act); }; });
  auto* match = cli.add_subcommand("match", "Check an image as the platform's upload service does");
  match->add_option("--node", o.remote.node)->required();
  match->add_option("--token", o.token_file, "keys/upload.token of the platform's node")
      ->required();
  match->add_option("image", o.file)->required();
  match->callback(
      [&] { run = [&] { return app::remote_match(o.remote.node, o.token_file, o.file); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Entente: acts between public authorities and the companies that run the internet"};
  cli.set_version_flag("--version", std::string("entente 0.1.0"));
  cli.require_subcommand(1);
  Options options;
  std::function<Result<void>()> run;
  add_node_commands(cli, options, run);
  add_directory_commands(cli, options, run);
  add_offline_commands(cli, options, run);
  add_remote_commands(cli, options, run);
  CLI11_PARSE(cli, argc, argv);
  const auto done = run();
  if (done) return 0;
  std::fprintf(stderr, "entente: %s\n", entente::to_string(done.error()).c_str());
  return 1;
}

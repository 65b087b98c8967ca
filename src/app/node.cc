// SPDX-License-Identifier: Apache-2.0
#include "node.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/core/log.h"
#include "entente/dossier/routes.h"
#include "entente/exchange/exchange.h"
#include "entente/http/server.h"
#include "entente/identity/routes.h"
#include "entente/ledger/routes.h"
#include "handlers.h"
#include "matching_desk.h"
#include "scheduler.h"
#include "static_files.h"
#include "ticker.h"
#include "witnessing.h"

namespace entente::app {
namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr std::chrono::seconds kWitnessTick{2};  // a leaf is cosigned within seconds of its commit
// Looks whose directory entry is old (exchange::kDirectoryAge); with it, five minutes are kept.
constexpr std::chrono::seconds kDirectoryTick{30};

std::vector<store::Migration> migrations() {
  std::vector<store::Migration> out = {identity::migration(), ledger::Log::migration(),
                                       dossier::migration(),  effects::outbox_migration(),
                                       exchange::migration(), items_migration()};
  for (store::Migration& m : MatchingDesk::migrations()) out.push_back(std::move(m));
  return out;
}

struct Keys {
  crypto::PrivateKey node, ledger;
  std::optional<crypto::PrivateKey> witness;
  std::string upload_token;
};

Result<Keys> load_keys(const Config& c) {
  ENTENTE_TRY(node, crypto::PrivateKey::load(c.key("node.key")));
  ENTENTE_TRY(ledger, crypto::PrivateKey::load(c.key("ledger.key")));
  Keys keys{std::move(node), std::move(ledger), std::nullopt, {}};
  if (c.kind == "overseer") {
    ENTENTE_TRY(witness, crypto::PrivateKey::load(c.key("witness.key")));
    keys.witness = std::move(witness);
  }
  if (c.kind == "platform") {
    std::ifstream in(c.key("upload.token"));
    std::getline(in, keys.upload_token);
  }
  return keys;
}

Result<json::Array> match_items(store::Tx& tx) {
  ENTENTE_TRY(tasks, matching::open_tasks(tx, {}, 100));
  json::Array out;
  for (const auto& t : tasks)
    out.push_back({{"kind", "match"},
                   {"id", t.id},
                   {"mode", "match"},
                   {"title",
                    {{"en", "Upload resembling removed content"},
                     {"fr", "Envoi ressemblant à un contenu retiré"}}},
                   {"summary", fmt::format("{} match(es)", t.matches.size())},
                   {"state", "review"},
                   {"due", nullptr},
                   {"due_1182", nullptr},
                   {"received_at", format_rfc3339(t.created_at)}});
  return out;
}

// Everything of a running node, in the order it is built and torn down.
class Node {
 public:
  explicit Node(const Config& config) : config_(config), clock_(Millis(config.clock_offset_ms)) {}

  Result<void> open() {
    // First of all, before keys are read and threads start: the decoders are forked from this
    // process as it is now.
    if (config_.kind == "platform") {
      ENTENTE_TRY(pool, media::DecoderPool::create(
                            MatchingDesk::sandbox(),
                            matching::picture_job(config_.strict_fingerprints
                                                      ? matching::Exactness::kStrict
                                                      : matching::Exactness::kQuick)));
      pool_ = std::move(pool);
    }
    ENTENTE_TRY(keys, load_keys(config_));
    keys_ = std::make_unique<Keys>(std::move(keys));
    ENTENTE_TRY(regimes, acts::Catalogue::builtin());
    regimes_ = std::make_unique<acts::Catalogue>(std::move(regimes));
    ENTENTE_CHECK_OK(open_store());
    client_ = std::make_unique<http::Client>(
        http::ClientOptions{config_.allow_private_addresses, config_.allow_plain_http});
    service_ = std::make_unique<dossier::Service>(dossier::Service::Parts{
        *store_, *regimes_, *log_, keys_->node, clock_, random_, config_.party, config_.url});
    exchange_ = std::make_unique<exchange::Exchange>(*service_, *client_);
    ENTENTE_CHECK_OK(open_effects());
    return open_routes();
  }

  std::vector<std::pair<std::string, std::string>> routes() const { return router_.routes(); }

  Result<void> run() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    std::thread signals([this, set] {
      int which = 0;
      sigwait(&set, &which);
      log::info("node.stopping", {{"signal", which}});
      server_->stop();
    });
    ENTENTE_CHECK_OK(dispatcher_->start());
    Scheduler scheduler(*service_);
    scheduler.start();
    Witnessing witnessing(*store_, *log_, *client_, witness_ ? &*witness_ : nullptr, config_.party);
    Ticker witness_ticker(kWitnessTick, [&] { witnessing.tick(); });
    witness_ticker.start();
    Ticker directory_ticker(kDirectoryTick, [this] {
      if (const auto done = exchange_->refresh_directories(); !done)
        log::error("directory.failed", {{"why", done.error().detail}});
    });
    directory_ticker.start();
    if (desk_) desk_->start();
    log::info("node.ready", {{"party", config_.party}, {"port", server_->port()}});
    std::printf("ready http://%s:%u\n", config_.address.c_str(),
                static_cast<unsigned>(server_->port()));
    std::fflush(stdout);
    server_->run();
    hub_ = nullptr;
    directory_ticker.stop();
    witness_ticker.stop();
    scheduler.stop();
    dispatcher_->stop();
    if (desk_) desk_->stop();
    signals.join();
    return {};
  }

 private:
  Result<void> open_store() {
    ENTENTE_TRY(store, sqlite::SqliteStore::open((config_.folder / "entente.db").string(), {}));
    store_ = std::move(store);
    ENTENTE_TRY(log, ledger::Log::create(config_.party + "/ledger", keys_->ledger));
    log_ = std::make_unique<ledger::Log>(std::move(log));
    ENTENTE_CHECK_OK(store::migrate(*store_, migrations(), to_ms(clock_.now())));
    // The checkpoint is signed inside the very transaction that appended.
    store_->before_commit([this](store::Tx& tx) { return log_->sign_checkpoint(tx); });
    store_->after_commit([this] {
      if (const auto wake = waker_; wake) wake();
      if (auto* hub = hub_.load()) hub->publish(dossier::kQueueTopic, "queue", "{}");
    });
    if (keys_->witness) {
      ENTENTE_TRY(witness, ledger::WitnessService::create(config_.party + "/witness",
                                                          *keys_->witness, clock_));
      witness_.emplace(std::move(witness));
    }
    identity::Entry entry;
    entry.party = config_.party;
    entry.name = config_.name;
    entry.kind = config_.kind;
    entry.url = config_.url;
    entry.node_key = keys_->node.public_key();
    entry.log_vkey = log_->note_key().vkey();
    if (witness_) entry.witness_vkey = witness_->note_key().vkey();
    entry.issued_at = clock_.now();
    self_ =
        std::make_unique<identity::Self>(identity::Self{entry, keys_->node, std::string(kVersion)});
    return store_->write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(identity::trust(tx, entry, entry.node_key.fingerprint(), clock_.now()));
      if (config_.kind == "platform")
        return banks_.create(tx, kRemovedBank, "Removed by order", fingerprint::kMatchDistance,
                             clock_.now());
      return {};
    });
  }

  Result<void> open_effects() {
    if (pool_) {
      ENTENTE_TRY(desk, MatchingDesk::open({config_, *store_, banks_, *pool_, *client_, clock_,
                                            random_, keys_->node, keys_->upload_token}));
      desk_ = std::move(desk);
    }
    if (config_.site) {
      effects::site::SiteOptions options;
      options.content_root = config_.site->content_root;
      options.public_base = config_.site->public_base;
      options.blocked_map = config_.site->blocked_map;
      options.nginx_pid = config_.site->nginx_pid;
      options.sealed_dir = config_.folder / "sealed";
      options.seal_identity = config_.key("seal.key");
      options.platform_url = config_.url;
      ENTENTE_TRY(site, effects::site::Site::open(std::move(options), random_, clock_));
      site_ = std::move(site);
    }
    handlers_ = std::make_unique<Handlers>(
        Handlers::Parts{*service_, site_.get(), desk_ ? &desk_->matcher() : nullptr, banks_,
                        config_.folder / "notifications"});
    dispatcher_ = std::make_unique<effects::Dispatcher>(*store_, clock_, random_);
    dispatcher_->handle("deliver", exchange_->deliverer());
    handlers_->add_to(*dispatcher_);
    dispatcher_->on_done([this](store::Tx& tx, const effects::Effect& e, const json::Object& r) {
      return handlers_->follow_up(tx, e, r);
    });
    service_->on_effect([this](store::Tx& tx, const acts::WantedEffect& w, const dossier::Loaded& l,
                               effects::Effect& e) { return handlers_->at_once(tx, w, l, e); });
    waker_ = dispatcher_->waker();
    return {};
  }

  Result<void> open_routes() {
    identity::add_routes(router_, *store_, *self_, clock_, random_);
    ledger::add_routes(router_, *store_, witness_ ? &*witness_ : nullptr);
    exchange_->add_routes(router_);
    dossier::RouteParts parts{*service_, *store_, clock_, random_,
                              {},        {},      {},     config_.kind == "platform"};
    if (site_) {
      parts.has_content = [this](const std::string& url) { return site_->locate(url).has_value(); };
      parts.read_content = [this](const std::string& url) { return site_->read(url); };
    }
    if (desk_) {
      parts.more_queue_items = match_items;
      desk_->add_routes(router_);
    }
    dossier::add_routes(router_, std::move(parts));
    router_.add("GET", "/healthz", [](const http::Request&) -> Result<http::Response> {
      return http::text_response("ok\n");
    });
    router_.add("GET", "/metrics", [this](const http::Request&) { return metrics(); });
    if (!config_.web.empty()) ENTENTE_CHECK_OK(add_static_routes(router_, config_.web));
    ENTENTE_TRY(server, http::Server::create(router_, {config_.address, config_.port, limits()}));
    server_ = std::move(server);
    hub_ = &server_->events();
    return {};
  }

  http::ServerLimits limits() const {
    http::ServerLimits out;
    if (desk_) out.cpu_workers = MatchingDesk::workers();
    return out;
  }

  Result<http::Response> metrics() {
    std::string text;
    ENTENTE_CHECK_OK(store_->read([&](store::Tx& tx) -> Result<void> {
      ENTENTE_TRY(counts, effects::counts(tx, clock_.now()));
      ENTENTE_TRY(leaves, ledger::Log::size(tx));
      ENTENTE_TRY(rows, tx.query("SELECT (SELECT COUNT(*) FROM act), (SELECT COUNT(*) FROM "
                                 "refusal), (SELECT COUNT(*) FROM act WHERE waits = 1)"));
      const auto add = [&](std::string_view name, std::string_view help, std::string_view type,
                           std::int64_t value) {
        text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
      };
      add("entente_ledger_leaves", "Leaves of this node's ledger.", "counter",
          static_cast<std::int64_t>(leaves));
      add("entente_acts", "Acts this node takes part in.", "gauge", rows[0].integer(0));
      add("entente_refusals", "Refused steps.", "counter", rows[0].integer(1));
      add("entente_queue", "Acts waiting for a decision.", "gauge", rows[0].integer(2));
      add("entente_effects_pending", "Effects not carried out yet.", "gauge", counts.pending);
      add("entente_effects_failed", "Effects that failed for good and need a person.", "gauge",
          counts.failed);
      return {};
    }));
    return http::text_response(text, "text/plain; version=0.0.4; charset=utf-8");
  }

  Config config_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<media::DecoderPool> pool_;
  std::unique_ptr<Keys> keys_;
  std::unique_ptr<acts::Catalogue> regimes_;
  std::unique_ptr<ledger::Log> log_;
  std::optional<ledger::WitnessService> witness_;
  std::function<void()> waker_;  // set before the first server thread starts
  std::atomic<http::EventHub*> hub_{nullptr};
  matching::Banks banks_;
  std::unique_ptr<identity::Self> self_;
  std::unique_ptr<http::Client> client_;
  http::Router router_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<dossier::Service> service_;
  std::unique_ptr<exchange::Exchange> exchange_;
  std::unique_ptr<MatchingDesk> desk_;
  std::unique_ptr<effects::site::Site> site_;
  std::unique_ptr<Handlers> handlers_;
  std::unique_ptr<effects::Dispatcher> dispatcher_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<void> print_routes(Config config) {
  config.web.clear();
  config.port = 0;  // any: nothing is served
  Node node(config);
  ENTENTE_CHECK_OK(node.open());
  for (const auto& [method, pattern] : node.routes())
    std::printf("%s %s\n", method.c_str(), pattern.c_str());
  return {};
}

Result<void> serve(const Config& config) {
  // Before any thread exists, so that all inherit it: signals are taken by one thread with sigwait.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  Node node(config);
  ENTENTE_CHECK_OK(node.open());
  return node.run();
}

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
//
// For tests of this folder and of those above it: organisations whose keys the test holds, and a
// node of one of them with a real store, ledger and outbox. Clock and randomness are the test's and
// may be read from any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "entente/acts/testing.h"
#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/core/id.h"
#include "entente/crypto/sha256.h"
#include "entente/dossier/service.h"
#include "entente/dossier/view.h"

namespace entente::dossier::testing {

namespace at = acts::testing;

class TestClock final : public Clock {
 public:
  explicit TestClock(Instant start) : ms_(to_ms(start)) {}
  Instant now() const override { return instant_from_ms(ms_); }
  void advance(Millis by) { ms_ += by.count(); }
  void set(Instant t) { ms_ = to_ms(t); }

 private:
  std::atomic<std::int64_t> ms_;
};

class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed) : inner_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    inner_.fill(out);
  }

 private:
  std::mutex mutex_;
  SeededRandom inner_;
};

// One person per role, as acts/testing.h has it.
struct Organisation {
  std::string party, kind, url = "http://127.0.0.1:1";
  crypto::PrivateKey node_key, ledger_key;
  std::map<std::string, crypto::PrivateKey, std::less<>> people;

  Organisation(std::string_view name, std::string_view what,
               std::initializer_list<const char*> roles, Random& random)
      : party(name),
        kind(what),
        node_key(crypto::PrivateKey::generate(random)),
        ledger_key(crypto::PrivateKey::generate(random)) {
    for (const auto* role : roles) people.emplace(role, crypto::PrivateKey::generate(random));
  }

  const crypto::PrivateKey& key_of(std::string_view role) const {
    const auto it = people.find(role);
    return it == people.end() ? node_key : it->second;
  }
  acts::Hand hand(std::string_view role) const {
    const auto keyid = key_of(role).public_key().id();
    return {party, people.contains(role) ? "p-" + keyid.substr(0, 20) : std::string(),
            std::string(role), keyid};
  }
  identity::Entry entry(Instant now) const {
    identity::Entry e;
    e.party = party;
    e.name = "Name of " + party;
    e.kind = kind;
    e.url = url;
    e.node_key = node_key.public_key();
    e.log_vkey = ledger::Log::create(party + "/ledger", ledger_key).value().note_key().vkey();
    e.issued_at = now;
    for (const auto& [role, key] : people)
      e.officials.push_back({hand(role).person, "Secret " + role, key.public_key(), {role}, {}});
    return e;
  }
};

inline std::string envelope(const acts::Step& step,
                            std::initializer_list<const crypto::PrivateKey*> keys) {
  crypto::Envelope e{std::string(acts::kStepType), to_bytes(acts::step_payload(step)), {}};
  for (const auto* key : keys) check(crypto::sign(e, *key).has_value(), "signing in a test");
  return crypto::to_json(e);
}

// Every organisation of a removal order, and its keys.
struct World {
  explicit World(std::uint64_t seed = 1)
      : random(seed),
        authority(at::kIssuer, "authority", {"drafter", "signer"}, random),
        platform(at::kAddressee, "platform", {"moderator", "reviewer"}, random),
        overseer(at::kOverseer, "overseer", {"overseer", "court_clerk"}, random) {}

  const Organisation& of(std::string_view party) const {
    for (const auto* o : {&authority, &platform, &overseer})
      if (o->party == party) return *o;
    check(false, "no such organisation in this test");
    return authority;
  }
  // Whoever may play this role.
  acts::Hand hand(const acts::Regime& regime, std::string_view role) const {
    return of(at::party_of(regime.role(role)->position)).hand(role);
  }

  TestClock clock{at::instant("2026-11-13T20:00:00Z")};
  TestRandom random;
  Organisation authority, platform, overseer;
};

// A node of one organisation that trusts all three.
class TestDossier {
 public:
  TestDossier(World& world, const Organisation& self, std::vector<store::Migration> more = {})
      : world_(world),
        self_(self),
        store_(sqlite::SqliteStore::open(folder_.file("node.db")).value()),
        log_(ledger::Log::create(self.party + "/ledger", self.ledger_key).value()) {
    std::vector<store::Migration> all = {identity::migration(), ledger::Log::migration(),
                                         migration(), effects::outbox_migration()};
    all.insert(all.end(), more.begin(), more.end());
    check(store::migrate(*store_, all, 1).has_value(), "test schema");
    store_->before_commit([this](store::Tx& tx) { return log_.sign_checkpoint(tx); });
    service_ = fresh_service();
  }

  void trust(const Organisation& o) {
    const auto e = o.entry(world_.clock.now());
    const auto done = store_->write([&](store::Tx& tx) {
      return identity::trust(tx, e, e.node_key.fingerprint(), world_.clock.now());
    });
    check(done.has_value(), "trusting in a test");
  }
  TestDossier& trust_all() {
    for (const auto* o : {&world_.authority, &world_.platform, &world_.overseer}) trust(*o);
    return *this;
  }

  // Another service over the same store, with nothing in its cache.
  std::unique_ptr<Service> fresh_service() {
    return std::make_unique<Service>(Service::Parts{*store_, at::catalogue(), log_, self_.node_key,
                                                    world_.clock, world_.random, self_.party,
                                                    self_.url});
  }

  store::Store& store() { return *store_; }
  const ledger::Log& log() const { return log_; }
  Service& service() { return *service_; }
  const Organisation& self() const { return self_; }

  template <class F>
  auto read(F&& work) {
    using R = typename std::invoke_result_t<F, store::Tx&>::value_type;
    auto out = store::read_returning<R>(*store_, std::forward<F>(work));
    check(out.has_value(), out ? "" : to_string(out.error()));
    return *std::move(out);
  }
  Loaded load(const std::string& act) {
    return read([&](store::Tx& tx) { return service_->load(tx, act); });
  }
  std::vector<StoredStep> steps(const std::string& act) {
    return read([&](store::Tx& tx) { return steps_of(tx, act); });
  }
  std::optional<StoredStep> step(const std::string& id) {
    return read([&](store::Tx& tx) { return find_step(tx, id); });
  }
  std::vector<Refusal> refusals() {
    return read([&](store::Tx& tx) { return list_refusals(tx, INT64_MAX, 100); });
  }
  std::vector<effects::Entry> outbox(const std::string& act = {}) {
    return read([&](store::Tx& tx) {
      effects::Filter f;
      if (!act.empty()) f.act = act;
      f.limit = effects::kMaxListed;
      return effects::list(tx, f, world_.clock.now());
    });
  }
  std::string region(const std::string& act, acts::Region r) {
    return std::string(acts::state_name(r, load(act).state.region[static_cast<std::size_t>(r)]));
  }
  // Rows of every table but the refusals', by name.
  std::map<std::string, std::int64_t> rows() {
    return read([&](store::Tx& tx) -> Result<std::map<std::string, std::int64_t>> {
      ENTENTE_TRY(tables, tx.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name "
                                   "NOT LIKE 'sqlite_%' AND name <> 'refusal' ORDER BY name"));
      std::map<std::string, std::int64_t> out;
      for (const auto& t : tables) {
        ENTENTE_TRY(n, tx.query("SELECT COUNT(*) FROM " + t.text(0)));
        out[t.text(0)] = n.at(0).integer(0);
      }
      return out;
    });
  }

  // What the named role would say next about the act, valid unless `wish` breaks it.
  acts::Step next(const acts::Regime& regime, const std::string& act, std::string_view move,
                  at::Wish wish = {}) {
    at::Drive drive(regime, world_.clock.now());
    if (!act.empty()) drive.state = load(act).state;
    if (wish.by.empty()) {
      const auto& role = wish.role.empty() ? regime.move(move)->by.front() : wish.role;
      wish.by.push_back(world_.hand(regime, role));
    }
    auto s = drive.step(move, std::move(wish));
    s.act = act.empty() ? make_act() : act;
    s.dossier = act.empty() ? make_act() : drive.state.dossier;
    s.id = at::step_id(s);
    return s;
  }
  std::string make_act() { return make_ulid(world_.clock.now(), world_.random); }
  // Signs a step with the keys of its hands.
  std::string sealed(const acts::Step& step) {
    crypto::Envelope e{std::string(acts::kStepType), to_bytes(acts::step_payload(step)), {}};
    for (const auto& h : step.by)
      check(crypto::sign(e, world_.of(h.party).key_of(h.role)).has_value(), "signing in a test");
    return crypto::to_json(e);
  }
  Result<Outcome> submit(const acts::Step& step, Source source = Source::kPerson) {
    return service_->submit(sealed(step), source);
  }
  // By the road that fits its author: an own person's, or a peer's delivery.
  Result<Outcome> say(const acts::Step& step) {
    return submit(step, step.author().party == self_.party ? Source::kPerson : Source::kPeer);
  }
  Result<Outcome> say(const acts::Regime& regime, const std::string& act, std::string_view move,
                      at::Wish wish = {}) {
    world_.clock.advance(std::chrono::seconds(1));
    return say(next(regime, act, move, std::move(wish)));
  }
  // An order signed and sent, at the authority's node.
  std::string sent_order() {
    const auto draft = say(at::tco(), {}, "compose");
    EXPECT_TRUE(draft) << (draft ? "" : to_string(draft.error()));
    const auto signature = say(at::tco(), draft->act, "sign");
    EXPECT_TRUE(signature) << (signature ? "" : to_string(signature.error()));
    return draft->act;
  }

 private:
  World& world_;
  const Organisation& self_;
  sqlite::TestFolder folder_;
  std::unique_ptr<store::Store> store_;
  ledger::Log log_;
  std::unique_ptr<Service> service_;
};

}  // namespace entente::dossier::testing

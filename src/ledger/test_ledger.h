// SPDX-License-Identifier: Apache-2.0
//
// For tests: a log with the published test key in a fresh database, and a witness.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/ledger/log.h"
#include "entente/ledger/witness.h"

namespace entente::ledger {

inline constexpr std::string_view kOrigin = "log.entente.example/removals";
inline constexpr std::string_view kWitnessName = "witness.example/w1";
inline constexpr std::int64_t kCosignTime = 1'700'000'000;

// The key of the seed first, first + 1, … first + 31.
inline crypto::PrivateKey key_from(std::uint8_t first) {
  Bytes seed;
  for (unsigned i = 0; i < crypto::kSeedBytes; ++i)
    seed.push_back(static_cast<std::uint8_t>(first + i));
  auto key = crypto::PrivateKey::from_seed(seed);
  check(key.has_value(), "test key");
  return std::move(*key);
}

// One node's database, with its log's hook.
struct TestNode {
  explicit TestNode(std::string_view origin = kOrigin, std::uint8_t seed = 0x00)
      : key(key_from(seed)), log(make_log(origin, key)) {
    open();
  }

  void open() {
    auto opened = sqlite::SqliteStore::open(folder.file("node.db"));
    check(opened.has_value(), "test database");
    store = std::move(*opened);
    check(store::migrate(*store, {Log::migration()}, 1).has_value(), "test schema");
    store->before_commit([this](store::Tx& tx) { return log.sign_checkpoint(tx); });
  }
  void reopen() {
    store.reset();
    open();
  }

  Result<std::uint64_t> append(std::string_view entry) {
    return store::write_returning<std::uint64_t>(
        *store, [&](store::Tx& tx) { return log.append(tx, entry, Instant{}); });
  }
  // entry-<size>, … up to that size.
  void grow_to(std::uint64_t size, std::string_view stem = "entry-") {
    while (this->size() < size) {
      const auto grown = store->write([&](store::Tx& tx) -> Result<void> {
        ENTENTE_TRY(from, Log::size(tx));
        for (auto i = from; i < std::min(from + 5000, size); ++i)
          ENTENTE_CHECK_OK(log.append(tx, std::string(stem) + std::to_string(i), Instant{}));
        return {};
      });
      check(grown.has_value(), "a test log cannot grow");
    }
  }
  template <class F>
  auto read(F&& work) {
    using T = typename std::invoke_result_t<F, store::Tx&>::value_type;
    return store::read_returning<T>(*store, std::forward<F>(work));
  }
  std::uint64_t size() { return read(&Log::size).value(); }
  std::string checkpoint() {
    return read([](store::Tx& tx) { return Log::checkpoint(tx); }).value().note;
  }
  std::string proof(std::uint64_t index, Cosigned cosigned = Cosigned::kNo) {
    return read([&](store::Tx& tx) { return Log::proof(tx, index, cosigned); }).value();
  }
  Result<void> sql(const std::string& text) {
    return store->write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(text));
      return {};
    });
  }

  static Log make_log(std::string_view origin, const crypto::PrivateKey& key) {
    auto made = Log::create(std::string(origin), key);
    check(made.has_value(), "test log");
    return *std::move(made);
  }

  sqlite::TestFolder folder;
  crypto::PrivateKey key;
  Log log;
  std::unique_ptr<sqlite::SqliteStore> store;
};

// A witness in a database of its own that knows the test log.
struct TestWitness {
  TestWitness() : key(key_from(0x20)), service(make(key, clock)) {
    auto opened = sqlite::SqliteStore::open(folder.file("witness.db"));
    check(opened.has_value(), "test database");
    store = std::move(*opened);
    check(store::migrate(*store, {Log::migration()}, 1).has_value(), "test schema");
  }
  void trust(const Log& log) {
    const auto done = store->write([&](store::Tx& tx) {
      return WitnessService::trust(tx, log.origin(), log.note_key().vkey());
    });
    check(done.has_value(), "test trust");
  }
  http::Response add(const std::string& body) { return service.answer(*store, body).value(); }
  std::string vkey() const { return service.note_key().vkey(); }

  static WitnessService make(const crypto::PrivateKey& key, const Clock& clock) {
    auto made = WitnessService::create(kWitnessName, key, clock);
    check(made.has_value(), "test witness");
    return *std::move(made);
  }

  sqlite::TestFolder folder;
  FakeClock clock{instant_from_ms(kCosignTime * 1000)};
  crypto::PrivateKey key;
  WitnessService service;
  std::unique_ptr<sqlite::SqliteStore> store;
};

// What a log posts to a witness that holds `old_size`.
inline std::string add_checkpoint_body(TestNode& node, std::uint64_t old_size) {
  std::string out = "old " + std::to_string(old_size) + "\n";
  const auto proof = node.read(
      [&](store::Tx& tx) { return Log::consistency(tx, old_size, Log::size(tx).value()); });
  for (const auto& hash : proof.value()) out += to_base64(hash) + "\n";
  return out + "\n" + node.checkpoint();
}

inline LeafInput sample_leaf() {
  LeafInput in;
  in.act = "01J9ZQ3V6T8B2C4D6E8F0G1H2J";
  in.regime = "eu-tco-removal@1";
  in.move = "sign";
  in.party = "interior.example";
  in.role = "signer";
  in.at = instant_from_ms(1'794'604'830'000);
  in.payload = to_bytes(R"({"move":"sign"})");
  in.guessable = {{"target/0", "https://videos.example/watch/42"}, {"reasons", "incitement"}};
  return in;
}

}  // namespace entente::ledger

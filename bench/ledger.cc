// SPDX-License-Identifier: Apache-2.0
//
// The ledger alone: microseconds to append a leaf (beside hashing and inserting the same bytes
// bare), and a log of n leaves written out as the files it serves, for the judge.
#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "bench.h"
#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/core/random.h"
#include "entente/crypto/sha256.h"
#include "entente/ledger/log.h"
#include "entente/merkle/tiles.h"

namespace entente::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnit = 1000;  // leaves in one transaction here; a busy node's group has 256

ledger::LeafInput sample(std::size_t i) {
  ledger::LeafInput in;
  in.act = "01J9ZQ3V6T8B2C4D6E8F0G1H2J";
  in.regime = "eu-tco-removal@1";
  in.move = "sign";
  in.party = "interior.example";
  in.role = "signer";
  in.at = instant_from_ms(1'794'604'830'000);
  in.payload = to_bytes(fmt::format("{{\"move\":\"sign\",\"n\":{}}}", i));
  in.guessable = {{"target/0", fmt::format("https://videos.example/watch/{}", i)}};
  return in;
}

// The same rows without a ledger: what SQLite itself takes for them.
double bare_us(const fs::path& file, const std::vector<ledger::MadeLeaf>& leaves) {
  auto store = must(sqlite::SqliteStore::open(file.string(), {}), "store");
  must(store->write([](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, h BLOB, v BLOB)"));
    return {};
  }),
       "table");
  const auto start = Steady::now();
  for (std::size_t i = 0; i < leaves.size(); i += kUnit)
    must(store->write([&](store::Tx& tx) -> Result<void> {
      for (std::size_t j = i; j < std::min(i + kUnit, leaves.size()); ++j)
        ENTENTE_CHECK_OK(tx.exec(
            "INSERT INTO t(h, v) VALUES($1, $2)",
            {to_bytes(crypto::sha256(as_bytes(leaves[j].entry))), to_bytes(leaves[j].entry)}));
      return {};
    }),
         "insert");
  return seconds_since(start) * 1e6 / static_cast<double>(leaves.size());
}

void put(const fs::path& file, std::string_view bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

// The files of the newest head, as GET /ledger/… gives them.
void write_out(store::Store& store, const fs::path& folder, std::uint64_t size) {
  must(store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(head, ledger::Log::checkpoint(tx));
    put(folder / "checkpoint", head.note);
    for (const auto& tile : merkle::tiles_to_write(0, size)) {
      const auto path = merkle::tile_path(tile);
      ENTENTE_TRY(bytes,
                  tile.entries ? ledger::Log::entries(tx, path) : ledger::Log::tile(tx, path));
      put(folder / path, as_text(bytes));
    }
    return {};
  }),
       "tiles");
}

}  // namespace

// --n LEAVES --dir FOLDER: leaves the log's files in FOLDER/log and its key in FOLDER/vkey.
void run_ledger(const Args& args) {
  const fs::path dir = args.text("dir", "bench-data");
  const auto n = args.number("n", 70'000);
  fs::remove_all(dir);
  fs::create_directories(dir);
  SystemRandom random;
  std::vector<ledger::MadeLeaf> leaves;
  for (std::size_t i = 0; i < n; ++i)
    leaves.push_back(must(ledger::make_leaf(sample(i), random), "leaf"));
  const auto key = crypto::PrivateKey::generate(random);
  const auto log = must(ledger::Log::create("bench.example/ledger", key), "log");
  const double bare = bare_us(dir / "bare.db", leaves);
  auto store = must(sqlite::SqliteStore::open((dir / "log.db").string(), {}), "store");
  must(store::migrate(*store, {ledger::Log::migration()}, 1), "schema");
  store->before_commit([&](store::Tx& tx) { return log.sign_checkpoint(tx); });
  const auto start = Steady::now();
  for (std::size_t i = 0; i < n; i += kUnit)
    must(store->write([&](store::Tx& tx) -> Result<void> {
      for (std::size_t j = i; j < std::min(i + kUnit, n); ++j)
        ENTENTE_CHECK_OK(log.append_leaf(tx, leaves[j], Instant{}));
      return {};
    }),
         "append");
  const double us = seconds_since(start) * 1e6 / static_cast<double>(n);
  figure({{"bench", "ledger"},
          {"figure", "append"},
          {"leaves", n},
          {"append_us", round3(us)},
          {"bare_insert_and_hash_us", round3(bare)},
          {"ratio_to_bare", round3(us / bare)}});
  write_out(*store, dir / "log", n);
  put(dir / "vkey", log.note_key().vkey());
}

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
//
// What every Store must do, as one suite. An adapter's test runs it whole with
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance, testing::Values(&fresh_sqlite_store));
//
// where the parameter makes a Store over a new, empty database. Included by one test file per
// adapter only.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <stdexcept>
#include <thread>

#include "entente/store/store.h"

namespace entente::store {

using FreshStore = std::function<std::unique_ptr<Store>()>;

class StoreConformance : public testing::TestWithParam<FreshStore> {
 protected:
  void SetUp() override {
    store_ = GetParam()();
    ASSERT_TRUE(store_);
    ASSERT_TRUE(
        exec("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, UNIQUE (name),"
             " CHECK (id > -1000)) STRICT"));
  }

  Result<void> exec(const std::string& sql, const Params& params = {}) {
    return store_->write([&](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(sql, params));
      return {};
    });
  }
  static Result<void> insert(Tx& tx, std::int64_t id, Value name) {
    ENTENTE_CHECK_OK(tx.exec("INSERT INTO item (id, name) VALUES ($1, $2)", {id, std::move(name)}));
    return {};
  }
  Result<void> insert(std::int64_t id, Value name) {
    return store_->write([&](Tx& tx) { return insert(tx, id, std::move(name)); });
  }
  static Result<std::int64_t> count(Tx& tx) {
    ENTENTE_TRY(rows, tx.query("SELECT count(*) FROM item"));
    return rows[0].integer(0);
  }
  std::int64_t count() {
    const auto n = read_returning<std::int64_t>(*store_, [](Tx& tx) { return count(tx); });
    return n ? *n : -1;
  }
  // Holds the writer inside a unit until released, so that what is written meanwhile shares a
  // group.
  struct Plug {
    std::promise<void> entered;
    std::promise<void> release;
    Result<void> result;
    std::thread thread;
  };
  std::unique_ptr<Plug> plug() {
    auto p = std::make_unique<Plug>();
    Plug* raw = p.get();
    p->thread = std::thread([this, raw] {
      raw->result = store_->write([raw](Tx&) -> Result<void> {
        raw->entered.set_value();
        raw->release.get_future().wait();
        return {};
      });
    });
    p->entered.get_future().wait();
    return p;
  }

  std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, AFailingUnitIsUndoneAndItsOwnErrorComesBack) {
  const auto r = store_->write([](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(insert(tx, 1, std::string("half")));
    return fail(Code::kRefused, "no", "here");
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kRefused);
  EXPECT_EQ(r.error().detail, "no");
  EXPECT_EQ(r.error().field, "here");
  EXPECT_EQ(count(), 0);
}

TEST_P(StoreConformance, AThrowingUnitIsUndoneAndBecomesAnInternalError) {
  const auto r = store_->write([](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(insert(tx, 1, std::string("half")));
    throw std::runtime_error("bug");
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kInternal);
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(insert(2, std::string("after")));
  const auto read = store_->read([](Tx&) -> Result<void> { throw std::runtime_error("bug"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kInternal);
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreConformance, NeighboursOfAFailingUnitCommit) {
  auto p = plug();
  constexpr int kUnits = 12;
  std::array<bool, kUnits> ok{};
  std::vector<std::thread> threads;
  for (int i = 0; i < kUnits; ++i)
    threads.emplace_back([&, i] {
      ok[static_cast<std::size_t>(i)] =
          static_cast<bool>(store_->write([i](Tx& tx) -> Result<void> {
            ENTENTE_CHECK_OK(insert(tx, i, std::string("unit ") + std::to_string(i)));
            if (i % 3 == 0) return fail(Code::kConflict, "every third");
            if (i % 3 == 1) return insert(tx, i, std::string("same key"));  // the database refuses
            return {};
          }));
    });
  p->release.set_value();
  p->thread.join();
  for (auto& t : threads) t.join();
  EXPECT_TRUE(p->result);
  for (int i = 0; i < kUnits; ++i) EXPECT_EQ(ok[static_cast<std::size_t>(i)], i % 3 == 2) << i;
  EXPECT_EQ(count(), kUnits / 3);
}

TEST_P(StoreConformance, AUnitGoesOnAfterAConstraintRefusedOneStatement) {
  EXPECT_TRUE(store_->write([](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO item (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                {std::int64_t{1}, std::string("a")}));
    ENTENTE_TRY(n,
                tx.exec("INSERT INTO item (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                        {std::int64_t{1}, std::string("b")}));
    if (n != 0) return fail(Code::kInternal, "a refused row was counted");
    return {};
  }));
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreConformance, NamesViolatedConstraintsAsConflict) {
  ASSERT_TRUE(insert(1, std::string("a")));
  for (const auto& [id, name] : {std::pair{1, "other"}, std::pair{2, "a"}, std::pair{-1000, "c"}}) {
    const auto r = insert(id, std::string(name));
    ASSERT_FALSE(r) << id;
    EXPECT_EQ(r.error().code, Code::kConflict) << id;
  }
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreConformance, HoldsForeignKeysEvenDeferredOnesPerUnit) {
  ASSERT_TRUE(exec("CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id)) STRICT"));
  const auto r = exec("INSERT INTO part (item) VALUES (9)");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConflict);

  ASSERT_TRUE(
      exec("CREATE TABLE late (item INTEGER NOT NULL REFERENCES item (id)"
           " DEFERRABLE INITIALLY DEFERRED) STRICT"));
  auto p = plug();
  Result<void> dangling;
  Result<void> sound;
  std::thread a([&] { dangling = exec("INSERT INTO late (item) VALUES (9)"); });
  std::thread b([&] { sound = insert(5, std::string("five")); });
  p->release.set_value();
  p->thread.join();
  a.join();
  b.join();
  ASSERT_FALSE(dangling);
  EXPECT_EQ(dangling.error().code, Code::kConflict);
  EXPECT_TRUE(sound);
}

TEST_P(StoreConformance, BadSqlIsAnInternalErrorAndChangesNothing) {
  for (const char* sql : {"SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item (id) VALUES ($1)",
                          "", "INSERT INTO item (id) VALUES (1); INSERT INTO nowhere VALUES (1)"}) {
    const auto r = exec(sql);
    ASSERT_FALSE(r) << sql;
    EXPECT_EQ(r.error().code, Code::kInternal) << sql;
  }
  EXPECT_FALSE(exec("INSERT INTO item (id) VALUES ($1)", {std::int64_t{1}, std::int64_t{2}}));
  EXPECT_FALSE(exec("INSERT INTO item (id) VALUES ($2)", {std::int64_t{1}}));
  EXPECT_EQ(count(), 0);
}

TEST_P(StoreConformance, UnitsMayNotTouchTheTransaction) {
  for (const char* sql :
       {"COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT mine", "RELEASE unit", "ROLLBACK TO unit"}) {
    const auto r = store_->write([sql](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(insert(tx, 1, std::string("a")));
      ENTENTE_CHECK_OK(tx.exec(sql));
      return {};
    });
    EXPECT_FALSE(r) << sql;
  }
  EXPECT_EQ(count(), 0);
}

TEST_P(StoreConformance, WritingInsideAUnitIsRefusedInsteadOfDeadlocking) {
  Result<void> inner;
  EXPECT_TRUE(store_->write([&](Tx&) -> Result<void> {
    inner = store_->write([](Tx&) -> Result<void> { return {}; });
    return {};
  }));
  ASSERT_FALSE(inner);
  EXPECT_EQ(inner.error().code, Code::kInternal);
}

TEST_P(StoreConformance, ReadsCannotWrite) {
  for (const char* sql : {"INSERT INTO item (id, name) VALUES (1, 'x')", "DROP TABLE item",
                          "CREATE TABLE other (id INTEGER)", "DELETE FROM item"}) {
    const auto r = store_->read([sql](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(sql));
      return {};
    });
    EXPECT_FALSE(r) << sql;
  }
  EXPECT_EQ(count(), 0);
}

TEST_P(StoreConformance, AReadSeesOneSnapshotWhileOthersWrite) {
  ASSERT_TRUE(insert(1, std::string("a")));
  EXPECT_TRUE(store_->read([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(before, count(tx));
    Result<void> written;
    std::thread([&] { written = insert(2, std::string("b")); }).join();
    ENTENTE_CHECK_OK(written);
    ENTENTE_TRY(after, count(tx));
    if (before != 1 || after != 1) return fail(Code::kInternal, "the snapshot moved");
    return {};
  }));
  EXPECT_EQ(count(), 2);
}

TEST_P(StoreConformance, ReadsDoNotSeeAUnitUnderWay) {
  std::int64_t seen = -1;
  EXPECT_TRUE(store_->write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(insert(tx, 1, std::string("a")));
    std::thread([&] { seen = count(); }).join();
    return {};
  }));
  EXPECT_EQ(seen, 0);
}

TEST_P(StoreConformance, AReadSeesEveryWriteThatReturned) {
  for (std::int64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(insert(i, std::to_string(i)));
    ASSERT_EQ(count(), i + 1);
  }
}

TEST_P(StoreConformance, EightWritersLoseNothing) {
  constexpr int kWriters = 8;
  constexpr int kEach = 200;
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::int64_t id = w * kEach + i;
        const auto r = store_->write([&](Tx& tx) -> Result<void> {
          // Reads its own group's earlier units: a lost update would show as a repeated sequence.
          ENTENTE_TRY(n, count(tx));
          return insert(tx, id, "sequence " + std::to_string(n));
        });
        if (!r) ++failed;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(count(), kWriters * kEach);
}

TEST_P(StoreConformance, AFailingHookUndoesTheGroupAndTellsEveryWriter) {
  std::atomic<bool> refuse{true};
  store_->before_commit([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(insert(tx, 900, std::string("checkpoint")));
    if (refuse) return fail(Code::kUnavailable, "cannot sign");
    ENTENTE_CHECK_OK(tx.exec("DELETE FROM item WHERE id = 900"));
    return {};
  });
  const auto r = insert(1, std::string("a"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnavailable);
  EXPECT_EQ(count(), 0);
  refuse = false;
  EXPECT_TRUE(insert(1, std::string("a")));
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreConformance, HooksSeeTheUnitsOnceAGroupAndNotAGroupThatFailedWhole) {
  std::int64_t seen = -1;
  int before = 0;
  int after = 0;
  store_->before_commit([&](Tx& tx) -> Result<void> {
    ++before;
    ENTENTE_TRY(n, count(tx));
    seen = n;
    return {};
  });
  store_->after_commit([&] { ++after; });
  EXPECT_FALSE(store_->write([](Tx&) -> Result<void> { return fail(Code::kRefused, "no"); }));
  EXPECT_EQ(before, 0);
  EXPECT_EQ(after, 0);
  EXPECT_TRUE(insert(1, std::string("a")));
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(seen, 1);
}

TEST_P(StoreConformance, ValuesComeBackAsTheyWere) {
  ASSERT_TRUE(exec("CREATE TABLE kept (i INTEGER, t TEXT, b BLOB, r REAL) STRICT"));
  const Bytes all = [] {
    Bytes out;
    for (int i = 0; i < 256; ++i) out.push_back(static_cast<std::uint8_t>(i));
    return out;
  }();
  const std::vector<Params> rows = {
      {std::monostate{}, std::monostate{}, std::monostate{}, std::monostate{}},
      {std::numeric_limits<std::int64_t>::min(), std::string(), Bytes{}, 0.5},
      {std::numeric_limits<std::int64_t>::max(), std::string("été 東京 🌍\n\t'\"\\"), all, -1e300},
      {std::int64_t{0}, std::string("$1 ? :x @y"), Bytes{0}, 0.1},
  };
  for (const Params& in : rows) {
    EXPECT_TRUE(store_->write([&](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec("DELETE FROM kept"));
      ENTENTE_TRY(
          out,
          tx.query("INSERT INTO kept (i, t, b, r) VALUES ($1, $2, $3, $4) RETURNING i, t, b, r",
                   in));
      if (out.size() != 1) return fail(Code::kInternal, "RETURNING gave no row");
      for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(out[0].is_null(c), in[c].index() == 0);
      if (in[0].index() == 0) return {};
      EXPECT_EQ(out[0].integer(0), std::get<std::int64_t>(in[0]));
      EXPECT_EQ(out[0].text(1), std::get<std::string>(in[1]));
      EXPECT_EQ(out[0].blob(2), std::get<Bytes>(in[2]));
      EXPECT_EQ(out[0].real(3), std::get<double>(in[3]));
      return {};
    }));
  }
}

TEST_P(StoreConformance, RefusesValuesThatNoAdapterCouldKeep) {
  const auto nul = insert(1, std::string("a\0b", 3));
  ASSERT_FALSE(nul);
  EXPECT_EQ(nul.error().code, Code::kInvalid);
  const auto nan = insert(1, std::numeric_limits<double>::quiet_NaN());
  ASSERT_FALSE(nan);
  EXPECT_EQ(nan.error().code, Code::kInvalid);
}

TEST_P(StoreConformance, KeepsABlobOfEightMebibytes) {
  ASSERT_TRUE(exec("CREATE TABLE kept (b BLOB) STRICT"));
  Bytes huge(std::size_t{8} << 20);
  for (std::size_t i = 0; i < huge.size(); ++i)
    huge[i] = static_cast<std::uint8_t>(i * 31 + (i >> 8));
  ASSERT_TRUE(exec("INSERT INTO kept (b) VALUES ($1)", {huge}));
  const auto back = read_returning<Bytes>(*store_, [](Tx& tx) -> Result<Bytes> {
    ENTENTE_TRY(rows, tx.query("SELECT b FROM kept"));
    return rows[0].blob(0);
  });
  ASSERT_TRUE(back);
  EXPECT_TRUE(*back == huge);  // not EXPECT_EQ: it would print 8 MiB
}

TEST_P(StoreConformance, TextThatLooksLikeSqlStaysText) {
  const std::string attack = "'); DROP TABLE item; --";
  ASSERT_TRUE(insert(1, attack));
  const auto found = read_returning<std::int64_t>(*store_, [&](Tx& tx) -> Result<std::int64_t> {
    ENTENTE_TRY(rows, tx.query("SELECT id FROM item WHERE name = $1", {attack}));
    return static_cast<std::int64_t>(rows.size());
  });
  EXPECT_EQ(found.value_or(-1), 1);
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreConformance, CountsTheRowsThatAStatementChanged) {
  EXPECT_TRUE(store_->write([](Tx& tx) -> Result<void> {
    for (std::int64_t i = 0; i < 5; ++i) ENTENTE_CHECK_OK(insert(tx, i, std::monostate{}));
    ENTENTE_TRY(updated, tx.exec("UPDATE item SET name = NULL WHERE id < $1", {std::int64_t{3}}));
    EXPECT_EQ(updated, 3);
    ENTENTE_TRY(none, tx.exec("UPDATE item SET name = NULL WHERE id > 100"));
    EXPECT_EQ(none, 0);
    ENTENTE_TRY(schema, tx.exec("CREATE TABLE other (id INTEGER)"));
    EXPECT_EQ(schema, 0);
    ENTENTE_TRY(deleted, tx.exec("DELETE FROM item"));
    EXPECT_EQ(deleted, 5);
    return {};
  }));
}

// --- migrations ---------------------------------------------------------------------------------

TEST_P(StoreConformance, MigrationsRefuseAChangedOldStatement) {
  ASSERT_TRUE(migrate(*store_, {{"m", {"CREATE TABLE m1 (id INTEGER)"}}}, 1));
  const auto r = migrate(*store_,
                         {{"n", {"CREATE TABLE n1 (id INTEGER)"}},
                          {"m", {"CREATE TABLE m1 (id INTEGER, extra TEXT)"}}},
                         2);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kCorrupt);
  EXPECT_FALSE(exec("INSERT INTO n1 VALUES (1)")) << "a refusal must leave the database as it was";
}

TEST_P(StoreConformance, MigrationsRefuseADatabaseOfANewerProgram) {
  const std::string_view v1 = "CREATE TABLE m1 (id INTEGER)";
  ASSERT_TRUE(migrate(*store_, {{"m", {v1, "CREATE TABLE m2 (id INTEGER)"}}}, 1));
  const auto r = migrate(*store_, {{"m", {v1}}}, 2);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConflict);
}

TEST_P(StoreConformance, AFailingMigrationLeavesNoHalf) {
  const std::string_view good = "CREATE TABLE m1 (id INTEGER)";
  const std::string_view bad = "CREATE TABLE m2 (id INTEGER); INSERT INTO nowhere VALUES (1)";
  EXPECT_FALSE(migrate(*store_, {{"m", {good, bad}}}, 1));
  EXPECT_TRUE(exec("INSERT INTO m1 VALUES (1)"));
  EXPECT_FALSE(exec("INSERT INTO m2 VALUES (1)"));
  EXPECT_TRUE(migrate(*store_, {{"m", {good, "CREATE TABLE m2 (id INTEGER)"}}}, 2));
  EXPECT_TRUE(exec("INSERT INTO m2 VALUES (1)"));
}

TEST_P(StoreConformance, MigrationsRunOnceAndAppend) {
  const std::string_view v1 =
      "CREATE TABLE m1 (id INTEGER); -- two statements\n INSERT INTO m1 VALUES (1);\n";
  const std::string_view v2 = "INSERT INTO m1 VALUES (2)";
  ASSERT_TRUE(migrate(*store_, {{"m", {v1}}}, 1));
  ASSERT_TRUE(migrate(*store_, {{"m", {v1}}}, 2));
  ASSERT_TRUE(migrate(*store_, {{"m", {v1, v2}}, {"n", {"CREATE TABLE n1 (id INTEGER)"}}}, 3));
  ASSERT_TRUE(migrate(*store_, {{"m", {v1, v2}}, {"n", {"CREATE TABLE n1 (id INTEGER)"}}}, 4));
  EXPECT_TRUE(store_->read([](Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows, tx.query("SELECT id FROM m1 ORDER BY id"));
    EXPECT_EQ(rows.size(), 2U);
    ENTENTE_TRY(log, tx.query("SELECT module, version, applied_at FROM entente_migration"
                              " ORDER BY module, version"));
    EXPECT_EQ(log.size(), 3U);
    EXPECT_EQ(log[1].integer(2), 3);
    return {};
  }));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

}  // namespace entente::store

// SPDX-License-Identifier: Apache-2.0
#include "entente/adapters/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "entente/adapters/sqlite/test_folder.h"
#include "entente/store/conformance.h"

namespace entente::store {

// A store that takes its folder with it.
class TemporaryStore final : public Store {
 public:
  TemporaryStore() : store_(*sqlite::SqliteStore::open(folder_.file("db"))) {}
  Result<void> write(const Work& work) override { return store_->write(work); }
  Result<void> read(const Work& work) override { return store_->read(work); }
  void before_commit(Work hook) override { store_->before_commit(std::move(hook)); }
  void after_commit(std::function<void()> hook) override { store_->after_commit(std::move(hook)); }

 private:
  sqlite::TestFolder folder_;
  std::unique_ptr<sqlite::SqliteStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance, testing::Values(FreshStore([] {
                           return std::make_unique<TemporaryStore>();
                         })));

}  // namespace entente::store

namespace entente::sqlite {
namespace {

using store::Tx;

Result<void> exec(SqliteStore& s, const std::string& sql, const store::Params& params = {}) {
  return s.write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec(sql, params));
    return {};
  });
}

std::int64_t number(SqliteStore& s, const std::string& sql) {
  const auto r = store::read_returning<std::int64_t>(s, [&](Tx& tx) -> Result<std::int64_t> {
    ENTENTE_TRY(rows, tx.query(sql));
    return rows[0].integer(0);
  });
  return r ? *r : -1;
}

TEST(SqliteStore, RefusesWhatIsNoDatabase) {
  const TestFolder folder;
  std::ofstream(folder.file("db")) << std::string(8192, 'x');
  const auto r = SqliteStore::open(folder.file("db"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kCorrupt);
}

TEST(SqliteStore, RefusesAnotherProgramsDatabase) {
  const TestFolder folder;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file("db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE bookmarks (url)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  const auto r = SqliteStore::open(folder.file("db"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConflict);
}

TEST(SqliteStore, RefusesImpossiblePathsAndOptions) {
  const TestFolder folder;
  EXPECT_FALSE(SqliteStore::open(""));
  EXPECT_FALSE(SqliteStore::open(":memory:"));
  EXPECT_FALSE(SqliteStore::open(folder.file("missing/folder/db")));
  SqliteOptions options;
  options.readers = 0;
  EXPECT_EQ(SqliteStore::open(folder.file("db"), options).error().code, Code::kInvalid);
}

TEST(SqliteStore, HasOneOwner) {
  const TestFolder folder;
  auto first = SqliteStore::open(folder.file("db"));
  ASSERT_TRUE(first);
  const auto second = SqliteStore::open(folder.file("db"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kBusy);
  first->reset();
  EXPECT_TRUE(SqliteStore::open(folder.file("db")));
}

TEST(SqliteStore, AFullQuotaUndoesTheUnitSaysSoAndTheStoreLivesOn) {
  const TestFolder folder;
  SqliteOptions options;
  options.max_mib = 1;
  auto s = SqliteStore::open(folder.file("db"), options);
  ASSERT_TRUE(s);
  ASSERT_TRUE(exec(**s, "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)"));
  ASSERT_TRUE(exec(**s, "INSERT INTO t VALUES (1, $1)", {Bytes(1000)}));
  const auto r = (*s)->write([](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("INSERT INTO t VALUES (2, $1)", {Bytes(1000)}));
    ENTENTE_CHECK_OK(tx.exec("INSERT INTO t VALUES (3, $1)", {Bytes(std::size_t{2} << 20)}));
    return {};
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kTooLarge);
  EXPECT_EQ(number(**s, "SELECT count(*) FROM t"), 1);
  EXPECT_TRUE(exec(**s, "INSERT INTO t VALUES (4, $1)", {Bytes(1000)}));
  EXPECT_EQ(number(**s, "SELECT count(*) FROM t"), 2);
}

TEST(SqliteStore, UnitsMayNotAttachFilesOrChangeSettings) {
  const TestFolder folder;
  auto s = SqliteStore::open(folder.file("db"));
  ASSERT_TRUE(s);
  const std::vector<std::string> statements = {"ATTACH '" + folder.file("other") + "' AS other",
                                               std::string("PRAGMA synchronous = OFF"),
                                               std::string("PRAGMA query_only = OFF"),
                                               std::string("SELECT load_extension('x')"),
                                               std::string("VACUUM"),
                                               "VACUUM INTO '" + folder.file("copy") + "'"};
  for (const std::string& sql : statements) {
    EXPECT_FALSE(exec(**s, sql)) << sql;
    EXPECT_FALSE((*s)->read([&](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.query(sql));
      return {};
    })) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists(folder.file("other")));
  EXPECT_FALSE(std::filesystem::exists(folder.file("copy")));
}

TEST(SqliteStore, ADoubleQuotedWordIsANameNotSilentlyAString) {
  const TestFolder folder;
  auto s = SqliteStore::open(folder.file("db"));
  ASSERT_TRUE(s);
  EXPECT_FALSE(exec(**s, "SELECT \"no such column\""));
}

TEST(SqliteStore, OutgrowsItsStatementCacheWithoutHarm) {
  const TestFolder folder;
  auto s = SqliteStore::open(folder.file("db"));
  ASSERT_TRUE(s);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 300; ++i)
      ASSERT_EQ(number(**s, "SELECT 40 + " + std::to_string(i)), 40 + i);
  // A cached statement outlives a change of the schema under it.
  ASSERT_TRUE(exec(**s, "CREATE TABLE t (id INTEGER)"));
  EXPECT_EQ(number(**s, "SELECT count(*) FROM t"), 0);
  ASSERT_TRUE(exec(**s, "DROP TABLE t"));
  ASSERT_TRUE(exec(**s, "CREATE TABLE t (other TEXT, id INTEGER); INSERT INTO t VALUES ('x', 1)"));
  EXPECT_EQ(number(**s, "SELECT count(*) FROM t"), 1);
}

TEST(SqliteStore, KeepsItsFileToItselfAndClosesClean) {
  const TestFolder folder;
  {
    auto s = SqliteStore::open(folder.file("db"));
    ASSERT_TRUE(s);
    ASSERT_TRUE(exec(**s, "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)"));
    for (const char* name : {"db", "db-wal", "db-shm"}) {
      struct stat info {};
      ASSERT_EQ(::stat(folder.file(name).c_str(), &info), 0) << name;
      EXPECT_EQ(info.st_mode & 0777, 0600U) << name;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(folder.file("db-wal")));
  auto s = SqliteStore::open(folder.file("db"));
  ASSERT_TRUE(s);
  EXPECT_EQ(number(**s, "SELECT id FROM t"), 7);
}

TEST(SqliteStore, RunsWithTheSettingsItPromises) {
  const TestFolder folder;
  { ASSERT_TRUE(SqliteStore::open(folder.file("db"))); }
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file("db").c_str(), &db), SQLITE_OK);
  sqlite3_stmt* s = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &s, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(s), SQLITE_ROW);
  EXPECT_STREQ(reinterpret_cast<const char*>(sqlite3_column_text(s, 0)), "wal");
  sqlite3_finalize(s);
  sqlite3_close(db);
}

TEST(SqliteStore, AnswersReadersFromTheirPoolWhenThereAreMoreOfThemThanConnections) {
  const TestFolder folder;
  SqliteOptions options;
  options.readers = 1;
  auto s = SqliteStore::open(folder.file("db"), options);
  ASSERT_TRUE(s);
  ASSERT_TRUE(exec(**s, "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)"));
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) good += number(**s, "SELECT id FROM t") == 7 ? 1 : 0;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace entente::sqlite

// SPDX-License-Identifier: Apache-2.0
// A node dies in the middle of things: kill -9 under load, a disk that stops taking bytes, a
// damaged file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/core/random.h"

namespace entente::sqlite {
namespace {

using store::Tx;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS half (id INTEGER PRIMARY KEY REFERENCES head (id), b BLOB)";

// Two rows in two tables: half a unit would be one without the other.
Result<void> write_pair(SqliteStore& s, std::int64_t id) {
  return s.write([id](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("INSERT INTO head (id) VALUES ($1)", {id}));
    ENTENTE_CHECK_OK(tx.exec("INSERT INTO half (id, b) VALUES ($1, $2)", {id, Bytes(2000, 7)}));
    return {};
  });
}

// The child: four threads write and acknowledge on the pipe, until they are killed.
[[noreturn]] void write_for_ever(const std::string& path, int pipe, std::int64_t first) {
  auto s = SqliteStore::open(path);
  if (!s) ::_exit(2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::int64_t id = first + t;; id += 4) {
        if (!write_pair(**s, id)) ::_exit(3);
        if (::write(pipe, &id, sizeof id) != sizeof id) ::_exit(4);
      }
    });
  for (auto& t : threads) t.join();
  ::_exit(0);
}

std::vector<std::int64_t> read_ids(int fd) {
  std::vector<std::int64_t> out;
  std::int64_t id = 0;
  while (::read(fd, &id, sizeof id) == sizeof id) out.push_back(id);
  return out;
}

void expect_whole(SqliteStore& s, const std::set<std::int64_t>& acknowledged) {
  EXPECT_TRUE(s.read([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows, tx.query("SELECT id FROM head"));
    std::set<std::int64_t> found;
    for (const auto& row : rows) found.insert(row.integer(0));
    std::size_t missing = 0;
    for (const std::int64_t id : acknowledged) missing += found.count(id) == 0 ? 1U : 0U;
    EXPECT_EQ(missing, 0U) << "acknowledged but lost, of " << acknowledged.size();
    ENTENTE_TRY(odd, tx.query("SELECT count(*) FROM head FULL JOIN half ON head.id = half.id"
                              " WHERE head.id IS NULL OR half.id IS NULL OR length(b) <> 2000"));
    EXPECT_EQ(odd[0].integer(0), 0) << "units written by half";
    return {};
  }));
}

TEST(SqliteCrash, KillingTheProcessLosesNothingThatWasAcknowledged) {
  const TestFolder folder;
  const std::string path = folder.file("db");
  {
    auto s = SqliteStore::open(path);
    ASSERT_TRUE(s);
    ASSERT_TRUE((*s)->write([](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(kSchema));
      return {};
    }));
  }
  SeededRandom random(20);
  std::set<std::int64_t> acknowledged;
  int left_a_wal = 0;
  for (std::int64_t round = 0; round < 20; ++round) {
    std::array<int, 2> fds{};
    ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_for_ever(path, fds[1], round * 1'000'000);
    ::close(fds[1]);
    // Killed after a random number of acknowledgements and then a random moment within the next
    // commits.
    const Bytes dice = random.bytes(2);
    std::int64_t id = 0;
    for (int i = 0; i <= dice[0] && ::read(fds[0], &id, sizeof id) == sizeof id; ++i)
      acknowledged.insert(id);
    std::this_thread::sleep_for(std::chrono::microseconds(dice[1] * 20));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    for (const std::int64_t late : read_ids(fds[0])) acknowledged.insert(late);
    ::close(fds[0]);

    left_a_wal += std::filesystem::exists(path + "-wal") ? 1 : 0;
    auto s = SqliteStore::open(path);
    ASSERT_TRUE(s) << to_string(s.error());
    expect_whole(**s, acknowledged);
  }
  EXPECT_EQ(left_a_wal, 20);
  EXPECT_GT(acknowledged.size(), 20U);
}

// The disk refuses bytes beyond a size (as a full one does): in a child, because the limit is the
// process's.
int write_against_a_wall(const std::string& path) {
  auto s = SqliteStore::open(path);
  if (!s) return 2;
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit wall{1 << 20, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &wall) != 0) return 3;
  std::int64_t id = 0;
  Result<void> r;
  while (id < 5000 && (r = write_pair(**s, id))) ++id;
  if (r) return 4;
  const bool clear = r.error().code == Code::kInternal || r.error().code == Code::kTooLarge;
  if (!clear || r.error().detail.find("undone") == std::string::npos) return 5;
  // Everything before the failure can still be read, nothing of it is half there.
  const rlimit open{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &open) != 0) return 6;
  if (!write_pair(**s, id)) return 7;
  std::int64_t n = 0;
  const auto read = (*s)->read([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows, tx.query("SELECT count(*) FROM half"));
    n = rows[0].integer(0);
    return {};
  });
  return read && n == id + 1 ? 0 : 8;
}

TEST(SqliteCrash, ADiskThatStopsTakingBytesIsAClearErrorAndNothingIsHalfWritten) {
  const TestFolder folder;
  const std::string path = folder.file("db");
  {
    auto s = SqliteStore::open(path);
    ASSERT_TRUE(s);
    ASSERT_TRUE((*s)->write([](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(kSchema));
      return {};
    }));
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(write_against_a_wall(path));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  auto s = SqliteStore::open(path);
  ASSERT_TRUE(s);
  expect_whole(**s, {});
}

TEST(SqliteCrash, ADamagedFileIsReportedOnTheFirstOpenAfterACrash) {
  const TestFolder folder;
  const std::string path = folder.file("db");
  {
    auto s = SqliteStore::open(path);
    ASSERT_TRUE(s);
    ASSERT_TRUE((*s)->write([](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(kSchema));
      return {};
    }));
    for (std::int64_t id = 0; id < 200; ++id) ASSERT_TRUE(write_pair(**s, id));
  }
  {
    // Pages in the middle are overwritten; page 1 stays, so that only a check can notice.
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 4);
    file << std::string(std::size_t{4096} * 20, '\xee');
  }
  std::ofstream(path + "-wal", std::ios::binary) << std::string(32, '\0');  // as if it had crashed
  const auto s = SqliteStore::open(path);
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace entente::sqlite

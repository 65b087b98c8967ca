// SPDX-License-Identifier: Apache-2.0
//
// The process is killed at every point of every change. At each of them the public must see either
// the original or 451 with a copy that opens; the next call, under the same key or another, must
// finish the work; and nothing may be done twice.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entente/effects/site/test_nginx.h"

namespace entente::effects::site {
namespace {

constexpr const char* kDisablePoints[] = {
    "disable.sealed",  "disable.recorded",  "disable.mapped", "disable.reloaded",
    "disable.blocked", "disable.withdrawn", "disable.done"};
constexpr const char* kRestorePoints[] = {
    "restore.recorded", "restore.half_way", "restore.put_back", "restore.released",
    "restore.mapped",   "restore.reloaded", "restore.done"};

struct CrashTest : testing::Test {
  TestSite nginx;

  // Runs `work` in a child that is killed at `where`; true when it was.
  template <class Work>
  bool killed_at(const std::string& where, Work work) {
    const pid_t child = ::fork();
    check(child >= 0, "cannot fork");
    if (child == 0) {
      const auto site = nginx.reopen([&](std::string_view point) {
        if (point == where) ::kill(::getpid(), SIGKILL);
      });
      work(*site);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  // Never neither, never half.
  void expect_whole(const std::string& path, const std::string& bytes) {
    const http::ClientResponse seen = nginx.get(path);
    if (seen.status == 200) {
      EXPECT_EQ(seen.body, bytes);
    } else {
      EXPECT_EQ(seen.status, 451);
    }
    const auto kept = nginx.site->read(nginx.url(path));
    ASSERT_TRUE(kept.has_value()) << to_string(kept.error());
    EXPECT_EQ(to_text(*kept), bytes);
  }
};

TEST_F(CrashTest, KilledWhileDisablingThenRepeated) {
  for (const std::string where : kDisablePoints) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    const std::string bytes = "content of " + where + std::string(70'000, 'x');
    nginx.put(where, bytes);
    ASSERT_TRUE(
        killed_at(where, [&](Site& site) { (void)site.disable(where, nginx.url(path), kRecord); }));
    expect_whole(path, bytes);
    const auto finished = nginx.site->disable(where, nginx.url(path), kRecord);
    ASSERT_TRUE(finished.has_value()) << to_string(finished.error());
    EXPECT_EQ(finished->public_status, 451);
    EXPECT_FALSE(nginx.has(where));
    expect_whole(path, bytes);
    for (const char* effect : {"sealed", "blocked", "withdrawn"})
      EXPECT_LE(nginx.done(effect, {where}), 1) << effect;
    EXPECT_GE(nginx.site->journal(where)->size(), 3U);
    ASSERT_TRUE(nginx.site->restore(where, nginx.url(path)).has_value());
    EXPECT_EQ(nginx.get(path).body, bytes);
  }
}

TEST_F(CrashTest, KilledWhileDisablingThenAnotherOrderComesAndTheFirstIsUndone) {
  for (const std::string where : kDisablePoints) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    nginx.put(where, where);
    ASSERT_TRUE(killed_at(
        where, [&](Site& site) { (void)site.disable("a:" + where, nginx.url(path), kRecord); }));
    ASSERT_TRUE(nginx.site->disable("b:" + where, nginx.url(path), kRecord).has_value());
    EXPECT_EQ(nginx.get(path).status, 451);
    EXPECT_FALSE(nginx.has(where));
    for (const char* effect : {"sealed", "blocked", "withdrawn"}) {
      EXPECT_LE(nginx.done(effect, {"a:" + where, "b:" + where}), 1) << effect;
    }
    const auto undone = nginx.site->restore("a:" + where, nginx.url(path));
    if (undone) {
      EXPECT_TRUE(undone->still_blocked);
    } else {
      EXPECT_EQ(undone.error().code, Code::kNotFound) << "it died before it was recorded";
    }
    ASSERT_TRUE(nginx.site->restore("b:" + where, nginx.url(path)).has_value());
    EXPECT_EQ(nginx.get(path).body, where);
  }
}

TEST_F(CrashTest, KilledWhileDisablingThenUndone) {
  for (const std::string where : kDisablePoints) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    nginx.put(where, where);
    ASSERT_TRUE(
        killed_at(where, [&](Site& site) { (void)site.disable(where, nginx.url(path), kRecord); }));
    const auto undone = nginx.site->restore(where, nginx.url(path));
    if (!undone) {
      EXPECT_EQ(undone.error().code, Code::kNotFound);
    }
    EXPECT_EQ(nginx.get(path).status, 200);
    EXPECT_EQ(nginx.get(path).body, where);
  }
}

TEST_F(CrashTest, KilledWhileRestoringThenRepeated) {
  for (const std::string where : kRestorePoints) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    const std::string bytes = "content of " + where + std::string(70'000, 'x');
    nginx.put(where, bytes);
    ASSERT_TRUE(nginx.site->disable(where, nginx.url(path), kRecord).has_value());
    ASSERT_TRUE(killed_at(where, [&](Site& site) { (void)site.restore(where, nginx.url(path)); }));
    expect_whole(path, bytes);
    const auto finished = nginx.site->restore(where, nginx.url(path));
    ASSERT_TRUE(finished.has_value()) << to_string(finished.error());
    EXPECT_EQ(finished->public_status, 200);
    EXPECT_EQ(nginx.get(path).body, bytes);
    EXPECT_FALSE(nginx.has(".entente-restore"));
    EXPECT_LE(nginx.done("put_back", {where}), 1);
    EXPECT_LE(nginx.done("unblocked", {where}), 1);
  }
}

TEST_F(CrashTest, KilledWhileRestoringThenANewOrderComes) {
  for (const std::string where : kRestorePoints) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    nginx.put(where, where);
    ASSERT_TRUE(nginx.site->disable("a:" + where, nginx.url(path), kRecord).has_value());
    ASSERT_TRUE(
        killed_at(where, [&](Site& site) { (void)site.restore("a:" + where, nginx.url(path)); }));
    const auto again = nginx.site->disable("b:" + where, nginx.url(path), kRecord);
    ASSERT_TRUE(again.has_value()) << to_string(again.error());
    EXPECT_EQ(nginx.get(path).status, 451);
    EXPECT_FALSE(nginx.has(where));
    ASSERT_TRUE(nginx.site->restore("b:" + where, nginx.url(path)).has_value());
    EXPECT_EQ(nginx.get(path).body, where);
  }
}

TEST_F(CrashTest, KilledWhileErasing) {
  for (const std::string where : {"erase.recorded", "erase.unlinked"}) {
    SCOPED_TRACE(where);
    const std::string path = "/" + where;
    nginx.put(where, where);
    const auto disabled = nginx.site->disable(where, nginx.url(path), kRecord);
    ASSERT_TRUE(disabled.has_value());
    ASSERT_TRUE(killed_at(where, [&](Site& site) { (void)site.erase(where, nginx.url(path)); }));
    ASSERT_TRUE(nginx.site->erase(where, nginx.url(path)).has_value());
    EXPECT_FALSE(
        std::filesystem::exists(nginx.folder / "sealed" / "sealed" / disabled->sealed_file));
    EXPECT_EQ(nginx.get(path).status, 451);
  }
}

}  // namespace
}  // namespace entente::effects::site

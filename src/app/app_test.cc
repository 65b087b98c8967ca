// SPDX-License-Identifier: Apache-2.0
//
// What the composition root decides itself: a configuration is understood whole or refused, keys
// are their owner's only, the clock's steps are made when due, once, and by the right clock, and
// the screens' folder shows nothing else.
#include <gtest/gtest.h>

#include <fstream>

#include "config.h"
#include "entente/core/log.h"
#include "entente/dossier/test_dossier.h"
#include "scheduler.h"
#include "static_files.h"

namespace entente::app {
namespace {

namespace fs = std::filesystem;
namespace at = acts::testing;
using acts::Region;
using dossier::testing::TestDossier;
using dossier::testing::World;

// ── configuration

class ConfigTest : public ::testing::Test {
 protected:
  Result<Config> load(const std::string& text) {
    std::ofstream(folder.file("entente.toml")) << text;
    return load_config(fs::path(folder.file("")));
  }
  void expect_refused(const std::string& text, std::string_view field, std::string_view words) {
    const auto config = load(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Code::kInvalid);
    EXPECT_EQ(config.error().field, field);
    EXPECT_NE(config.error().detail.find(words), std::string::npos) << config.error().detail;
  }
  const std::string good =
      "party = 'interior.example'\nname = 'Ministry'\nkind = 'authority'\nurl = "
      "'https://interior.example'\n";
  sqlite::TestFolder folder;
};

TEST_F(ConfigTest, AnUnknownSettingIsRefusedWithItsLine) {
  expect_refused(good + "prot = 8080\n", "prot", "line 5");
  expect_refused(good + "[site]\ncontent_rot = '/srv'\n", "content_rot", "line 6");
  expect_refused(good + "[sit]\ncontent_root = '/srv'\n", "sit", "line 5");
}

TEST_F(ConfigTest, AMissingSettingIsNamed) {
  expect_refused("name = 'x'\nkind = 'authority'\nurl = 'https://x.example'\n", "party",
                 "party is missing");
  expect_refused(good + "address = 7\n", "address", "line 5");
  expect_refused("party = ''\nname = 'x'\nkind = 'authority'\nurl = 'https://x.example'\n", "party",
                 "party is missing");
}

TEST_F(ConfigTest, APortMustBeAPort) {
  expect_refused(good + "port = 65536\n", "port", "0 to 65535");
  expect_refused(good + "port = -1\n", "port", "0 to 65535");
  expect_refused(good + "port = '8080'\n", "port", "line 5: port must be a whole number");
  EXPECT_EQ(load(good + "port = 65535\n")->port, 65535);
}

TEST_F(ConfigTest, AValueOfAnotherKindIsNotTheDefault) {
  expect_refused(good + "allow_plain_http = 'no'\n", "allow_plain_http", "true or false");
  expect_refused(good + "clock_offset_ms = 1.5\n", "clock_offset_ms", "whole number");
  expect_refused("party = 'x.example'\nname = 'x'\nkind = 'ministry'\nurl = 'https://x.example'\n",
                 "kind", "authority, platform, overseer");
}

TEST_F(ConfigTest, WhatIsNoTomlIsRefusedWithItsLine) {
  const auto config = load(good + "port = = 1\n");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail.find("line 5"), std::string::npos) << config.error().detail;
  EXPECT_FALSE(load_config(fs::path(folder.file("nowhere"))));
  // toml++ would end the process here.
  EXPECT_FALSE(load(good + "[\xc3\xa9]\n"));
}

class InitTest : public ConfigTest {
 protected:
  Config config(std::string kind = "platform") {
    Config c;
    c.folder = fs::path(folder.file("node"));
    c.party = "photos.example";
    c.name = "Photos \"and\" \\films\\\nof \x01 Paris";
    c.kind = std::move(kind);
    c.url = "https://photos.example";
    c.port = 8443;
    return c;
  }
};

TEST_F(InitTest, AFolderThatHoldsANodeIsLeftAlone) {
  ASSERT_TRUE(init_folder(config()));
  std::ifstream in(config().key("node.key"));
  const std::string key(std::istreambuf_iterator<char>(in), {});
  const auto again = init_folder(config());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  std::ifstream after(config().key("node.key"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(after), {}), key);
}

TEST_F(InitTest, AKeyWithoutItsConfigurationIsNotOverwritten) {
  ASSERT_TRUE(init_folder(config()));
  fs::remove(config().folder / "entente.toml");
  EXPECT_EQ(init_folder(config()).error().code, Code::kConflict);
}

TEST_F(InitTest, AnUnknownKindMakesNothing) {
  EXPECT_EQ(init_folder(config("ministry")).error().code, Code::kInvalid);
  EXPECT_FALSE(fs::exists(config().folder));
}

TEST_F(InitTest, KeysAreReadableByTheirOwnerOnly) {
  ASSERT_TRUE(init_folder(config()));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(config().folder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << entry.path();
  }
  EXPECT_EQ(files, 5U) << "entente.toml, node, ledger and seal keys, the upload token";
  for (const auto& at : {config().folder, config().folder / "keys"})
    EXPECT_EQ(fs::status(at).permissions(), fs::perms::owner_all) << at;
}

TEST_F(InitTest, WhatIsWrittenIsReadBackWhateverTheNameHolds) {
  auto c = config();
  c.site = SiteConfig{"/srv/\"site\"", "https://photos.example", "/srv/map", "/run/nginx.pid"};
  ASSERT_TRUE(init_folder(c));
  const auto back = load_config(c.folder);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->name, c.name);
  EXPECT_EQ(back->port, 8443);
  EXPECT_EQ(back->site->content_root, c.site->content_root);
}

// ── the scheduler

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::kOff);
    node.trust_all();
  }
  // An order that the platform received, by its own clock, at 21:20:30.
  std::string received_order() {
    world.clock.set(at::instant("2026-11-13T21:18:00Z"));
    const auto act = node.sent_order();
    world.clock.set(at::instant("2026-11-13T21:20:29Z"));
    EXPECT_EQ(node.say(at::tco(), act, "receive")->status, "applied");
    return act;
  }
  acts::ClockInstance clock_of(const std::string& act, std::string_view id) {
    for (const auto& c : acts::clocks(node.load(act).state, at::tco()))
      if (c.id == id) return c;
    check(false, "the clock does not run");
    return {};
  }
  void skew(Millis theirs_minus_ours) {
    ASSERT_TRUE(node.store().write([&](store::Tx& tx) {
      return dossier::record_skew(tx, at::kAddressee, theirs_minus_ours.count(), world.clock.now());
    }));
  }
  std::size_t count(const std::string& act, std::string_view move) {
    std::size_t n = 0;
    for (const auto& s : node.steps(act))
      if (s.step.move == move && s.status == "applied") ++n;
    return n;
  }
  void run_at(Instant t) {
    world.clock.set(t);
    const auto made = Scheduler(node.service()).run_due();
    ASSERT_TRUE(made) << to_string(made.error());
  }

  World world;
  TestDossier node{world, world.authority};
};

TEST_F(SchedulerTest, OverdueIsRecordedOnTheInstantOfReg1182AndNotBefore) {
  const auto act = received_order();
  const auto c = clock_of(act, "execute");
  ASSERT_LT(c.due, c.due_1182) << "or this test proves nothing";
  run_at(c.due);
  run_at(c.due_1182 - Millis(1));
  EXPECT_EQ(count(act, "overdue"), 0U);
  run_at(c.due_1182 + std::chrono::minutes(1));
  EXPECT_EQ(count(act, "overdue"), 1U);
  EXPECT_EQ(node.region(act, Region::kExecution), "overdue");
}

TEST_F(SchedulerTest, RunTwiceItMakesOneStep) {
  const auto act = received_order();
  const auto due = clock_of(act, "execute").due_1182;
  run_at(due);
  const auto rows = node.rows();
  run_at(due);
  run_at(due + std::chrono::hours(1));
  EXPECT_EQ(count(act, "overdue"), 1U);
  EXPECT_EQ(node.rows(), rows);
}

TEST_F(SchedulerTest, APlatformWhoseClockIsBehindHasItsHourByItsOwnClock) {
  const auto act = received_order();
  const auto due = clock_of(act, "execute").due_1182;
  skew(-std::chrono::minutes(5));
  run_at(due);
  run_at(due + std::chrono::minutes(5) - Millis(1));
  EXPECT_EQ(count(act, "overdue"), 0U);
  run_at(due + std::chrono::minutes(7));
  EXPECT_EQ(count(act, "overdue"), 1U);
}

TEST_F(SchedulerTest, APlatformWhoseClockIsAheadDoesNotShortenItsOwnHour) {
  const auto act = received_order();
  const auto due = clock_of(act, "execute").due_1182;
  skew(std::chrono::minutes(9));
  run_at(due - Millis(1));
  EXPECT_EQ(count(act, "overdue"), 0U);
  run_at(due + std::chrono::minutes(1));
  EXPECT_EQ(count(act, "overdue"), 1U);
}

TEST_F(SchedulerTest, WhatWasDecidedInTimeIsNotOverdue) {
  const auto act = received_order();
  const auto due = clock_of(act, "execute").due_1182;
  ASSERT_EQ(node.say(at::tco(), act, "accept")->status, "applied");
  run_at(due + std::chrono::hours(1));
  EXPECT_EQ(count(act, "overdue"), 0U);
}

TEST_F(SchedulerTest, ASealOpensByItselfAlsoWhereTheIssuerIsSilent) {
  TestDossier platform(world, world.platform);
  platform.trust_all();
  const auto body = at::draft_body(at::tco(), at::annex_i(world.clock.now(), true));
  const auto act = node.say(at::tco(), {}, "compose", {.body = body})->act;
  ASSERT_TRUE(node.say(at::tco(), act, "seal"));
  const auto unseal_at = *node.load(act).state.unseal_at;
  ASSERT_TRUE(node.say(at::tco(), act, "sign"));
  for (const auto& s : node.steps(act))
    ASSERT_TRUE(platform.submit(s.step, dossier::Source::kPeer));
  ASSERT_EQ(platform.region(act, Region::kDisclosure), "sealed");

  const auto due = clock_of(act, "unseal").due_1182;
  EXPECT_GE(due, unseal_at);
  world.clock.set(due - Millis(1));
  ASSERT_TRUE(Scheduler(platform.service()).run_due());
  EXPECT_EQ(platform.region(act, Region::kDisclosure), "sealed");
  world.clock.set(due + std::chrono::minutes(1));
  ASSERT_TRUE(Scheduler(platform.service()).run_due());
  EXPECT_EQ(platform.region(act, Region::kDisclosure), "opened") << "I2: without the issuer";
  run_at(due + std::chrono::minutes(1));
  EXPECT_EQ(node.region(act, Region::kDisclosure), "opened");
  run_at(due + std::chrono::minutes(3));
  EXPECT_EQ(count(act, "unseal"), 1U);
}

// ── the screens' files

class StaticTest : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view text) {
    const fs::path path = fs::path(folder.file("web")) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Result<http::Response> get(const std::string& path) {
    const auto match = router.find("GET", path);
    if (match.handler == nullptr) return fail(Code::kNotFound, "no route");
    http::Request q;
    q.method = "GET";
    q.path = path;
    q.params = match.params;
    return (*match.handler)(q);
  }
  static std::string header(const http::Response& r, std::string_view name) {
    for (const auto& [n, v] : r.headers)
      if (n == name) return v;
    return {};
  }
  void SetUp() override {
    write("index.html", "<!doctype html>screens");
    write("assets/app-1a2b.js", "1");
    write("notes.xyz", "?");
    std::ofstream(folder.file("secret.key")) << "ENTENTE-PRIVATE-KEY-1";
    ASSERT_TRUE(add_static_routes(router, folder.file("web")));
  }
  sqlite::TestFolder folder;
  http::Router router;
};

TEST_F(StaticTest, NoPathLeavesTheFolder) {
  for (const auto* path : {"/../secret.key", "/assets/../../secret.key", "/./../secret.key",
                           "//secret.key", "/..\\secret.key", "/secret.key"}) {
    const auto answer = get(path);
    EXPECT_FALSE(answer) << path;
  }
  for (const auto* path : {"/../..", "/etc/passwd", "/assets/"}) {
    const auto answer = get(path);
    if (answer) {
      EXPECT_EQ(answer->body, "<!doctype html>screens") << path;
    }
  }
}

TEST_F(StaticTest, AMissingFileIsMissingAndAnUnknownScreenIsTheScreens) {
  EXPECT_EQ(get("/assets/app-0000.js").error().code, Code::kNotFound);
  EXPECT_EQ(get("/v1/nothing").error().code, Code::kNotFound) << "an API answers no screens";
  for (const auto* path : {"/", "/login", "/record/01ARZ3NDEKTSV4RRFFQ69G5FAV"}) {
    const auto answer = get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->body, "<!doctype html>screens");
    EXPECT_EQ(header(*answer, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(header(*answer, "Cache-Control"), "no-cache");
  }
}

TEST_F(StaticTest, AnUnknownExtensionIsBytesAndNothingABrowserRuns) {
  EXPECT_EQ(header(*get("/notes.xyz"), "Content-Type"), "application/octet-stream");
}

TEST_F(StaticTest, EveryFileForbidsForeignCode) {
  for (const auto* path : {"/", "/assets/app-1a2b.js", "/notes.xyz", "/queue"}) {
    const auto policy = header(*get(path), "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'self';")) << path;
    for (const auto* rule : {"object-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"})
      EXPECT_NE(policy.find(rule), std::string::npos) << path;
    for (const auto* hole : {"unsafe-inline", "unsafe-eval", "*"})
      EXPECT_EQ(policy.find(hole), std::string::npos) << path;
  }
  EXPECT_NE(header(*get("/assets/app-1a2b.js"), "Cache-Control").find("immutable"),
            std::string::npos);
}

TEST_F(StaticTest, AFolderWithoutScreensIsSaidSo) {
  http::Router other;
  const auto none = add_static_routes(other, folder.file("nothing"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace entente::app

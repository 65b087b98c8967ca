// SPDX-License-Identifier: Apache-2.0
//
// What lists, records and private links show: the order of the queue, pages that neither lose nor
// repeat a row, and what is never shown to whom.
#include <gtest/gtest.h>

#include "entente/core/log.h"
#include "entente/dossier/routes.h"
#include "entente/dossier/test_dossier.h"

namespace entente::dossier {
namespace {

using testing::TestDossier;
using testing::World;
namespace at = acts::testing;

constexpr std::string_view kOldest = "01ARZ3NDEKTSV4RRFFQ69G5FA0";

class QueueTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kOff); }
  // The n-th act, due so many minutes after noon.
  void put(int n, std::optional<int> due_minutes, std::string mode = "order", bool waits = true) {
    ActRow row;
    row.act = fmt::format("01ARZ3NDEKTSV4RRFFQ69G5{:03}", n);
    row.dossier = row.act;
    row.regime = at::tco().name();
    row.mode = std::move(mode);
    row.position = "addressee";
    row.created = row.updated = world.clock.now();
    row.waits = waits;
    if (due_minutes) row.due = world.clock.now() + std::chrono::minutes(*due_minutes);
    ASSERT_TRUE(node.store().write([&](store::Tx& tx) { return put_act(tx, row); }));
  }
  using List = Result<Page> (*)(store::Tx&, std::string_view, std::size_t);
  Page page(List list, std::string_view cursor, std::size_t limit) {
    return node.read([&](store::Tx& tx) { return list(tx, cursor, limit); });
  }
  std::vector<std::string> all(List list, std::size_t limit, std::size_t* pages = nullptr) {
    std::vector<std::string> out;
    std::string cursor;
    for (std::size_t n = 1; n < 100; ++n) {
      const auto p = page(list, cursor, limit);
      EXPECT_LE(p.rows.size(), limit);
      for (const auto& r : p.rows) out.push_back(r.act.substr(23));
      if (pages != nullptr) *pages = n;
      if (!p.next) return out;
      cursor = *p.next;
    }
    ADD_FAILURE() << "pages without end";
    return out;
  }
  World world;
  TestDossier node{world, world.platform};
};

TEST_F(QueueTest, WhatIsDueFirstComesFirstAndNoticesWithoutADeadlineComeLast) {
  put(1, std::nullopt, "notice");
  put(2, 60);
  put(3, 5);
  put(4, std::nullopt, "notice");
  put(5, -10);  // overdue: still the most urgent
  put(6, 1, "order", false);
  EXPECT_EQ(all(list_queue, 50), (std::vector<std::string>{"005", "003", "002", "001", "004"}));
}

TEST_F(QueueTest, PagesNeitherLoseNorRepeatARowAlsoWhenManyAreDueAtOnce) {
  std::vector<std::string> expected;
  for (int n = 0; n < 30; ++n) put(n, 60);
  for (int n = 30; n < 40; ++n) put(n, std::nullopt, "notice");
  for (int n = 0; n < 40; ++n) expected.push_back(fmt::format("{:03}", n));
  for (const std::size_t limit : {1U, 7U, 10U, 39U, 40U, 41U}) {
    std::size_t pages = 0;
    EXPECT_EQ(all(list_queue, limit, &pages), expected) << limit;
    EXPECT_EQ(pages, (40 + limit - 1) / limit) << "no empty last page";
  }
  auto newest = all(list_acts, 7);
  std::reverse(newest.begin(), newest.end());
  EXPECT_EQ(newest, expected);
}

TEST_F(QueueTest, ARowThatLeavesBetweenTwoPagesTakesNoOtherWithIt) {
  for (int n = 0; n < 10; ++n) put(n, 60);
  const auto first = page(list_queue, "", 4);
  put(3, 60, "order", false);  // decided meanwhile: the very row the cursor stands on
  const auto second = page(list_queue, *first.next, 4);
  EXPECT_EQ(second.rows.front().act.substr(23), "004");
}

TEST_F(QueueTest, WhatIsNoCursorIsRefused) {
  for (const auto* bad : {"x", ".", "1", "1x.a", "-1.a", "9999999999999999999.a", " 1.a"})
    for (const List list : {&list_queue, &list_acts}) {
      const auto r = store::read_returning<Page>(node.store(),
                                                 [&](store::Tx& tx) { return list(tx, bad, 10); });
      ASSERT_FALSE(r) << bad;
      EXPECT_EQ(r.error().code, Code::kInvalid);
      EXPECT_EQ(r.error().field, "cursor");
    }
}

// ── routes

class RouteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::kOff);
    for (auto* n : {&platform, &authority}) n->trust_all();
    add_routes(router,
               {platform.service(), platform.store(), world.clock, world.random, {}, {}, {}, true});
    const auto& key = world.platform.key_of("moderator");
    ASSERT_TRUE(platform.store().write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_TRY(c, identity::open_session(tx, world.platform.party, key.public_key().id(),
                                            world.random, world.clock.now()));
      ENTENTE_TRY(user, identity::answer_session(
                            tx, c.session, key.sign(crypto::pae(identity::kSessionType, c.bytes)),
                            world.random, world.clock.now()));
      token = user.token;
      return {};
    }));
  }
  Result<http::Response> call(std::string method, std::string path, std::string body = {},
                              std::map<std::string, std::string> query = {}) {
    const auto match = router.find(method, path);
    check(match.handler != nullptr, "no such route in this test");
    http::Request q;
    q.method = std::move(method);
    q.path = std::move(path);
    q.params = match.params;
    q.query = std::move(query);
    q.body = std::move(body);
    q.headers["authorization"] = "Bearer " + token;
    return (*match.handler)(q);
  }
  World world;
  TestDossier platform{world, world.platform}, authority{world, world.authority};
  http::Router router;
  std::string token;
};

TEST_F(RouteTest, ALimitHasBounds) {
  for (const auto* list : {"/v1/queue", "/v1/acts", "/v1/refusals"}) {
    for (const auto* bad : {"0", "201", "-1", "", "ten", "1e2", "99999999999999999999"}) {
      const auto r = call("GET", list, {}, {{"limit", bad}});
      ASSERT_FALSE(r) << list << " " << bad;
      EXPECT_EQ(r.error().field, "limit");
    }
    for (const auto* good : {"1", "200"}) EXPECT_TRUE(call("GET", list, {}, {{"limit", good}}));
  }
}

TEST_F(RouteTest, WithoutASessionThereIsNothingToRead) {
  const auto act = authority.sent_order();
  token = "guessed";
  for (const auto& path :
       {std::string("/v1/queue"), std::string("/v1/acts"), std::string("/v1/refusals"),
        std::string("/v1/queue/events"), "/v1/acts/" + act,
        "/v1/acts/" + act + "/steps/" + at::kSomeHash, "/v1/acts/" + act + "/targets/0/content"}) {
    const auto r = call("GET", path);
    ASSERT_FALSE(r) << path;
    EXPECT_EQ(r.error().code, Code::kUnauthorised) << path;
  }
}

// ── what is shown to whom

class ShownTest : public RouteTest {
 protected:
  static constexpr std::string_view kReasons = "calls by name for the killing";
  std::string record(TestDossier& n, const std::string& act) {
    return json::canonical(
        n.read([&](store::Tx& tx) { return public_record(tx, n.service(), act); }));
  }
  void to_platform(const std::string& act) {
    for (const auto& s : authority.steps(act)) {
      if (!s.own) continue;
      ASSERT_TRUE(platform.submit(s.step, Source::kPeer));
    }
  }
  // Person ids, keys, names, addresses, contents and reasons of the act, whoever gave them.
  void expect_nothing_private(const std::string& text) {
    for (const auto* o : {&world.authority, &world.platform, &world.overseer})
      for (const auto& [role, key] : o->people)
        for (const auto& secret : {o->hand(role).person, o->hand(role).keyid, "Secret " + role})
          EXPECT_EQ(text.find(secret), std::string::npos) << secret;
    for (const std::string_view secret :
         {std::string_view("platform.example/post"), kReasons, std::string_view("A. Martin"),
          std::string_view("desk@authority.example"), std::string_view("given in full"),
          std::string_view("B. Durand"), std::string_view("\"form\""),
          std::string_view("\"salt\"")})
      EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  }
};

TEST_F(ShownTest, ThePublicRecordHoldsNoAddressNoPersonAndNoReasons) {
  const auto act = authority.sent_order();
  to_platform(act);
  for (const auto* move : {"accept", "execute", "inform_user", "contest"})
    ASSERT_EQ(platform.say(at::tco(), act, move)->status, "applied") << move;
  for (auto* n : {&authority, &platform}) {
    const auto text = record(*n, act);
    expect_nothing_private(text);
    EXPECT_NE(text.find("Name of authority.example"), std::string::npos);
  }
  EXPECT_NE(record(authority, act).find("commitment"), std::string::npos);
  // What the record hides is there to be hidden.
  const auto view = json::canonical(
      platform.read([&](store::Tx& tx) { return act_view(tx, platform.service(), act, {}, {}); }));
  EXPECT_NE(view.find("platform.example/post"), std::string::npos);
  EXPECT_NE(view.find(kReasons), std::string::npos);
}

TEST_F(ShownTest, ADraftHasNoPublicRecord) {
  const auto act = authority.say(at::tco(), {}, "compose")->act;
  const auto r = store::read_returning<json::Object>(authority.store(), [&](store::Tx& tx) {
    return public_record(tx, authority.service(), act);
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kNotFound);
  const auto none = store::read_returning<json::Object>(authority.store(), [&](store::Tx& tx) {
    return public_record(tx, authority.service(), kOldest);
  });
  EXPECT_EQ(none.error(), r.error()) << "a draft cannot be told from nothing";
}

TEST_F(ShownTest, ASealedActShowsThatItExistsAndWhenTheSealEndsAndNothingElse) {
  const auto body = at::draft_body(at::tco(), at::annex_i(world.clock.now(), true));
  const auto act = authority.say(at::tco(), {}, "compose", {.body = body})->act;
  ASSERT_TRUE(authority.say(at::tco(), act, "seal"));
  ASSERT_TRUE(authority.say(at::tco(), act, "sign"));
  to_platform(act);
  for (auto* n : {&authority, &platform}) {
    const auto o = n->read([&](store::Tx& tx) { return public_record(tx, n->service(), act); });
    EXPECT_EQ(o.at("sealed"), true);
    EXPECT_EQ(o.at("unseal_at").as_string(), format_rfc3339(*n->load(act).state.unseal_at));
    EXPECT_TRUE(o.at("steps").as_array().empty());
    for (const auto* hidden : {"targets", "clocks", "redress", "types", "legal_basis"})
      EXPECT_FALSE(o.contains(hidden)) << hidden;
    EXPECT_EQ(o.at("state"), json::Value(json::Object{{"disclosure", "sealed"}}));
    const auto text = json::canonical(o);
    expect_nothing_private(text);
    EXPECT_EQ(text.find("Name of platform.example"), std::string::npos)
        << "who must stay silent is part of the secret";
    EXPECT_EQ(text.find("flee"), std::string::npos) << "the reason of the seal";
  }
}

class NoticeTest : public ShownTest {
 protected:
  // A notice, decided by the platform.
  void SetUp() override {
    ShownTest::SetUp();
    const auto r = call("POST", "/v1/notices",
                        boost::json::serialize(json::Object{
                            {"url", "https://platform.example/post/1"},
                            {"reasons",
                             "NOTIFIERS-WORDS: my neighbour of the third floor sells passports in "
                             "the name of my late brother."},
                            {"category", "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"},
                            {"name", "Nadia Notifier"},
                            {"email", "nadia@home.example"},
                            {"bona_fide", true}}));
    ASSERT_TRUE(r) << to_string(r.error());
    const auto answer = json::parse_object(r->body).value();
    act = json::text_or(answer, "act");
    notifier = json::text_or(answer, "case_token");
    for (const auto* move : {"accept", "execute", "inform_user", "inform_notifier"})
      ASSERT_EQ(platform.say(at::dsa(), act, move)->status, "applied") << move;
    user = store::write_returning<std::string>(platform.store(), [&](store::Tx& tx) {
             return case_token(tx, act, "user", "user-token", world.clock.now());
           }).value();
  }
  json::Object seen_by(const std::string& link) {
    const auto r = call("GET", "/v1/cases/" + link);
    check(r.has_value(), "no case");
    return json::parse_object(r->body).value();
  }
  std::string act, notifier, user;
};

TEST_F(NoticeTest, TheUserLearnsTheReasonsAndNeverTheNotifiersWordsOrName) {
  const auto o = seen_by(user);
  const auto text = json::canonical(o);
  for (const auto* secret : {"NOTIFIERS-WORDS", "Nadia", "nadia@home.example"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  EXPECT_EQ(o.at("role"), "user");
  EXPECT_EQ(o.at("reasons"), "Reasons of at least twenty characters, given in full.");
  EXPECT_EQ(o.at("legal_basis"), "Penal code, Art. 441-1");
  ASSERT_FALSE(o.at("remedies").as_array().empty());
  EXPECT_EQ(o.at("remedies").at(0).at("move"), "complain");
  EXPECT_EQ(o.find("authority"), o.end()) << "nobody ordered anything";
}

TEST_F(NoticeTest, TheNotifierLearnsTheOutcomeAndWhatToDoAboutIt) {
  const auto o = seen_by(notifier);
  EXPECT_EQ(o.at("role"), "notifier");
  EXPECT_EQ(o.at("state"), "executed");
  EXPECT_EQ(json::canonical(o).find("Nadia"), std::string::npos) << "nobody stores the name";
}

TEST_F(NoticeTest, NeitherActNorRecordNorStoreKnowsTheNotifiersName) {
  expect_nothing_private(record(platform, act));
  EXPECT_EQ(record(platform, act).find("NOTIFIERS-WORDS"), std::string::npos);
  for (const auto& s : platform.steps(act))
    EXPECT_EQ(json::canonical(s.step.body).find("Nadia"), std::string::npos) << s.step.move;
}

TEST_F(NoticeTest, ALinkThatWasGuessedIsNoLink) {
  for (const auto& guess : {std::string("nobody"), act, user + "x", std::string("%")})
    EXPECT_EQ(call("GET", "/v1/cases/" + guess).error().code, Code::kNotFound) << guess;
}

TEST_F(ShownTest, TheUserOfAnOrderSeesItsReasonsAndRedress) {
  const auto act = authority.sent_order();
  to_platform(act);
  const auto o = platform.read([&](store::Tx& tx) {
    return case_view(tx, platform.service(), {act, "user"});
  });
  EXPECT_NE(std::string(o.at("reasons").as_string()).find(kReasons), std::string::npos);
  EXPECT_EQ(o.at("authority"), "Name of authority.example");
  EXPECT_TRUE(o.contains("redress"));
  const auto text = json::canonical(o);
  EXPECT_EQ(text.find("A. Martin"), std::string::npos) << "an official is not the user's to know";
}

}  // namespace
}  // namespace entente::dossier

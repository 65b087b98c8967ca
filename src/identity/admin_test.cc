// SPDX-License-Identifier: Apache-2.0
//
// The directory changed beside a running node: by administrators and by the folder's own key, by
// nobody else, and never in an administrator's own favour.
#include "entente/identity/admin.h"

#include <gtest/gtest.h>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/http/client.h"
#include "entente/http/test_server.h"
#include "entente/json/json.h"

namespace entente::identity {
namespace {

const Instant kNoon = parse_rfc3339("2026-11-13T12:00:00Z").value();

class AdminRoutes : public ::testing::Test {
 protected:
  AdminRoutes() {
    check(store::migrate(*store_, {migration()}, to_ms(kNoon)).has_value(), "migrating");
    check(store_
              ->write([&](store::Tx& tx) -> Result<void> {
                ENTENTE_CHECK_OK(trust(tx, self_.entry, self_.entry.node_key.fingerprint(), kNoon));
                ENTENTE_TRY(a, enrol(tx, "here.example",
                                     {{}, "Ada", ada_.public_key(), {"administrator"}, {}}, kNoon));
                ENTENTE_TRY(
                    c, enrol(tx, "here.example",
                             {{}, "Camille", camille_.public_key(), {"moderator"}, {}}, kNoon));
                static_cast<void>(a);
                static_cast<void>(c);
                return {};
              })
              .has_value(),
          "enrolling");
    add_routes(router_, *store_, self_, clock_, random_);
    server_ = std::make_unique<http::RunningServer>(router_);
  }
  static Entry own(const crypto::PrivateKey& node) {
    Entry e;
    e.party = "here.example";
    e.name = "Here";
    e.kind = "platform";
    e.url = "https://here.example";
    e.node_key = node.public_key();
    e.log_vkey = "here.example/ledger+00000000+AAAA";
    e.issued_at = kNoon;
    return e;
  }
  Entry partner() {
    Entry e = own(partner_key_);
    e.party = "interior.example";
    e.kind = "authority";
    e.log_vkey = "interior.example/ledger+00000000+AAAA";
    return e;
  }

  http::ClientResponse call(const std::string& method, const std::string& path,
                            const std::string& token, const std::string& body = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = server_->url(path);
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    return client_.send(request).value();
  }
  std::string login(const crypto::PrivateKey& key) {
    const auto opened = json::parse_object(call("POST", "/v1/sessions", {},
                                                json::canonical({{"keyid", key.public_key().id()}}))
                                               .body)
                            .value();
    const auto bytes = from_base64(json::text_or(opened, "challenge")).value();
    const auto answer = call(
        "PUT", "/v1/sessions/" + std::string(json::text_or(opened, "session")), {},
        json::canonical({{"signature", to_base64(key.sign(crypto::pae(kSessionType, bytes)))}}));
    return std::string(json::text_or(json::parse_object(answer.body).value(), "token"));
  }
  static std::string person(const crypto::PrivateKey& key, std::vector<std::string> roles) {
    return json::canonical({{"name", "Somebody"},
                            {"key", key.public_key().text()},
                            {"roles", json::Array(roles.begin(), roles.end())}});
  }
  std::string trust_request(const Entry& e, const std::string& fingerprint) {
    return json::canonical({{"entry", json::parse(to_envelope(e, partner_key_)).value()},
                            {"fingerprint", fingerprint}});
  }
  std::optional<KeyOwner> owner(const crypto::PrivateKey& key) {
    return store::read_returning<std::optional<KeyOwner>>(
               *store_, [&](store::Tx& tx) { return find_key(tx, key.public_key().id()); })
        .value();
  }

  sqlite::TestFolder folder_;
  SeededRandom random_{11};
  FakeClock clock_{kNoon};
  crypto::PrivateKey node_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey ada_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey camille_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey fresh_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey partner_key_ = crypto::PrivateKey::generate(random_);
  std::unique_ptr<sqlite::SqliteStore> store_ =
      sqlite::SqliteStore::open(folder_.file("admin.db")).value();
  Self self_{own(node_), node_, "0"};
  http::Router router_;
  std::unique_ptr<http::RunningServer> server_;
  http::Client client_{{.allow_private_addresses = true, .allow_plain_http = true}};
};

TEST_F(AdminRoutes, NobodyElseMayLookOrChange) {
  const std::string moderator = login(camille_);
  ASSERT_FALSE(moderator.empty());
  for (const auto& [token, status] :
       {std::pair{std::string(), 401}, {std::string("x"), 401}, {moderator, 403}}) {
    EXPECT_EQ(call("GET", "/v1/admin/people", token).status, status);
    EXPECT_EQ(call("GET", "/v1/admin/changes", token).status, status);
    EXPECT_EQ(call("POST", "/v1/admin/people", token, person(fresh_, {"signer"})).status, status);
    EXPECT_EQ(
        call("POST", "/v1/admin/people/" + ada_.public_key().id() + "/revocation", token, "{}")
            .status,
        status);
    EXPECT_EQ(call("POST", "/v1/admin/parties", token,
                   trust_request(partner(), partner_key_.public_key().fingerprint()))
                  .status,
              status);
  }
  EXPECT_FALSE(owner(fresh_));
  EXPECT_FALSE(owner(partner_key_));
  EXPECT_FALSE(owner(ada_)->revoked_at);
}

TEST_F(AdminRoutes, AnAdministratorGrantsNothingToTheirOwnKeyAndMakesNoAdministrators) {
  const std::string ada = login(ada_);
  const auto own_key = call("POST", "/v1/admin/people", ada, person(ada_, {"signer"}));
  EXPECT_EQ(own_key.status, 403) << own_key.body;
  EXPECT_EQ(call("POST", "/v1/admin/people", ada, person(fresh_, {"administrator"})).status, 403);
  EXPECT_EQ(owner(ada_)->roles, std::vector<std::string>{"administrator"});
  EXPECT_FALSE(owner(fresh_));
}

TEST_F(AdminRoutes, TheNodesKeyIsNobodyWhereAPersonIsAsked) {
  const std::string folder = login(node_);
  ASSERT_FALSE(folder.empty());
  EXPECT_EQ(call("GET", "/v1/me", folder).status, 403);
  EXPECT_EQ(call("GET", "/v1/parties", folder).status, 200);
  EXPECT_EQ(call("POST", "/v1/admin/people", folder, person(node_, {"signer"})).status, 409)
      << "nor can it become one (SG21)";
}

TEST_F(AdminRoutes, AKeyOutOfFormAnotherPartysKeyAndAWrongFingerprintChangeNothing) {
  const std::string ada = login(ada_);
  const auto bad = call("POST", "/v1/admin/people", ada,
                        R"({"name":"x","key":"ed25519:AAAA","roles":["signer"]})");
  EXPECT_EQ(bad.status, 400) << bad.body;
  EXPECT_NE(bad.body.find("/key"), std::string::npos) << bad.body;
  EXPECT_EQ(call("POST", "/v1/admin/people", ada, person(fresh_, {})).status, 400);
  EXPECT_EQ(call("POST", "/v1/admin/people/nobody/revocation", ada, "{}").status, 404);
  const std::string folder = login(node_);
  EXPECT_EQ(
      call("POST", "/v1/admin/people/" + node_.public_key().id() + "/revocation", folder, "{}")
          .status,
      404)
      << "a node's key is no person's";
  EXPECT_EQ(call("POST", "/v1/admin/parties", ada,
                 trust_request(partner(), node_.public_key().fingerprint()))
                .status,
            403);
  EXPECT_FALSE(owner(partner_key_));
  const auto changes = call("GET", "/v1/admin/changes", ada);
  EXPECT_EQ(changes.body, R"({"items":[]})") << "what was refused is no change";
}

TEST_F(AdminRoutes, ARevocationEndsTheSessionsOfThatMoment) {
  const std::string ada = login(ada_);
  const std::string camille = login(camille_);
  ASSERT_EQ(call("GET", "/v1/me", camille).status, 200);
  const auto done =
      call("POST", "/v1/admin/people/" + camille_.public_key().id() + "/revocation", ada, "{}");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(call("GET", "/v1/me", camille).status, 401);
  EXPECT_TRUE(owner(camille_)->revoked_at);
  // For ever: enrolled again, the key stays revoked.
  EXPECT_EQ(call("POST", "/v1/admin/people", ada, person(camille_, {"moderator"})).status, 201);
  EXPECT_TRUE(owner(camille_)->revoked_at);
  const auto entry = parse_entry(call("GET", "/.well-known/entente.json", {}).body).value();
  EXPECT_EQ(std::count_if(entry.officials.begin(), entry.officials.end(),
                          [](const Official& o) { return o.revoked_at.has_value(); }),
            1)
      << "and partners are told";
}

TEST_F(AdminRoutes, PeopleAndPartiesEnterAndEachChangeSaysWhoMadeIt) {
  const std::string ada = login(ada_);
  ASSERT_EQ(call("POST", "/v1/admin/people", ada, person(fresh_, {"reviewer"})).status, 201);
  ASSERT_EQ(call("POST", "/v1/admin/parties", login(node_),
                 trust_request(partner(), partner_key_.public_key().fingerprint()))
                .status,
            201);
  EXPECT_FALSE(login(fresh_).empty());
  EXPECT_EQ(owner(partner_key_)->party, "interior.example");
  const auto people = json::parse_object(call("GET", "/v1/admin/people", ada).body).value();
  EXPECT_EQ(people.at("items").as_array().size(), 3U);
  const auto changes = json::parse_object(call("GET", "/v1/admin/changes", ada).body).value();
  const auto& items = changes.at("items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(json::text_or(items[0].as_object(), "what"), "party.trusted");
  EXPECT_EQ(json::text_or(items[0].as_object(), "by"), node_.public_key().id());
  EXPECT_EQ(json::text_or(items[1].as_object(), "what"), "person.enrolled");
  EXPECT_EQ(json::text_or(items[1].as_object(), "by"), ada_.public_key().id());
  EXPECT_EQ(json::text_or(items[1].as_object(), "detail"), "reviewer");
}

}  // namespace
}  // namespace entente::identity

// SPDX-License-Identifier: Apache-2.0
//
// Nodes in one process, each with its store, ledger and server on a loopback port: what is forged,
// unproven or from strangers does not get in, and what is honest arrives, once, however often it
// was sent and whatever was down in between.
#include "entente/exchange/exchange.h"

#include <gtest/gtest.h>

#include <thread>

#include "entente/core/log.h"
#include "entente/dossier/test_dossier.h"
#include "entente/exchange/message_signature.h"
#include "entente/http/server.h"
#include "entente/ledger/verify.h"

namespace entente::exchange {
namespace {

namespace at = acts::testing;
using acts::Region;
using dossier::testing::Organisation;
using dossier::testing::TestDossier;
using dossier::testing::World;

// One node. Its address is known before its peers learn it; routes are added before it serves.
class Node {
 public:
  Node(World& world, Organisation& org) : world_(world), org_(org) {
    server_ = http::Server::create(router_, {}).value();
    port_ = server_->port();
    org.url = fmt::format("http://127.0.0.1:{}", port_);
  }
  ~Node() { stop(); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void open() {
    node_ = std::make_unique<TestDossier>(world_, org_, std::vector{migration()});
    exchange_ = std::make_unique<Exchange>(node_->service(), client_);
    exchange_->add_routes(router_);
    router_.add("GET", "/.well-known/entente.json",
                [this](const http::Request&) { return directory(); });
    dispatcher_ =
        std::make_unique<effects::Dispatcher>(node_->store(), world_.clock, world_.random);
    dispatcher_->handle("deliver", exchange_->deliverer());
    start();
  }
  void start() {
    if (!server_) {
      http::ServerOptions options;
      options.port = port_;
      server_ = http::Server::create(router_, options).value();
    }
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!server_) return;
    server_->stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  // Carries out what is due; how many attempts that were.
  std::size_t deliver() { return dispatcher_->run_due().value(); }
  std::size_t refresh_directories() { return exchange_->refresh_directories().value(); }
  std::map<std::string, int> outbox() {
    std::map<std::string, int> out;
    for (const auto& e : node_->outbox()) ++out[std::string(effects::state_name(e.state))];
    return out;
  }
  // As the party that the package is from sends it, or with another's key or headers.
  http::ClientResponse post(const json::Object& package) {
    const auto from = std::string(json::text_or(package, "from"));
    const crypto::PrivateKey* key = &org_.node_key;
    for (const auto* org : {&world_.authority, &world_.platform, &world_.overseer})
      if (org->party == from) key = &org->node_key;
    const auto body = boost::json::serialize(package);
    return post(body, signed_by(*key, body));
  }
  http::ClientResponse post(const std::string& body, const Headers& headers) {
    http::ClientRequest q;
    q.method = "POST";
    q.url = org_.url + "/v1/inbox";
    q.headers = {{"Content-Type", "application/json"}};
    q.headers.insert(q.headers.end(), headers.begin(), headers.end());
    q.body = body;
    return client_.send(q).value();
  }
  Headers signed_by(const crypto::PrivateKey& key, const std::string& body,
                    const std::string& path = "/v1/inbox", std::string_view tag = kOrderTag) {
    return sign_message(request_components("POST", org_.url + path, "application/json", body), tag,
                        body, key, world_.clock.now(), world_.random);
  }
  // What this node would send of an act, with its proofs.
  json::Object package(const std::string& act) {
    json::Array items;
    for (const auto& s : node_->steps(act)) {
      if (!s.own) continue;
      const auto proof = node_->read([&](store::Tx& tx) {
        return ledger::Log::proof(tx, static_cast<std::uint64_t>(s.leaf.index));
      });
      items.push_back(json::Object{{"envelope", json::parse(s.envelope).value()},
                                   {"leaf", s.leaf.entry},
                                   {"salt", to_base64(s.leaf.salt)},
                                   {"proof", proof}});
    }
    return {{"from", org_.party}, {"steps", std::move(items)}};
  }

  TestDossier& operator*() { return *node_; }
  TestDossier* operator->() { return node_.get(); }

  std::atomic<int> directory_fetches{0};
  std::atomic<bool> directory_up{true};

 private:
  Result<http::Response> directory() {
    ++directory_fetches;
    if (!directory_up) return fail(Code::kUnavailable, "the directory is down");
    auto entry = org_.entry(world_.clock.now());
    entry.officials =
        node_->read([&](store::Tx& tx) { return identity::officials_of(tx, org_.party); });
    return http::bytes_response(identity::to_envelope(entry, org_.node_key),
                                "application/vnd.dsse.envelope+json");
  }

  World& world_;
  Organisation& org_;
  http::Router router_;
  http::Client client_{{.allow_private_addresses = true, .allow_plain_http = true}};
  std::unique_ptr<TestDossier> node_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<effects::Dispatcher> dispatcher_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

class ExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::kOff);
    for (auto* n : {&authority, &platform, &overseer}) n->open();
    for (auto* n : {&authority, &platform, &overseer}) (*n)->trust_all();
  }
  // A person of the authority whom the peers have not heard of: the directory they hold is older.
  void hire(const char* role) {
    auto& people = world.authority.people;
    people.erase(role);
    people.emplace(role, crypto::PrivateKey::generate(world.random));
    const auto hand = world.authority.hand(role);
    world.clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(authority->store().write([&](store::Tx& tx) {
      return identity::enrol(
                 tx, world.authority.party,
                 {hand.person, "New", world.authority.key_of(role).public_key(), {role}, {}},
                 world.clock.now())
          .map([](const auto&) {});
    }));
  }
  // What a node holds, but for the requests it has seen.
  static auto kept(Node& node) {
    auto rows = node->rows();
    rows.erase("inbox_nonce");
    return rows;
  }
  static std::string rule_of(const http::ClientResponse& r) {
    const auto body = json::parse_object(r.body);
    return body ? std::string(json::text_or(*body, "rule")) : "not JSON: " + r.body;
  }
  // Refused with that status and rule, and nothing of it is kept.
  void expect_refused(const json::Object& package, int status, std::string_view rule) {
    const auto rows = kept(platform);
    const auto answer = platform.post(package);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(rule_of(answer), rule) << answer.body;
    EXPECT_EQ(kept(platform), rows);
  }
  static json::Object with(json::Object package, std::size_t step, std::string_view member,
                           std::string_view value) {
    package["steps"].as_array().at(step).as_object()[member] = value;
    return package;
  }
  static std::string text_at(const json::Object& package, std::size_t step,
                             std::string_view member) {
    return std::string(package.at("steps").at(step).at(member).as_string());
  }
  std::vector<std::string> moves(TestDossier& n, const std::string& act) {
    std::vector<std::string> out;
    for (const auto& s : n.steps(act)) out.push_back(s.step.move + " " + s.status);
    return out;
  }

  World world;
  Node authority{world, world.authority}, platform{world, world.platform},
      overseer{world, world.overseer};
};

// ── what does not get in

TEST_F(ExchangeTest, AStrangersPackageIsRefused) {
  auto package = authority.package(authority->sent_order());
  package["from"] = "stranger.example";
  expect_refused(package, 401, "directory");
  package["from"] = at::kAddressee;  // the node itself
  expect_refused(package, 401, "directory");
  EXPECT_EQ(platform->refusals().size(), 2U);
}

TEST_F(ExchangeTest, AnEmptyAndAnOverfullPackageAreRefused) {
  auto package = authority.package(authority->sent_order());
  const auto one = package["steps"].as_array().at(0);
  package["steps"] = json::Array{};
  EXPECT_EQ(platform.post(package).status, 400);
  for (std::size_t i = 0; i <= kMaxPackageSteps; ++i) package["steps"].as_array().push_back(one);
  EXPECT_EQ(platform.post(package).status, 400);
  EXPECT_TRUE(platform->outbox().empty());
}

TEST_F(ExchangeTest, ANodeCannotDeliverAnothersSteps) {
  auto package = authority.package(authority->sent_order());
  package["from"] = at::kOverseer;
  expect_refused(package, 422, "sender");
}

TEST_F(ExchangeTest, APackageThatItsNodeDidNotSignForThisAddressNowIsRefused) {
  const auto act = authority->sent_order();
  const auto body = boost::json::serialize(authority.package(act));
  const auto& key = world.authority.node_key;
  const auto refused = [&](const Headers& headers, const std::string& sent, const char* rule) {
    const auto rows = kept(platform);
    const auto answer = platform.post(sent, headers);
    EXPECT_EQ(answer.status, 401) << answer.body;
    EXPECT_EQ(rule_of(answer), rule) << answer.body;
    EXPECT_EQ(kept(platform), rows);
  };
  refused({}, body, "message-signature");
  refused(platform.signed_by(world.platform.node_key, body), body, "message-signature");
  refused(platform.signed_by(key, body, "/v1/elsewhere"), body, "message-signature");
  refused(overseer.signed_by(key, body), body, "message-signature");
  refused(platform.signed_by(key, body, "/v1/inbox", kAnswerTag), body, "message-signature");
  refused(platform.signed_by(key, body), body + " ", "message-signature");
  const auto early = platform.signed_by(key, body);
  world.clock.advance(kSignatureLife + acts::kMaxSkew + std::chrono::seconds(1));
  refused(early, body, "message-signature");
}

TEST_F(ExchangeTest, ARequestPlayedAgainIsRefusedAndOneSignedAnewGetsTheSameReceipt) {
  const auto act = authority->sent_order();
  const auto body = boost::json::serialize(authority.package(act));
  const auto headers = platform.signed_by(world.authority.node_key, body);
  const auto first = platform.post(body, headers);
  ASSERT_EQ(first.status, 200) << first.body;
  const auto rows = kept(platform);
  const auto again = platform.post(body, headers);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(rule_of(again), "replay");
  const auto anew = platform.post(body, platform.signed_by(world.authority.node_key, body));
  ASSERT_EQ(anew.status, 200);
  EXPECT_EQ(anew.body, first.body);
  EXPECT_EQ(kept(platform), rows);
}

TEST_F(ExchangeTest, AStepWithoutItsTrueLeafIsRefused) {
  const auto act = authority->sent_order();
  const auto package = authority.package(act);
  const auto leaf_of = [&](std::size_t i) { return text_at(package, i, "leaf"); };
  const auto proof_of = [&](std::size_t i) { return text_at(package, i, "proof"); };
  // Another step's leaf, with or without its proof.
  expect_refused(with(package, 1, "leaf", leaf_of(0)), 422, "SG12");
  expect_refused(with(with(package, 1, "leaf", leaf_of(0)), 1, "proof", proof_of(0)), 422, "SG12");
  // A leaf that tells of another time.
  std::string text = leaf_of(1);
  const auto where = text.find("2026-11-13T20:");
  ASSERT_NE(where, std::string::npos);
  text.replace(where, 14, "2026-11-13T19:");
  expect_refused(with(package, 1, "leaf", text), 422, "SG12");
}

TEST_F(ExchangeTest, ASaltThatDoesNotOpenTheLeafIsRefused) {
  const auto act = authority->sent_order();
  const auto package = authority.package(act);
  auto salt = from_base64(text_at(package, 1, "salt")).value();
  salt[0] ^= 1U;
  expect_refused(with(package, 1, "salt", to_base64(salt)), 422, "SG12");
  salt.pop_back();
  const auto answer = platform.post(with(package, 1, "salt", to_base64(salt)));
  EXPECT_GE(answer.status, 400);
  EXPECT_LT(answer.status, 500);
  EXPECT_TRUE(platform->steps(act).empty());
}

TEST_F(ExchangeTest, AProofThatDoesNotProveIsRefused) {
  const auto act = authority->sent_order();
  const auto package = authority.package(act);
  const std::string good = text_at(package, 1, "proof");
  expect_refused(with(package, 1, "proof", text_at(package, 2, "proof")), 422, "SG12");
  expect_refused(with(package, 1, "proof", good.substr(0, good.size() / 2)), 422, "SG12");
  // Under another signature than the log's.
  std::string forged = good;
  auto& last = forged[forged.size() - 8];
  last = last == 'A' ? 'B' : 'A';
  expect_refused(with(package, 1, "proof", forged), 422, "SG12");
}

TEST_F(ExchangeTest, AChangedStepIsRefusedThoughItsLeafIsTrue) {
  const auto act = authority->sent_order();
  auto package = authority.package(act);
  auto& envelope = package["steps"].as_array().at(1).as_object()["envelope"].as_object();
  auto payload = to_text(from_base64(envelope["payload"].as_string()).value());
  const auto where = payload.find("\"draft\":\"");
  ASSERT_NE(where, std::string::npos);
  payload[where + 9] = payload[where + 9] == 'a' ? 'b' : 'a';
  envelope["payload"] = to_base64(as_bytes(payload));
  expect_refused(package, 422, "SG12");
}

// ── what arrives

TEST_F(ExchangeTest, AnOrderArrivesIsReceiptedAndTheReceiptComesBack) {
  const auto act = authority->sent_order();
  // To both; and then the record, which the receipt that came back made public.
  EXPECT_EQ(authority.deliver(), 4U);
  EXPECT_EQ(authority.outbox(), (std::map<std::string, int>{{"done", 4}}));
  EXPECT_EQ(moves(*platform, act),
            (std::vector<std::string>{"compose applied", "sign applied", "send applied",
                                      "receive applied", "publish applied"}));
  EXPECT_EQ(authority->region(act, Region::kDelivery), "received");
  EXPECT_EQ(authority->region(act, Region::kPublication), "published");

  // The receipt that came back is proven to be in the platform's own ledger.
  for (const auto& s : authority->steps(act)) {
    if (s.step.move != "receive") continue;
    EXPECT_FALSE(s.own);
    EXPECT_EQ(s.leaf.origin, "platform.example/ledger");
    EXPECT_TRUE(ledger::verify_proof(s.leaf.proof, s.leaf.entry,
                                     world.platform.entry(world.clock.now()).log_vkey, {}, 0));
  }
  // What else there is goes round until every node holds the same steps, and so the same act.
  for (int i = 0; i < 5; ++i)
    for (auto* n : {&authority, &platform, &overseer}) n->deliver();
  const auto state = acts::canonical(authority->load(act).state);
  EXPECT_EQ(acts::canonical(platform->load(act).state), state);
  EXPECT_EQ(acts::canonical(overseer->load(act).state), state);
  for (auto* n : {&authority, &platform, &overseer}) EXPECT_FALSE(n->outbox().contains("pending"));
}

TEST_F(ExchangeTest, TheSamePackageGetsTheSameReceiptAndChangesNothing) {
  const auto act = authority->sent_order();
  const auto package = authority.package(act);
  const auto first = platform.post(package);
  ASSERT_EQ(first.status, 200) << first.body;
  const auto rows = kept(platform);
  world.clock.advance(std::chrono::minutes(3));
  const auto second = platform.post(package);
  ASSERT_EQ(second.status, 200);
  const auto a = json::parse_object(first.body).value();
  const auto b = json::parse_object(second.body).value();
  EXPECT_EQ(a.at("receipt"), b.at("receipt"));
  EXPECT_EQ(a.at("steps"), b.at("steps"));
  EXPECT_NE(a.at("now"), b.at("now")) << "by which the sender measures the clocks";
  EXPECT_EQ(kept(platform), rows);

  const auto receipt = crypto::parse_envelope(boost::json::serialize(a.at("receipt"))).value();
  EXPECT_TRUE(crypto::verify_signature(receipt, receipt.signatures.at(0),
                                       world.platform.node_key.public_key()));
}

TEST_F(ExchangeTest, APeerThatIsDownGetsItsOrderWhenItIsBack) {
  platform.stop();
  const auto act = authority->sent_order();
  authority.deliver();
  EXPECT_EQ(authority.outbox().at("pending"), 1) << "the overseer has it, the platform has not";
  EXPECT_EQ(authority->region(act, Region::kDelivery), "sent");
  for (int i = 0; i < 3; ++i) {
    world.clock.advance(effects::kMaxDelay);
    authority.deliver();
  }
  EXPECT_EQ(authority->region(act, Region::kDelivery), "sent");

  platform.start();
  world.clock.advance(effects::kMaxDelay);
  authority.deliver();
  EXPECT_EQ(authority->region(act, Region::kDelivery), "received");
  EXPECT_EQ(moves(*platform, act).size(), 5U);
}

// ── keys nobody told us about

TEST_F(ExchangeTest, AnUnknownOfficialsKeyIsLookedUpOnceAtTheAddressThatWasConfirmed) {
  hire("signer");
  const auto act = authority->sent_order();
  authority.deliver();
  EXPECT_EQ(authority->region(act, Region::kDelivery), "received");
  EXPECT_EQ(authority.directory_fetches, 2) << "one by each peer";
  authority->sent_order();
  authority.deliver();
  EXPECT_EQ(authority.directory_fetches, 2) << "known now";
}

TEST_F(ExchangeTest, AKeyThatTheDirectoryDoesNotKnowIsNotAskedForAgainAndAgain) {
  hire("signer");
  const auto act = authority->sent_order();
  const auto package = authority.package(act);
  authority.directory_up = false;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(platform.post(package).status, 200);
  EXPECT_EQ(authority.directory_fetches, 1);
  world.clock.advance(kDirectoryRefresh);
  platform.post(package);
  EXPECT_EQ(authority.directory_fetches, 2);
}

TEST_F(ExchangeTest, ARevocationReachesPartnersByTheNextRound) {
  EXPECT_EQ(platform.refresh_directories(), 2U) << "the first round asks everybody else";
  EXPECT_EQ(platform.refresh_directories(), 0U) << "and the next one, so soon, nobody";
  const auto keyid = world.authority.key_of("signer").public_key().id();
  world.clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(authority->store().write(
      [&](store::Tx& tx) { return identity::revoke(tx, keyid, world.clock.now()); }));
  const auto revoked = [&] {
    return platform->read([&](store::Tx& tx) { return identity::find_key(tx, keyid); })
        ->revoked_at.has_value();
  };
  authority.directory_up = false;
  world.clock.advance(kDirectoryAge);
  EXPECT_EQ(platform.refresh_directories(), 1U) << "the overseer; the authority is down";
  EXPECT_FALSE(revoked());
  authority.directory_up = true;
  world.clock.advance(kDirectoryAge);
  EXPECT_EQ(platform.refresh_directories(), 2U);
  EXPECT_TRUE(revoked());
}

TEST_F(ExchangeTest, ARejectedStepIsNotAcknowledgedAndIsSentAgainUntilItIsTaken) {
  hire("signer");
  authority.directory_up = false;
  const auto act = authority->sent_order();
  authority.deliver();
  const auto unconfirmed = [&] {
    std::vector<std::string> out;
    for (const auto& s : authority->read(
             [&](store::Tx& tx) { return dossier::unacknowledged(tx, act, at::kAddressee); }))
      out.push_back(s.step.move);
    return out;
  };
  EXPECT_EQ(unconfirmed(), std::vector<std::string>{"sign"});
  EXPECT_EQ(authority.outbox().at("pending"), 2);
  EXPECT_EQ(moves(*platform, act), (std::vector<std::string>{"compose applied", "send waiting"}));

  authority.directory_up = true;
  world.clock.advance(effects::kMaxDelay);
  authority.deliver();
  EXPECT_TRUE(unconfirmed().empty() || unconfirmed().front() == "publish");
  EXPECT_EQ(authority->region(act, Region::kDelivery), "received");
}

// ── receipts

// A server in the platform's place that answers with what the test puts there.
TEST_F(ExchangeTest, AReceiptOfAnotherKeyOrForAnotherPackageConfirmsNothing) {
  const auto act = authority->sent_order();
  const auto true_answer = platform.post(authority.package(act));
  ASSERT_EQ(true_answer.status, 200);
  platform.stop();
  std::string body;
  const crypto::PrivateKey* message_key = &world.platform.node_key;
  http::Router router;
  router.add("POST", "/v1/inbox", [&](const http::Request& q) -> Result<http::Response> {
    auto answer = http::bytes_response(body, "application/json");
    if (message_key == nullptr) return answer;
    for (const auto& [name, value] :
         sign_message(answer_components(200, "application/json", body,
                                        world.platform.url + q.target, q.body),
                      kAnswerTag, body, *message_key, world.clock.now(), world.random))
      answer.with(name, value);
    return answer;
  });
  http::ServerOptions options;
  options.port = static_cast<std::uint16_t>(std::stoi(world.platform.url.substr(17)));
  auto impostor = http::Server::create(router, options).value();
  std::thread thread([&] { impostor->run(); });

  auto honest = json::parse_object(true_answer.body).value();
  honest["steps"] = json::Array{};
  const auto signed_by = [&](const crypto::PrivateKey& key, std::string_view package) {
    auto e = crypto::parse_envelope(boost::json::serialize(honest.at("receipt"))).value();
    auto payload = json::parse_object(as_text(e.payload)).value();
    if (!package.empty()) payload["package"] = package;
    crypto::Envelope out{e.payload_type, to_bytes(json::canonical(payload)), {}};
    check(crypto::sign(out, key).has_value(), "signing");
    auto answer = honest;
    answer["receipt"] = json::parse(crypto::to_json(out)).value();
    return boost::json::serialize(answer);
  };
  const auto unconfirmed = [&] {
    world.clock.advance(effects::kMaxDelay);
    authority.deliver();
    return authority
        ->read([&](store::Tx& tx) { return dossier::unacknowledged(tx, act, at::kAddressee); })
        .size();
  };
  for (const auto& lie : {std::string("{}"), std::string("not JSON"),
                          std::string(R"({"receipt":{}})"), signed_by(world.overseer.node_key, ""),
                          signed_by(world.platform.node_key, at::kSomeHash)}) {
    body = lie;
    EXPECT_EQ(unconfirmed(), 3U) << lie.substr(0, 80);
  }
  body = signed_by(world.platform.node_key, "");
  message_key = nullptr;
  EXPECT_EQ(unconfirmed(), 3U) << "a true receipt in an answer that nobody signed";
  message_key = &world.overseer.node_key;
  EXPECT_EQ(unconfirmed(), 3U);
  message_key = &world.platform.node_key;
  EXPECT_EQ(unconfirmed(), 0U);
  impostor->stop();
  thread.join();
}

}  // namespace
}  // namespace entente::exchange

// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/witness.h"

#include <thread>

#include "entente/crypto/sha256.h"
#include "entente/http/test_server.h"
#include "entente/ledger/routes.h"
#include "entente/ledger/test_ledger.h"
#include "entente/ledger/verify.h"

namespace entente::ledger {
namespace {

using store::Tx;

std::string origin_hash() {
  return to_hex(crypto::sha256(as_bytes(kOrigin)));
}

class WitnessTest : public testing::Test {
 protected:
  void SetUp() override { witness_.trust(node_.log); }

  std::string monitored() {
    const auto note = store::read_returning<std::string>(
        *witness_.store, [](Tx& tx) { return WitnessService::checkpoint(tx, origin_hash()); });
    return note ? *note : "(none)";
  }

  TestNode node_;
  TestWitness witness_;
};

TEST_F(WitnessTest, RefusesAFork) {
  node_.grow_to(10);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  const std::string held = monitored();
  TestNode fork;
  fork.grow_to(10, "rewritten-");
  EXPECT_EQ(witness_.add(add_checkpoint_body(fork, 10)).status, 422) << "same size, other root";
  fork.grow_to(20, "rewritten-");
  EXPECT_EQ(witness_.add(add_checkpoint_body(fork, 10)).status, 422) << "proof of another history";
  EXPECT_EQ(monitored(), held);
}

TEST_F(WitnessTest, RefusesBentAndSuperfluousProofs) {
  node_.grow_to(6);
  const std::string hash = to_base64(Hash256{});
  EXPECT_EQ(witness_.add("old 0\n" + hash + "\n\n" + node_.checkpoint()).status, 422);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  EXPECT_EQ(witness_.add("old 6\n" + hash + "\n\n" + node_.checkpoint()).status, 422);
  node_.grow_to(9);
  EXPECT_EQ(witness_.add("old 6\n\n" + node_.checkpoint()).status, 422);
  std::string body = add_checkpoint_body(node_, 6);
  body[body.find('\n') + 3] ^= 1;
  EXPECT_EQ(witness_.add(body).status, 422);
}

TEST_F(WitnessTest, AnswersAnotherOldSizeWithTheOneItHolds) {
  node_.grow_to(5);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  node_.grow_to(9);
  for (const std::uint64_t old : {0U, 4U, 6U, 9U}) {
    const auto answer = witness_.add(add_checkpoint_body(node_, old));
    EXPECT_EQ(answer.status, 409) << old;
    EXPECT_EQ(answer.body, "5\n");
    EXPECT_EQ(answer.headers.front().second, "text/x.tlog.size");
  }
}

TEST_F(WitnessTest, RefusesAnOlderHeadReplayed) {
  node_.grow_to(5);
  const std::string old_body = add_checkpoint_body(node_, 0);
  const std::string old_note = node_.checkpoint();
  ASSERT_EQ(witness_.add(old_body).status, 200);
  node_.grow_to(9);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 5)).status, 200);
  EXPECT_EQ(witness_.add(old_body).status, 409);
  EXPECT_EQ(witness_.add("old 9\n\n" + old_note).status, 400) << "old size over the new one";
  EXPECT_NE(monitored().find("\n9\n"), std::string::npos);
}

TEST_F(WitnessTest, RefusesUnknownLogsAndForeignKeys) {
  node_.grow_to(3);
  TestNode unknown("log.other.example/x");
  unknown.grow_to(3);
  EXPECT_EQ(witness_.add(add_checkpoint_body(unknown, 0)).status, 404);
  TestNode impostor(kOrigin, 0x77);
  impostor.grow_to(3);
  EXPECT_EQ(witness_.add(add_checkpoint_body(impostor, 0)).status, 403);
  std::string bent = add_checkpoint_body(node_, 0);
  bent[bent.size() - 20] ^= 1;  // inside the signature
  EXPECT_EQ(witness_.add(bent).status, 403);
  EXPECT_EQ(monitored(), "(none)");
}

TEST_F(WitnessTest, ForgottenKeysAreRefusedAndHeadsStay) {
  node_.grow_to(3);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  ASSERT_TRUE(witness_.store->write([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(n, WitnessService::distrust(tx, kOrigin, node_.log.note_key().vkey()));
    EXPECT_EQ(n, 1);
    return {};
  }));
  EXPECT_EQ(witness_.add(add_checkpoint_body(node_, 3)).status, 404);
  witness_.trust(node_.log);
  EXPECT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 409) << "never back to nothing";
}

TEST_F(WitnessTest, RefusesMalformedRequests) {
  node_.grow_to(3);
  const std::string note = node_.checkpoint();
  const std::string line = to_base64(Hash256{}) + "\n";
  std::string too_many = "old 1\n";
  for (int i = 0; i < 64; ++i) too_many += line;
  for (const std::string& body :
       {std::string(), std::string("old 0\n"), "old 0\n" + note, "old\n\n" + note,
        "old 00\n\n" + note, "old -1\n\n" + note, "old +1\n\n" + note, "old 0 \n\n" + note,
        "OLD 0\n\n" + note, "old 99999999999999999999\n\n" + note, "old 0\nabc\n\n" + note,
        "old 0\n" + line + note, too_many + "\n" + note, "old 0\n\n" + note.substr(0, 40),
        std::string("old 0\n\nno note at all\n"), "old 0\n\n" + std::string(200'000, 'x'),
        std::string("old 0\n\n") + std::string("\0\n\n", 3)})
    EXPECT_EQ(witness_.add(body).status, 400) << body.substr(0, 60);
}

TEST_F(WitnessTest, ServesNoStrangersSignatures) {
  node_.grow_to(3);
  const auto stranger = key_from(0x99);
  const std::string note = node_.checkpoint();
  const std::string junk =
      crypto::cosign_note(note.substr(0, note.find("\n\n") + 1), "evil.example", stranger, 1)
          .value();
  const auto answer = witness_.add(add_checkpoint_body(node_, 0) + junk);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(monitored(), note + answer.body);
}

TEST_F(WitnessTest, CannotStepBackEvenByItsOwnSql) {
  node_.grow_to(3);
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  for (const char* sql :
       {"UPDATE ledger_witness_head SET size = 2", "DELETE FROM ledger_witness_head",
        "UPDATE ledger_witness_head SET root = zeroblob(32)"})
    EXPECT_FALSE(witness_.store->write([&](Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec(sql));
      return {};
    })) << sql;
}

TEST_F(WitnessTest, TwoForksAtOnceGetOneCosignature) {
  node_.grow_to(5);
  TestNode fork;
  fork.grow_to(5, "rewritten-");
  const std::array<std::string, 2> bodies{add_checkpoint_body(node_, 0),
                                          add_checkpoint_body(fork, 0)};
  std::array<int, 8> status{};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < status.size(); ++i)
    threads.emplace_back([&, i] { status[i] = witness_.add(bodies[i % 2]).status; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::count(status.begin(), status.end(), 200), 1);
  EXPECT_EQ(std::count(status.begin(), status.end(), 409), 7);
}

TEST_F(WitnessTest, TrustsOnlyEd25519Keys) {
  const auto r = witness_.store->write(
      [&](Tx& tx) { return WitnessService::trust(tx, kOrigin, witness_.vkey()); });
  EXPECT_EQ(r.error().code, Code::kInvalid);
}

// --- the log's side, over real HTTP
// ---------------------------------------------------------------

class RequestCosignature : public WitnessTest {
 protected:
  void SetUp() override {
    WitnessTest::SetUp();
    add_routes(router_, *witness_.store, &witness_.service);
    server_ = std::make_unique<http::RunningServer>(router_);
  }
  Result<void> request() {
    return request_cosignature(client_, *node_.store, node_.log, server_->url("/witness"),
                               witness_.vkey());
  }
  // From a witness that always answers this.
  Error refused_by(http::Response answer) {
    http::Router router;
    router.add("POST", "/add-checkpoint",
               [answer](const http::Request&) -> Result<http::Response> { return answer; });
    http::RunningServer server(router);
    const auto r =
        request_cosignature(client_, *node_.store, node_.log, server.url(""), witness_.vkey());
    EXPECT_FALSE(r);
    EXPECT_FALSE(node_.read([](Tx& tx) { return Log::checkpoint(tx, Cosigned::kYes); }));
    return r ? Error{} : r.error();
  }

  http::Router router_;
  std::unique_ptr<http::RunningServer> server_;
  http::Client client_{{.allow_private_addresses = true, .allow_plain_http = true}};
};

TEST_F(RequestCosignature, RefusesForgedAnswers) {
  node_.grow_to(5);
  const std::string note = node_.checkpoint();
  const std::string body = note.substr(0, note.find("\n\n") + 1);
  const auto thief = key_from(0x55);
  const auto answer = [](std::string text) { return http::text_response(std::move(text)); };
  EXPECT_EQ(refused_by(answer("")).code, Code::kUnauthorised);
  EXPECT_EQ(refused_by(answer("ok\n")).code, Code::kUnauthorised);
  EXPECT_EQ(refused_by(answer(crypto::cosign_note(body, kWitnessName, thief, 1).value())).code,
            Code::kUnauthorised);
  EXPECT_EQ(
      refused_by(
          answer(crypto::cosign_note("another\n1\ntext\n", kWitnessName, witness_.key, 1).value()))
          .code,
      Code::kUnauthorised);
  EXPECT_EQ(refused_by(answer(std::string(100'000, 'x'))).code, Code::kTooLarge);
}

TEST_F(RequestCosignature, SaysWhatRefusalsMean) {
  node_.grow_to(5);
  const auto status = [](int code, std::string text = "no\n", std::string type = "text/plain") {
    return http::text_response(std::move(text), std::move(type), code);
  };
  EXPECT_EQ(refused_by(status(404)).code, Code::kForbidden);
  EXPECT_EQ(refused_by(status(403)).code, Code::kForbidden);
  EXPECT_EQ(refused_by(status(500)).code, Code::kUnavailable);
  EXPECT_EQ(refused_by(status(503)).code, Code::kBusy);
  EXPECT_EQ(refused_by(status(422)).rule, "SG14") << "somebody alleges a fork";
  EXPECT_EQ(refused_by(status(409, "3\n")).code, Code::kUnavailable) << "without its type";
  EXPECT_EQ(refused_by(status(409, "x\n", "text/x.tlog.size")).code, Code::kUnavailable);
  EXPECT_EQ(refused_by(status(409, "2\n", "text/x.tlog.size")).code, Code::kBusy) << "for ever";
  EXPECT_EQ(refused_by(status(409, "9\n", "text/x.tlog.size")).rule, "SG14")
      << "the witness has seen more than we have: this log was rolled back";
}

TEST_F(RequestCosignature, RefusesAKeyThatIsNoWitnesss) {
  node_.grow_to(1);
  const auto self =
      crypto::NoteKey::make("w", crypto::NoteAlgorithm::kCosignatureV1, node_.key.public_key());
  for (const auto& vkey : {node_.log.note_key().vkey(), self->vkey(), std::string("w")})
    EXPECT_EQ(request_cosignature(client_, *node_.store, node_.log, "http://127.0.0.1:1", vkey)
                  .error()
                  .code,
              Code::kInvalid);
}

TEST_F(RequestCosignature, AWitnessThatDiedBeforeItsAnswerIsAskedAgain) {
  node_.grow_to(5);
  // It persisted and cosigned, but the answer was lost, and its process with it.
  ASSERT_EQ(witness_.add(add_checkpoint_body(node_, 0)).status, 200);
  server_.reset();
  const std::string held = monitored();
  witness_.store.reset();
  witness_.store = std::move(*sqlite::SqliteStore::open(witness_.folder.file("witness.db")));
  EXPECT_EQ(monitored(), held);
  http::Router router;
  add_routes(router, *witness_.store, &witness_.service);
  server_ = std::make_unique<http::RunningServer>(router);
  EXPECT_TRUE(request()) << "409 with 5, then a cosignature of the same head";
  EXPECT_TRUE(verify_proof(node_.proof(3, Cosigned::kYes), "entry-3", node_.log.note_key().vkey(),
                           std::vector{witness_.vkey()}, 1));
  server_.reset();  // before its router
}

TEST_F(RequestCosignature, FollowsAGrowingLog) {
  for (const std::uint64_t size : {0U, 7U, 7U, 300U, 301U}) {
    node_.grow_to(size);
    // The empty tree is signed with the first commit of anything.
    if (size == 0) {
      ASSERT_TRUE(node_.sql("CREATE TABLE first_commit (id INTEGER)"));
    }
    const auto done = request();
    ASSERT_TRUE(done) << size << ": " << to_string(done.error());
    const auto cosigned =
        node_.read([](Tx& tx) { return Log::checkpoint(tx, Cosigned::kYes); }).value();
    EXPECT_EQ(cosigned.size, size);
    EXPECT_EQ(cosigned.note, monitored());
  }
  http::ClientRequest get;
  get.url = server_->url("/witness/" + origin_hash() + "/checkpoint");
  EXPECT_EQ(client_.send(get)->body, monitored());
  get.url = server_->url("/witness/" + std::string(64, 'a') + "/checkpoint");
  EXPECT_EQ(client_.send(get)->status, 404);
}

}  // namespace
}  // namespace entente::ledger

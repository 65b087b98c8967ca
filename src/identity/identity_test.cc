// SPDX-License-Identifier: Apache-2.0
//
// Trust is given to a fingerprint that a person compared, keys belong to one person for ever, a
// revocation is never undone, and a login proves possession of a key that may still sign.
#include <gtest/gtest.h>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/crypto/sha256.h"
#include "entente/identity/directory.h"
#include "entente/identity/sessions.h"

namespace entente::identity {
namespace {

const Instant kNoon = parse_rfc3339("2026-11-13T12:00:00Z").value();

std::unique_ptr<sqlite::SqliteStore> open_store(const std::string& path) {
  auto store = sqlite::SqliteStore::open(path).value();
  check(store::migrate(*store, {migration()}, to_ms(kNoon)).has_value(), "migrating");
  return store;
}

class IdentityTest : public ::testing::Test {
 protected:
  Entry entry(std::string party = "interior.example", std::string kind = "authority") {
    Entry e;
    e.party = std::move(party);
    e.name = "The " + e.party;
    e.kind = std::move(kind);
    e.url = "https://" + e.party;
    e.node_key = node_.public_key();
    e.log_vkey = e.party + "/ledger+00000000+AAAA";
    e.issued_at = kNoon;
    return e;
  }
  static Official official(const crypto::PrivateKey& key, std::string person = "p-1") {
    return {std::move(person), "Alix Martin", key.public_key(), {"drafter"}, std::nullopt};
  }

  template <class F>
  auto write(F&& work) {
    using R = typename decltype(work(std::declval<store::Tx&>()))::value_type;
    if constexpr (std::is_void_v<R>)
      return store_->write(std::forward<F>(work));
    else
      return store::write_returning<R>(*store_, std::forward<F>(work));
  }
  Result<void> trust_entry(const Entry& e) {
    return write([&](store::Tx& tx) { return trust(tx, e, e.node_key.fingerprint(), kNoon); });
  }
  Result<void> refresh_entry(const Entry& e) {
    return write([&](store::Tx& tx) { return refresh(tx, e); });
  }
  std::optional<KeyOwner> owner_of(const crypto::PublicKey& key) {
    return write([&](store::Tx& tx) { return find_key(tx, key.id()); }).value();
  }
  std::int64_t count(const std::string& sql) {
    return write([&](store::Tx& tx) -> Result<std::int64_t> {
             ENTENTE_TRY(rows, tx.query(sql));
             return rows.at(0).integer(0);
           })
        .value();
  }

  sqlite::TestFolder folder_;
  SeededRandom random_{7};
  crypto::PrivateKey node_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey alix_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey other_ = crypto::PrivateKey::generate(random_);
  std::unique_ptr<sqlite::SqliteStore> store_ = open_store(folder_.file("identity.db"));
};

// ── trust

TEST_F(IdentityTest, AnEntryWithAnotherFingerprintThanTheConfirmedOneIsRefused) {
  const auto e = entry();
  const auto refused =
      write([&](store::Tx& tx) { return trust(tx, e, other_.public_key().fingerprint(), kNoon); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kForbidden);
  EXPECT_FALSE(refused.error().mend.empty());
  EXPECT_EQ(count("SELECT COUNT(*) FROM party"), 0);
}

TEST_F(IdentityTest, AnEmptyConfirmationConfirmsNothing) {
  const auto e = entry();
  EXPECT_FALSE(write([&](store::Tx& tx) { return trust(tx, e, "", kNoon); }));
  EXPECT_FALSE(write([&](store::Tx& tx) { return trust(tx, e, e.node_key.id(), kNoon); }));
}

TEST_F(IdentityTest, AKnownPartyCannotBeTrustedWithASecondKey) {
  ASSERT_TRUE(trust_entry(entry()));
  auto second = entry();
  second.node_key = other_.public_key();
  const auto refused = trust_entry(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(count("SELECT COUNT(*) FROM party"), 1);
}

TEST_F(IdentityTest, AnEditionSignedByAKeyThatNobodyConfirmedIsRefused) {
  ASSERT_TRUE(trust_entry(entry()));
  auto forged = entry();
  forged.node_key = other_.public_key();
  forged.officials.push_back(official(alix_));
  EXPECT_EQ(refresh_entry(forged).error().code, Code::kForbidden);
  EXPECT_FALSE(owner_of(alix_.public_key()));
}

TEST_F(IdentityTest, AnEditionOfAStrangerIsRefused) {
  EXPECT_EQ(refresh_entry(entry()).error().code, Code::kForbidden);
  EXPECT_EQ(count("SELECT COUNT(*) FROM party"), 0);
}

TEST_F(IdentityTest, APlatformCannotTurnIntoAnAuthority) {
  ASSERT_TRUE(trust_entry(entry("photos.example", "platform")));
  EXPECT_EQ(refresh_entry(entry("photos.example", "authority")).error().code, Code::kForbidden);
}

TEST_F(IdentityTest, APartyCannotTurnToASecondLedgerOrWitness) {
  ASSERT_TRUE(trust_entry(entry()));
  auto other_ledger = entry();
  other_ledger.log_vkey = "interior.example/ledger+11111111+BBBB";
  other_ledger.officials.push_back(official(alix_));
  other_ledger.issued_at = kNoon + std::chrono::hours(1);
  EXPECT_EQ(refresh_entry(other_ledger).error().field, "log_vkey");
  EXPECT_EQ(trust_entry(other_ledger).error().field, "log_vkey");
  EXPECT_FALSE(owner_of(alix_.public_key())) << "nothing of a refused edition is taken";
  auto witness = entry();
  witness.witness_vkey = "interior.example/witness+22222222+CCCC";
  EXPECT_TRUE(refresh_entry(witness)) << "it may become a witness";
  witness.witness_vkey = "interior.example/witness+33333333+DDDD";
  EXPECT_EQ(refresh_entry(witness).error().field, "witness_vkey");
  EXPECT_EQ(refresh_entry(entry()).error().field, "witness_vkey");
}

TEST_F(IdentityTest, AnOlderEditionCannotUndoARevocation) {
  auto e = entry();
  e.officials.push_back(official(alix_));
  ASSERT_TRUE(trust_entry(e));
  auto revoking = e;
  revoking.issued_at = kNoon + std::chrono::hours(1);
  revoking.officials[0].revoked_at = kNoon + std::chrono::minutes(30);
  ASSERT_TRUE(refresh_entry(revoking));
  ASSERT_TRUE(owner_of(alix_.public_key())->revoked_at);

  ASSERT_TRUE(refresh_entry(e));  // the old edition again: heard, and of no effect
  EXPECT_TRUE(owner_of(alix_.public_key())->revoked_at);
  auto newest = e;  // nor does a newer one that forgot
  newest.issued_at = kNoon + std::chrono::hours(2);
  ASSERT_TRUE(refresh_entry(newest));
  EXPECT_EQ(owner_of(alix_.public_key())->revoked_at, kNoon + std::chrono::minutes(30));
}

TEST_F(IdentityTest, AnOlderEditionCannotBringBackARole) {
  auto e = entry();
  e.officials.push_back(official(alix_));
  e.officials[0].roles = {"drafter", "signer"};
  ASSERT_TRUE(trust_entry(e));
  auto less = e;
  less.issued_at = kNoon + std::chrono::hours(1);
  less.officials[0].roles = {"drafter"};
  ASSERT_TRUE(refresh_entry(less));
  ASSERT_TRUE(refresh_entry(e));
  EXPECT_EQ(owner_of(alix_.public_key())->roles, std::vector<std::string>{"drafter"});
}

// ── whose key

TEST_F(IdentityTest, AKeyThatIsAlreadySomebodyElsesIsRefused) {
  auto e = entry();
  e.officials.push_back(official(alix_));
  ASSERT_TRUE(trust_entry(e));

  auto renamed = e;
  renamed.issued_at = kNoon + std::chrono::hours(1);
  renamed.officials[0].person = "p-2";
  EXPECT_EQ(refresh_entry(renamed).error().code, Code::kConflict);

  auto thief = entry("photos.example", "platform");
  thief.node_key = other_.public_key();
  thief.officials.push_back(official(alix_));
  EXPECT_EQ(trust_entry(thief).error().code, Code::kConflict);
  EXPECT_EQ(owner_of(alix_.public_key())->party, "interior.example");
  EXPECT_EQ(owner_of(alix_.public_key())->person, "p-1");
}

// A party that lists another's node key among its people would otherwise make that node's every
// step look like somebody else's.
TEST_F(IdentityTest, ANodeKeyCannotBeClaimedAsAPersonsKey) {
  ASSERT_TRUE(trust_entry(entry()));
  auto thief = entry("photos.example", "platform");
  thief.node_key = other_.public_key();
  thief.officials.push_back(official(node_));
  EXPECT_EQ(trust_entry(thief).error().code, Code::kConflict);
  ASSERT_TRUE(owner_of(node_.public_key()));
  EXPECT_EQ(owner_of(node_.public_key())->party, "interior.example");
  EXPECT_EQ(owner_of(node_.public_key())->person, "");
}

TEST_F(IdentityTest, ANodeCannotLiveByTheKeyOfAPersonOrOfAnotherNode) {
  auto e = entry();
  e.officials.push_back(official(alix_));
  ASSERT_TRUE(trust_entry(e));
  auto double_life = entry("photos.example", "platform");
  double_life.node_key = alix_.public_key();
  EXPECT_EQ(trust_entry(double_life).error().code, Code::kConflict);
  auto twin = entry("twin.example", "platform");  // with the authority's node key
  EXPECT_EQ(trust_entry(twin).error().code, Code::kConflict);
}

TEST_F(IdentityTest, APersonNeedsANameAndARole) {
  auto nameless = official(alix_);
  nameless.name = "";
  auto idle = official(alix_);
  idle.roles.clear();
  for (const auto& o : {nameless, idle})
    EXPECT_EQ(
        write([&](store::Tx& tx) { return enrol(tx, "interior.example", o, kNoon); }).error().code,
        Code::kInvalid);
  EXPECT_EQ(count("SELECT COUNT(*) FROM person_key"), 0);
}

TEST_F(IdentityTest, EnrollingTwiceChangesRolesAndNothingElse) {
  auto o = official(alix_, "");
  const auto enrolled = [&] {
    return write([&](store::Tx& tx) { return enrol(tx, "interior.example", o, kNoon); }).value();
  };
  const auto first = enrolled();
  EXPECT_TRUE(first.person.starts_with("p-"));
  o.roles = {"signer"};
  EXPECT_EQ(enrolled().person, first.person);
  EXPECT_EQ(owner_of(alix_.public_key())->roles, std::vector<std::string>{"signer"});
}

// ── the signed form

TEST_F(IdentityTest, AnEntrySurvivesItsSignedFormWithoutThePeoplesNames) {
  auto e = entry();
  e.officials.push_back(official(alix_));
  e.officials[0].revoked_at = kNoon;
  const std::string text = to_envelope(e, node_);
  const auto payload = crypto::parse_envelope(text).value().payload;
  EXPECT_EQ(as_text(payload).find("Alix"), std::string_view::npos);
  const auto back = parse_entry(text);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->party, e.party);
  EXPECT_EQ(back->officials.at(0).person, "p-1");
  EXPECT_EQ(back->officials.at(0).revoked_at, kNoon);
}

TEST_F(IdentityTest, NoByteOfAnEntryCanBeChanged) {
  const auto good = crypto::parse_envelope(to_envelope(entry(), node_)).value();
  for (std::size_t i = 0; i < good.payload.size(); ++i) {
    auto bad = good;
    bad.payload[i] ^= 1U;
    EXPECT_FALSE(parse_entry(crypto::to_json(bad))) << "byte " << i;
  }
  for (std::size_t i = 0; i < good.signatures[0].sig.size(); ++i) {
    auto bad = good;
    bad.signatures[0].sig[i] ^= 1U;
    EXPECT_FALSE(parse_entry(crypto::to_json(bad))) << "signature byte " << i;
  }
}

TEST_F(IdentityTest, AnEntryMustBeSignedByTheKeyItNames) {
  EXPECT_FALSE(parse_entry(to_envelope(entry(), other_)));
}

TEST_F(IdentityTest, ASignedStepIsNotAnEntry) {
  auto e = crypto::parse_envelope(to_envelope(entry(), node_)).value();
  crypto::Envelope other{"application/vnd.entente.step+json", e.payload, {}};
  ASSERT_TRUE(crypto::sign(other, node_));
  EXPECT_FALSE(parse_entry(crypto::to_json(other)));
}

TEST(Fingerprints, CompareAsTheyAreReadAloud) {
  SeededRandom random(1);
  const auto key = crypto::PrivateKey::generate(random).public_key();
  const std::string spoken = key.fingerprint();
  std::string shouted;
  for (const char c : spoken)
    if (c != ' ') shouted += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_TRUE(same_fingerprint(spoken, shouted));
  std::string wrong = spoken;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_FALSE(same_fingerprint(spoken, wrong));
  EXPECT_FALSE(same_fingerprint(spoken, spoken.substr(0, spoken.size() - 1)));
  EXPECT_FALSE(same_fingerprint("", ""));
  EXPECT_FALSE(same_fingerprint(spoken, key.id()));
}

// ── sessions

class SessionTest : public IdentityTest {
 protected:
  void SetUp() override {
    auto e = entry();
    ASSERT_TRUE(trust_entry(e));
    ASSERT_TRUE(write(
        [&](store::Tx& tx) { return enrol(tx, "interior.example", official(alix_, ""), kNoon); }));
  }
  Result<Challenge> open(const crypto::PrivateKey& key, Instant now = kNoon) {
    return write([&](store::Tx& tx) {
      return open_session(tx, "interior.example", key.public_key().id(), random_, now);
    });
  }
  Result<SessionUser> answer(const Challenge& c, const crypto::PrivateKey& key, Instant now = kNoon,
                             std::string_view type = kSessionType) {
    const auto signature = key.sign(crypto::pae(type, c.bytes));
    return write(
        [&](store::Tx& tx) { return answer_session(tx, c.session, signature, random_, now); });
  }
  Result<SessionUser> who(const std::string& token, Instant now = kNoon) {
    http::Request q;
    q.headers["authorization"] = "Bearer " + token;
    return write([&](store::Tx& tx) { return session_of(tx, q, now); });
  }
  std::string logged_in() { return answer(open(alix_).value(), alix_).value().token; }
};

TEST_F(SessionTest, UnknownRevokedForeignAndPartnersNodeKeysGetOneAndTheSameAnswer) {
  const auto revoked = crypto::PrivateKey::generate(random_);
  ASSERT_TRUE(write(
      [&](store::Tx& tx) { return enrol(tx, "interior.example", official(revoked, ""), kNoon); }));
  ASSERT_TRUE(write([&](store::Tx& tx) { return revoke(tx, revoked.public_key().id(), kNoon); }));
  const auto foreign = crypto::PrivateKey::generate(random_);
  auto peer = entry("photos.example", "platform");
  const auto peers_node = crypto::PrivateKey::generate(random_);
  peer.node_key = peers_node.public_key();
  peer.officials.push_back(official(foreign, "p-9"));
  ASSERT_TRUE(trust_entry(peer));

  const auto unknown = open(other_);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kUnauthorised);
  for (const auto* key :
       std::initializer_list<const crypto::PrivateKey*>{&revoked, &foreign, &peers_node}) {
    const auto refused = open(*key);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), unknown.error());
  }
  EXPECT_EQ(count("SELECT COUNT(*) FROM session"), 0);
}

TEST_F(SessionTest, TheOwnNodesKeyOpensASessionThatIsNoPersons) {
  const auto user = answer(open(node_).value(), node_);
  ASSERT_TRUE(user);
  EXPECT_TRUE(user->person.empty());
  EXPECT_TRUE(user->roles.empty());
  EXPECT_EQ(who(user->token).error().code, Code::kForbidden);
}

TEST_F(SessionTest, AWrongSignatureOpensNothing) {
  const auto c = open(alix_).value();
  EXPECT_EQ(answer(c, other_).error().code, Code::kUnauthorised);
  // A signature that the key made for another purpose does not log in.
  EXPECT_EQ(answer(c, alix_, kNoon, "application/vnd.entente.step+json").error().code,
            Code::kUnauthorised);
  const auto empty =
      write([&](store::Tx& tx) { return answer_session(tx, c.session, {}, random_, kNoon); });
  EXPECT_EQ(empty.error().code, Code::kUnauthorised);
  EXPECT_TRUE(answer(c, alix_));  // the person at the desk may try again
}

TEST_F(SessionTest, AChallengeExpires) {
  const auto c = open(alix_).value();
  EXPECT_FALSE(answer(c, alix_, kNoon + kChallengeTime + Millis(1)));
  EXPECT_TRUE(answer(c, alix_, kNoon + kChallengeTime));
}

TEST_F(SessionTest, AChallengeIsAnsweredOnce) {
  const auto c = open(alix_).value();
  const auto token = answer(c, alix_).value().token;
  EXPECT_EQ(answer(c, alix_).error().code, Code::kUnauthorised);
  EXPECT_TRUE(who(token));
}

TEST_F(SessionTest, AKeyRevokedBetweenChallengeAndAnswerDoesNotLogIn) {
  const auto c = open(alix_).value();
  ASSERT_TRUE(write([&](store::Tx& tx) -> Result<void> {  // as a directory edition does it
    ENTENTE_TRY(n, tx.exec("UPDATE person_key SET revoked_at = $1", {to_ms(kNoon)}));
    static_cast<void>(n);
    return {};
  }));
  EXPECT_FALSE(answer(c, alix_));
}

TEST_F(SessionTest, TheDatabaseHoldsTheTokensHashOnly) {
  const auto token = logged_in();
  const auto hash = crypto::sha256(as_bytes(token));
  ASSERT_TRUE(write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows, tx.query("SELECT id, keyid, challenge, token_hash FROM session"));
    EXPECT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].blob(3), Bytes(hash.begin(), hash.end()));
    for (const std::size_t text : {0U, 1U}) EXPECT_NE(rows[0].text(text), token);
    EXPECT_EQ(to_text(rows[0].blob(2)).find(token), std::string::npos);
    return {};
  }));
  // Whoever read the database cannot log in with what it read.
  EXPECT_FALSE(who(to_base64url(hash)));
  EXPECT_FALSE(who(to_hex(hash)));
}

TEST_F(SessionTest, ASessionEndsWithItsTimeAtLogoutAndWithTheKey) {
  const auto by_time = logged_in();
  EXPECT_TRUE(who(by_time, kNoon + kSessionTime));
  EXPECT_FALSE(who(by_time, kNoon + kSessionTime + Millis(1)));

  const auto by_logout = logged_in();
  http::Request q;
  q.headers["cookie"] = "theme=dark; entente_session=" + by_logout;
  EXPECT_TRUE(write([&](store::Tx& tx) { return session_of(tx, q, kNoon); }));
  ASSERT_TRUE(write([&](store::Tx& tx) { return close_session(tx, q); }));
  EXPECT_FALSE(who(by_logout));
  EXPECT_TRUE(who(by_time));  // the other session lives on

  ASSERT_TRUE(write([&](store::Tx& tx) { return revoke(tx, alix_.public_key().id(), kNoon); }));
  EXPECT_FALSE(who(by_time));
  EXPECT_EQ(count("SELECT COUNT(*) FROM session"), 0);
}

TEST_F(SessionTest, NoTokenIsNoSession) {
  http::Request q;
  EXPECT_FALSE(write([&](store::Tx& tx) { return session_of(tx, q, kNoon); }));
  q.headers["authorization"] = "Bearer ";
  EXPECT_FALSE(write([&](store::Tx& tx) { return session_of(tx, q, kNoon); }));
  q.headers["authorization"] = "Basic " + logged_in();
  EXPECT_FALSE(write([&](store::Tx& tx) { return session_of(tx, q, kNoon); }));
  q.headers.clear();
  q.headers["cookie"] = "xentente_session=" + logged_in();
  EXPECT_FALSE(write([&](store::Tx& tx) { return session_of(tx, q, kNoon); }));
}

}  // namespace
}  // namespace entente::identity

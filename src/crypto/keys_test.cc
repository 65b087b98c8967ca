// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/keys.h"

#include <gtest/gtest.h>

#include "entente/crypto/sha256.h"
#include "entente/crypto/test_folder.h"

namespace entente::crypto {
namespace {

// RFC 8032 §7.1, test 3.
const Bytes kSeed = *from_hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
const Bytes kMessage = *from_hex("af82");
constexpr std::string_view kPublic =
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
constexpr std::string_view kSignature =
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

TEST(Key, SignsAsTheStandardDoes) {
  const auto key = *PrivateKey::from_seed(kSeed);
  EXPECT_EQ(to_hex(key.public_key().bytes), kPublic);
  EXPECT_EQ(to_hex(key.sign(kMessage)), kSignature);
  EXPECT_TRUE(verify(key.public_key(), kMessage, *from_hex(kSignature)));
}

TEST(Key, NoBitOfASignatureOrMessageMayChange) {
  const auto key = *PrivateKey::from_seed(kSeed);
  const Bytes good = *from_hex(kSignature);
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    Bytes bad = good;
    bad[i / 8] = static_cast<std::uint8_t>(bad[i / 8] ^ 1U << i % 8);
    EXPECT_FALSE(verify(key.public_key(), kMessage, bad)) << i;
  }
  EXPECT_FALSE(verify(key.public_key(), as_bytes("other"), good));
  EXPECT_FALSE(verify(key.public_key(), kMessage, ByteView(good).first(63)));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(verify(key.public_key(), kMessage, longer));
  EXPECT_FALSE(verify(key.public_key(), kMessage, {}));
}

TEST(PublicKey, HasOneTextAndItsNames) {
  const PublicKey key = PrivateKey::from_seed(kSeed)->public_key();
  EXPECT_EQ(*PublicKey::parse(key.text()), key);
  EXPECT_EQ(key.text(), "ed25519:" + to_base64(key.bytes));
  EXPECT_EQ(key.id(),
            to_hex(sha256({as_bytes("entente-key-v1\ned25519"), key.bytes})).substr(0, 32));
  EXPECT_EQ(key.fingerprint().size(), 16U * 4 + 15);
  std::string digits = key.fingerprint();
  std::erase(digits, ' ');
  EXPECT_EQ(digits, to_hex(sha256(key.bytes)));
}

TEST(PublicKey, RefusesWhatIsNoKey) {
  for (const std::string& text : std::vector<std::string>{
           "", "ed25519:", "ed25519", "rsa:AAAA", "ed25519:AAAA",
           "ed25519:" + to_base64(Bytes(32, 0)),                            // small order
           "ed25519:" + to_base64(*from_hex("01" + std::string(62, '0'))),  // the neutral point
           "ed25519:" + to_base64(Bytes(32, 0xff)),                         // not canonical
           " " + PrivateKey::from_seed(kSeed)->public_key().text(),
           PrivateKey::from_seed(kSeed)->public_key().text() + "\n",
           "Ed25519:" + PrivateKey::from_seed(kSeed)->public_key().text().substr(8)})
    EXPECT_FALSE(PublicKey::parse(text)) << text;
}

TEST(PrivateKey, RefusesASeedOfAnotherLength) {
  EXPECT_FALSE(PrivateKey::from_seed(Bytes(31)));
  EXPECT_FALSE(PrivateKey::from_seed(Bytes(64)));
}

TEST(PrivateKey, LeavesNothingBehindWhenMoved) {
  SeededRandom random(7);
  PrivateKey key = PrivateKey::generate(random);
  const PublicKey name = key.public_key();
  const PrivateKey moved = std::move(key);
  EXPECT_EQ(moved.public_key(), name);
  EXPECT_EQ(key.public_key(), PublicKey{});  // NOLINT(bugprone-use-after-move): that is the case
}

TEST(PrivateKeyFile, IsPrivateAndReadsBack) {
  const TestFolder folder;
  const auto key = *PrivateKey::from_seed(kSeed);
  ASSERT_TRUE(key.save(folder / "key"));
  EXPECT_EQ(folder.mode("key"), 0600U);
  EXPECT_EQ(folder.files(), 1U);
  EXPECT_EQ(to_text(folder.read("key")), "ENTENTE-PRIVATE-KEY-1 " + to_base64(kSeed) + "\n");
  EXPECT_EQ(PrivateKey::load(folder / "key")->public_key(), key.public_key());
}

TEST(PrivateKeyFile, IsNeverOverwritten) {
  const TestFolder folder;
  folder.write("key", as_bytes("precious"));
  EXPECT_EQ(PrivateKey::from_seed(kSeed)->save(folder / "key").error().code, Code::kConflict);
  EXPECT_EQ(to_text(folder.read("key")), "precious");
  std::filesystem::create_symlink(folder / "nowhere", folder / "link");
  EXPECT_EQ(PrivateKey::from_seed(kSeed)->save(folder / "link").error().code, Code::kConflict);
  EXPECT_EQ(folder.files(), 2U);
  EXPECT_EQ(PrivateKey::from_seed(kSeed)->save(folder / "no/folder").error().code, Code::kNotFound);
}

TEST(PrivateKeyFile, IsRefusedWhenOthersCanReachIt) {
  const TestFolder folder;
  for (const mode_t mode : {0640U, 0604U, 0620U, 0601U, 0666U}) {
    folder.write("key", as_bytes("ENTENTE-PRIVATE-KEY-1 " + to_base64(kSeed) + "\n"), mode);
    const auto key = PrivateKey::load(folder / "key");
    ASSERT_FALSE(key) << mode;
    EXPECT_EQ(key.error().code, Code::kForbidden);
    EXPECT_EQ(to_string(key.error()).find(to_base64(kSeed)), std::string::npos);
  }
}

TEST(PrivateKeyFile, IsRefusedInAnyOtherForm) {
  const TestFolder folder;
  const std::string seed = to_base64(kSeed);
  for (const std::string& text : std::vector<std::string>{
           "", "\n", seed + "\n", "ENTENTE-PRIVATE-KEY-1 " + seed, "ENTENTE-PRIVATE-KEY-1 \n",
           "ENTENTE-PRIVATE-KEY-1 " + seed + "\n\n", "ENTENTE-PRIVATE-KEY-2 " + seed + "\n",
           "ENTENTE-PRIVATE-KEY-1 " + to_base64(Bytes(31)) + "\n",
           "ENTENTE-PRIVATE-KEY-1 " + seed + "\r\n", std::string(5000, 'x')}) {
    folder.write("key", as_bytes(text));
    EXPECT_FALSE(PrivateKey::load(folder / "key")) << text;
  }
  EXPECT_EQ(PrivateKey::load(folder / "none").error().code, Code::kNotFound);
  EXPECT_EQ(PrivateKey::load("/dev/null").error().code, Code::kForbidden);
}

}  // namespace
}  // namespace entente::crypto

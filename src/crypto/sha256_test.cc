// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/sha256.h"

#include <gtest/gtest.h>

#include "entente/crypto/commit.h"

namespace entente::crypto {
namespace {

TEST(Sha256, GivesThePublishedValues) {  // FIPS 180-4 examples
  EXPECT_EQ(to_hex(sha256(ByteView())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PartsAndUpdatesAreTheConcatenation) {
  const Hash256 whole = sha256(as_bytes("abc"));
  EXPECT_EQ(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")}), whole);
  Sha256 hasher;
  EXPECT_EQ(hasher.update(as_bytes("ab")).update(as_bytes("c")).finish(), whole);
  EXPECT_EQ(hasher.update(as_bytes("abc")).finish(), whole) << "finish starts anew";
}

TEST(Commitment, OpensWithItsSaltAndValueOnly) {
  SeededRandom random(1);
  const Salt salt = Salt::generate(random);
  const Hash256 c = commitment(salt, as_bytes("Jane Doe"));
  EXPECT_TRUE(opens(c, salt, as_bytes("Jane Doe")));
  EXPECT_FALSE(opens(c, salt, as_bytes("Jane Do")));
  EXPECT_FALSE(opens(c, salt, as_bytes("")));
  EXPECT_FALSE(opens(c, Salt::generate(random), as_bytes("Jane Doe")));
}

TEST(Commitment, IsTheHashOfSaltAndValue) {
  EXPECT_EQ(commitment(Salt{}, as_bytes("x")), sha256({Bytes(32, 0), as_bytes("x")}));
}

TEST(Salt, RefusesAnotherLength) {
  EXPECT_FALSE(Salt::from_bytes(Bytes(31)));
  EXPECT_FALSE(Salt::from_bytes(Bytes(33)));
  EXPECT_TRUE(Salt::from_bytes(Bytes(32)));
}

}  // namespace
}  // namespace entente::crypto

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "entente/merkle/tiles.h"

namespace entente::merkle {
namespace {

const std::string kRoot7 = "kTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=";

TEST(Checkpoint, ReadsBackWhatItWrites) {
  const std::string text = "log.entente.example/removals\n7\n" + kRoot7 + "\n";
  const auto body = parse_checkpoint(text);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->origin, "log.entente.example/removals");
  EXPECT_EQ(body->size, 7U);
  EXPECT_EQ(to_hex(body->root), "9139601cc1ca8ab2a7a0c2c134c04845f2b1ba549a83d6c845cfcda439cc585d");
  EXPECT_EQ(format_checkpoint(*body), text);
}

TEST(Checkpoint, RefusesEveryOtherForm) {
  for (const std::string& text : std::vector<std::string>{
           std::string(), std::string("o\n7\n"), "o\n7\n" + kRoot7, "\n7\n" + kRoot7 + "\n",
           "o\n07\n" + kRoot7 + "\n", "o\n-7\n" + kRoot7 + "\n", "o\n+7\n" + kRoot7 + "\n",
           "o\n 7\n" + kRoot7 + "\n", "o\n\n" + kRoot7 + "\n", "o\n7\r\n" + kRoot7 + "\n",
           "o\r\n7\n" + kRoot7 + "\n", "o\n7\n" + kRoot7 + "\nextension\n",
           "o\n7\n" + kRoot7 + "\n\n", std::string("o\n7\nAAAA\n"),
           std::string("o\n7\nkTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0\n"),
           "o\n18446744073709551616\n" + kRoot7 + "\n", "o\n9223372036854775807\n" + kRoot7 + "\n",
           "o\n0\n" + kRoot7 + "\n", std::string(2000, 'o') + "\n7\n" + kRoot7 + "\n"})
    EXPECT_FALSE(parse_checkpoint(text)) << text;
}

TlogProof example() {
  TlogProof proof;
  proof.index = 2;
  proof.hashes = {leaf_hash({}), empty_root()};
  proof.checkpoint = "o\n7\n" + kRoot7 + "\n\n\u2014 o AAAA\n";
  return proof;
}

TEST(TlogProof, IsSpelledAsTheSpecificationSpellsIt) {
  TlogProof proof = example();
  EXPECT_EQ(format_tlog_proof(proof),
            "c2sp.org/tlog-proof@v1\nindex 2\n"
            "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n"
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n" +
                proof.checkpoint);
  EXPECT_EQ(*parse_tlog_proof(format_tlog_proof(proof)), proof);
  proof.extra = to_bytes("salt");
  EXPECT_NE(format_tlog_proof(proof).find("@v1\nextra c2FsdA==\nindex 2\n"), std::string::npos);
  EXPECT_EQ(*parse_tlog_proof(format_tlog_proof(proof)), proof);
  proof.hashes.clear();  // a tree of one leaf
  EXPECT_EQ(*parse_tlog_proof(format_tlog_proof(proof)), proof);
}

TEST(TlogProof, RefusesEveryOtherForm) {
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  const std::string hash = kRoot7 + "\n";
  for (const std::string& text : std::vector<std::string>{
           std::string(), head, head + "index 1\n", head + "index 1\n\n",
           head + "index 01\n\nnote\n", head + "index -1\n\nnote\n", head + "index\n\nnote\n",
           head + "Index 1\n\nnote\n", head + "extra \nindex 1\n\nnote\n",
           head + "extra !!!!\nindex 1\n\nnote\n",
           head + "extra AAAA\nextra AAAA\nindex 1\n\nnote\n", head + "index 1\nAAAA\n\nnote\n",
           head + "index 1\n" + hash + "index 2\n\nnote\n",
           "c2sp.org/tlog-proof@v2\nindex 1\n\nnote\n", head + "index 1\r\n\r\nnote\n",
           std::string("c2sp.org/tlog-proof@v1")})
    EXPECT_FALSE(parse_tlog_proof(text)) << text;
  std::string many = head + "index 1\n";
  for (int i = 0; i < 64; ++i) many += hash;
  EXPECT_EQ(parse_tlog_proof(many + "\nnote\n").error().code, Code::kTooLarge);
  EXPECT_EQ(parse_tlog_proof(head + std::string(kMaxTlogProofBytes, 'x')).error().code,
            Code::kTooLarge);
}

}  // namespace
}  // namespace entente::merkle

// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/verify.h"

#include "entente/ledger/test_ledger.h"

namespace entente::ledger {
namespace {

class VerifyProof : public testing::Test {
 protected:
  void SetUp() override {
    witness_.trust(node_.log);
    node_.grow_to(100);
    const auto answer = witness_.add(add_checkpoint_body(node_, 0));
    ASSERT_EQ(answer.status, 200);
    const Checkpoint head{100, node_.checkpoint()};
    ASSERT_TRUE(node_.store->write(
        [&](store::Tx& tx) { return Log::keep_cosignature(tx, head, answer.body); }));
    node_.grow_to(150);
    text_ = node_.proof(42, Cosigned::kYes);
  }
  Result<VerifiedProof> verify(const std::string& text, std::string_view entry = "entry-42",
                               std::size_t witnesses = 1) {
    return verify_proof(text, entry, log_vkey_, witness_vkeys_, witnesses);
  }

  TestNode node_;
  TestWitness witness_;
  std::string log_vkey_ = node_.log.note_key().vkey();
  std::vector<std::string> witness_vkeys_{witness_.vkey()};
  std::string text_;
};

TEST_F(VerifyProof, RefusesAnyOtherEntry) {
  for (const char* entry : {"entry-41", "entry-42 ", "", "Entry-42"})
    EXPECT_EQ(verify(text_, entry).error().code, Code::kCorrupt) << entry;
}

TEST_F(VerifyProof, RefusesEveryFlippedBit) {
  for (std::size_t at = 0; at < text_.size(); ++at) {
    std::string forged = text_;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    EXPECT_FALSE(verify(forged)) << at;
  }
}

TEST_F(VerifyProof, RefusesEveryTruncation) {
  for (std::size_t size = 0; size < text_.size(); ++size)
    EXPECT_FALSE(verify(text_.substr(0, size))) << size;
}

TEST_F(VerifyProof, RefusesAnotherLogsReceipt) {
  TestNode other("log.entente.example/removals", 0x77);
  other.grow_to(100);
  EXPECT_EQ(verify(other.proof(42), "entry-42", 0).error().code, Code::kUnauthorised);
  TestNode renamed("log.entente.example/other", 0x00);
  renamed.grow_to(100);
  EXPECT_EQ(verify(renamed.proof(42), "entry-42", 0).error().code, Code::kUnauthorised);
}

TEST_F(VerifyProof, RefusesAHeadThatOnlyTheWitnessSigned) {
  auto proof = merkle::parse_tlog_proof(text_).value();
  const auto by_log = proof.checkpoint.find("\u2014 log.");
  proof.checkpoint.erase(by_log, proof.checkpoint.find('\n', by_log) + 1 - by_log);
  EXPECT_EQ(verify(merkle::format_tlog_proof(proof), "entry-42", 0).error().code,
            Code::kUnauthorised);
}

TEST_F(VerifyProof, RefusesTooFewWitnesses) {
  EXPECT_EQ(verify(node_.proof(42)).error().code, Code::kUnauthorised) << "not cosigned yet";
  EXPECT_EQ(verify(text_, "entry-42", 2).error().code, Code::kUnauthorised);
}

TEST_F(VerifyProof, AWitnessUnderTwoNamesIsOneAndTheLogIsNone) {
  const auto twin = crypto::NoteKey::make(
      "witness.example/w2", crypto::NoteAlgorithm::kCosignatureV1, witness_.key.public_key());
  const auto self = crypto::NoteKey::make(
      "witness.example/self", crypto::NoteAlgorithm::kCosignatureV1, node_.key.public_key());
  auto proof = merkle::parse_tlog_proof(text_).value();
  const std::string body(proof.checkpoint, 0, proof.checkpoint.find("\n\n") + 1);
  proof.checkpoint += crypto::cosign_note(body, twin->name, witness_.key, kCosignTime).value() +
                      crypto::cosign_note(body, self->name, node_.key, kCosignTime).value();
  witness_vkeys_ = {witness_.vkey(), twin->vkey(), self->vkey()};
  const std::string padded = merkle::format_tlog_proof(proof);
  EXPECT_EQ(verify(padded, "entry-42", 2).error().code, Code::kUnauthorised);
  EXPECT_EQ(verify(padded, "entry-42", 1).value().cosigned_by.size(), 1U);
}

TEST_F(VerifyProof, RefusesKeysOfTheWrongKind) {
  EXPECT_EQ(verify_proof(text_, "entry-42", witness_.vkey(), {}, 0).error().code, Code::kInvalid);
  witness_vkeys_ = {log_vkey_};
  EXPECT_EQ(verify(text_).error().code, Code::kInvalid);
  EXPECT_FALSE(verify_proof(text_, "entry-42", "log.entente.example/removals", {}, 0));
}

TEST_F(VerifyProof, SaysWhatWasProvenAndWhoCosigned) {
  const auto verified = verify(text_);
  ASSERT_TRUE(verified) << to_string(verified.error());
  EXPECT_EQ(verified->origin, kOrigin);
  EXPECT_EQ(verified->size, 100U) << "the newest cosigned head, not the newest";
  EXPECT_EQ(verified->index, 42U);
  EXPECT_EQ(verified->cosigned_by, std::vector<std::string>{std::string(kWitnessName)});
  EXPECT_EQ(verify(node_.proof(149, Cosigned::kYes), "entry-149", 0).value().size, 150U)
      << "no cosigned head covers it yet";
}

}  // namespace
}  // namespace entente::ledger

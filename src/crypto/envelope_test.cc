// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/envelope.h"

#include <gtest/gtest.h>

namespace entente::crypto {
namespace {

PrivateKey key_number(std::uint64_t n) {
  SeededRandom random(n);
  return PrivateKey::generate(random);
}

Envelope signed_envelope() {
  Envelope e{"application/vnd.entente.step+json", to_bytes("{\"a\":1}"), {}};
  EXPECT_TRUE(sign(e, key_number(1)));
  EXPECT_TRUE(sign(e, key_number(2)));
  return e;
}

TEST(Pae, IsThePublishedExample) {  // protocol.md of DSSE
  EXPECT_EQ(to_text(pae("http://example.com/HelloWorld", as_bytes("hello world"))),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(to_text(pae("", {})), "DSSEv1 0  0 ");
}

TEST(Envelope, ReadsBackWhatItWrites) {
  const Envelope e = signed_envelope();
  const auto back = parse_envelope(to_json(e));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(*back, e);
  EXPECT_EQ(to_json(*back), to_json(e));
  EXPECT_EQ(to_json(e).find("kind"), std::string::npos);
  EXPECT_TRUE(verify_signature(*back, back->signatures[0], key_number(1).public_key()));
  EXPECT_TRUE(verify_signature(*back, back->signatures[1], key_number(2).public_key()));
}

TEST(Envelope, ASignatureByAnotherKeyOrOverOtherBytesIsRefused) {
  const Envelope e = signed_envelope();
  const auto key = key_number(1).public_key();
  EXPECT_EQ(verify_signature(e, e.signatures[1], key).error().code, Code::kUnauthorised);
  Signature renamed = e.signatures[1];
  renamed.keyid = key.id();
  EXPECT_EQ(verify_signature(e, renamed, key).error().code, Code::kUnauthorised);
  Envelope other = e;
  other.payload.back() ^= 1;
  EXPECT_FALSE(verify_signature(other, e.signatures[0], key));
  other = e;
  other.payload_type += "x";
  EXPECT_FALSE(verify_signature(other, e.signatures[0], key));
  Signature cut = e.signatures[0];
  cut.sig.pop_back();
  EXPECT_FALSE(verify_signature(e, cut, key));
  cut = e.signatures[0];
  cut.sig.push_back(0);
  EXPECT_FALSE(verify_signature(e, cut, key));
}

TEST(Envelope, APayloadCannotPassForAnotherType) {
  // Without lengths these two would be the same bytes.
  EXPECT_NE(pae("a", as_bytes("b c")), pae("a b", as_bytes("c")));
}

TEST(Envelope, OneKeySignsOnce) {
  Envelope e = signed_envelope();
  EXPECT_EQ(sign(e, key_number(1)).error().code, Code::kConflict);
  for (std::uint64_t n = 3; n <= kMaxEnvelopeSignatures; ++n) ASSERT_TRUE(sign(e, key_number(n)));
  EXPECT_EQ(sign(e, key_number(99)).error().code, Code::kTooLarge);
  EXPECT_TRUE(parse_envelope(to_json(e)));
}

std::string with_signatures(const std::string& signatures) {
  return R"({"payloadType":"t","payload":"AAAA","signatures":[)" + signatures + "]}";
}

TEST(EnvelopeParser, RefusesWhatIsNotExactlyAnEnvelope) {
  const std::string one = R"({"keyid":"k","sig":"AAAA"})";
  ASSERT_TRUE(parse_envelope(with_signatures(one)));
  std::string seventeen = R"({"keyid":"k0","sig":"AAAA"})";
  for (int i = 1; i < 17; ++i)
    seventeen += R"(,{"keyid":"k)" + std::to_string(i) + R"(","sig":"AAAA"})";
  for (const std::string& text : std::vector<std::string>{
           "",
           "[]",
           "{}",
           with_signatures(""),
           with_signatures(seventeen),
           with_signatures(one + "," + one),
           with_signatures(one + R"(,{"keyid":"k","kind":"webauthn","sig":"AAAA"})"),
           with_signatures(R"({"keyid":"","sig":"AAAA"})"),
           with_signatures(R"({"sig":"AAAA"})"),
           with_signatures(R"({"keyid":"k","sig":""})"),
           with_signatures(R"({"keyid":"k"})"),
           with_signatures(R"({"keyid":"k","sig":"AAA"})"),
           with_signatures(R"({"keyid":"k","sig":"AB=="})"),
           with_signatures(R"({"keyid":"k","sig":"AAAA","x":1})"),
           with_signatures(R"({"keyid":"k","sig":"AAAA","kind":"ed25519"})"),
           with_signatures(R"({"keyid":"k","sig":"AAAA","kind":"Web"})"),
           with_signatures(R"({"keyid":"k","sig":"AAAA","kind":""})"),
           with_signatures(R"({"keyid":"k\n","sig":"AAAA"})"),
           with_signatures(R"({"keyid":"a b","sig":"AAAA"})"),
           with_signatures("7"),
           with_signatures("[[]]"),
           R"({"payloadType":"t","payload":"AAAA","signatures":{}})",
           R"({"payloadType":"t","payload":"AAAA","signatures":[)" + one + R"(],"x":1})",
           R"({"payloadType":"t","payloadType":"u","payload":"AAAA","signatures":[)" + one + "]}",
           R"({"payloadType":"","payload":"AAAA","signatures":[)" + one + "]}",
           R"({"payloadType":"a b","payload":"AAAA","signatures":[)" + one + "]}",
           R"({"payloadType":"t","payload":"AA-_","signatures":[)" + one + "]}",
           R"({"payloadType":"t","payload":7,"signatures":[)" + one + "]}",
           with_signatures(one) + "x"})
    EXPECT_FALSE(parse_envelope(text)) << text;
}

TEST(EnvelopeParser, RefusesWhatIsTooLarge) {
  EXPECT_EQ(parse_envelope(std::string(kMaxEnvelopeBytes + 1, ' ')).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_envelope(with_signatures(R"({"keyid":"k","sig":"AAAA"})"), 10).error().code,
            Code::kTooLarge);
}

TEST(SignatureKind, AnUnknownOneIsUnsupportedNotValid) {
  const auto e = parse_envelope(with_signatures(R"({"keyid":"k","kind":"webauthn","sig":"AAAA"})"));
  ASSERT_TRUE(e);
  EXPECT_NE(to_json(*e).find(R"("kind":"webauthn")"), std::string::npos);
  EXPECT_EQ(verify_signature(*e, e->signatures[0], key_number(1).public_key()).error().code,
            Code::kUnsupported);
  EXPECT_EQ(SignatureSchemes().verify(*e, e->signatures[0], Bytes(32)).error().code,
            Code::kUnsupported);
}

// A scheme whose signature is the key itself: enough to see what it is given.
class EchoScheme final : public SignatureScheme {
 public:
  explicit EchoScheme(std::string kind) : kind_(std::move(kind)) {}
  std::string_view kind() const override { return kind_; }
  Result<void> verify(ByteView signed_bytes, ByteView signature, ByteView key) const override {
    if (as_text(signed_bytes) != "DSSEv1 1 t 3 abc" || !equal_secret(signature, key))
      return fail(Code::kUnauthorised, "no");
    return {};
  }

 private:
  std::string kind_;
};

TEST(SignatureSchemes, DispatchOnKindAndNeverReplaceOne) {
  SignatureSchemes schemes;
  EXPECT_TRUE(schemes.knows("ed25519"));
  EXPECT_EQ(schemes.add(std::make_unique<EchoScheme>("ed25519")).error().code, Code::kConflict);
  EXPECT_EQ(schemes.add(std::make_unique<EchoScheme>("Bad Kind")).error().code, Code::kInvalid);
  ASSERT_TRUE(schemes.add(std::make_unique<EchoScheme>("echo")));
  const Envelope e{"t", to_bytes("abc"), {{"k", "echo", to_bytes("key")}}};
  EXPECT_TRUE(schemes.verify(e, e.signatures[0], as_bytes("key")));
  EXPECT_FALSE(schemes.verify(e, e.signatures[0], as_bytes("other")));
  const Envelope plain = signed_envelope();
  EXPECT_TRUE(schemes.verify(plain, plain.signatures[0], key_number(1).public_key().bytes));
  EXPECT_FALSE(schemes.verify(plain, plain.signatures[0], key_number(2).public_key().bytes));
  EXPECT_FALSE(schemes.verify(plain, plain.signatures[0], Bytes(31)));
}

}  // namespace
}  // namespace entente::crypto

// SPDX-License-Identifier: Apache-2.0
//
// A signature is over one message, for one purpose, for five minutes; whoever changes a byte of
// what it covers, or of how it says what it covers, is refused.
#include "entente/exchange/message_signature.h"

#include <gtest/gtest.h>

namespace entente::exchange {
namespace {

const Instant kNoon = parse_rfc3339("2026-11-13T12:00:00Z").value();
constexpr Millis kSkew = std::chrono::minutes(1);
constexpr std::string_view kBody = R"({"from":"interior.example"})";
constexpr std::string_view kUri = "https://photos.example/v1/inbox";

class MessageSignature : public ::testing::Test {
 protected:
  std::vector<Component> components(std::string_view body = kBody, std::string_view uri = kUri,
                                    std::string_view method = "POST",
                                    std::string_view type = "application/json") {
    return request_components(method, uri, type, body);
  }
  Result<SignatureParams> check(const std::string& input, const std::string& signature,
                                const std::vector<Component>& of, Instant now = kNoon,
                                std::string_view tag = kOrderTag) {
    return verify_message(input, signature, of, tag, key_.public_key(), now, kSkew);
  }
  void refused(const std::string& input, const std::string& signature) {
    const auto r = check(input, signature, components());
    ASSERT_FALSE(r) << input << " / " << signature;
    EXPECT_EQ(r.error().code, Code::kUnauthorised);
    EXPECT_EQ(r.error().rule, "message-signature");
  }
  static std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    entente::check(at != std::string::npos, "nothing to replace");
    return text.replace(at, from.size(), to);
  }

  SeededRandom random_{3};
  crypto::PrivateKey key_ = crypto::PrivateKey::generate(random_);
  crypto::PrivateKey other_ = crypto::PrivateKey::generate(random_);
  Headers headers_ = sign_message(components(), kOrderTag, kBody, key_, kNoon, random_);
  std::string input_ = headers_[0].second;
  std::string signature_ = headers_[1].second;
};

TEST_F(MessageSignature, OfAnotherMessageIsRefused) {
  EXPECT_FALSE(check(input_, signature_, components("{}")));
  EXPECT_FALSE(check(input_, signature_, components(kBody, "https://photos.example/v1/inbox?x=1")));
  EXPECT_FALSE(check(input_, signature_, components(kBody, "https://other.example/v1/inbox")));
  EXPECT_FALSE(check(input_, signature_, components(kBody, kUri, "PUT")));
  EXPECT_FALSE(check(input_, signature_, components(kBody, kUri, "POST", "text/plain")));
  EXPECT_FALSE(check(input_, signature_, components(), kNoon, kAnswerTag));
  EXPECT_TRUE(check(input_, signature_, components()));
}

TEST_F(MessageSignature, OfAnotherKeyIsRefused) {
  const auto by_other = sign_message(components(), kOrderTag, kBody, other_, kNoon, random_);
  refused(by_other[0].second, by_other[1].second);
  // Claiming our key's id does not help.
  refused(replaced(by_other[0].second, other_.public_key().id(), key_.public_key().id()),
          by_other[1].second);
}

TEST_F(MessageSignature, LivesFiveMinutesAndTheClocksDifference) {
  EXPECT_TRUE(check(input_, signature_, components(), kNoon - kSkew));
  EXPECT_FALSE(check(input_, signature_, components(), kNoon - kSkew - std::chrono::seconds(1)));
  EXPECT_TRUE(check(input_, signature_, components(), kNoon + kSignatureLife + kSkew));
  EXPECT_FALSE(check(input_, signature_, components(),
                     kNoon + kSignatureLife + kSkew + std::chrono::seconds(1)));
}

TEST_F(MessageSignature, AnythingChangedInWhatItSaysIsRefused) {
  const auto seconds = std::to_string(to_ms(kNoon) / 1000);
  const auto later = std::to_string(to_ms(kNoon) / 1000 + 300);
  refused("", signature_);
  refused(input_, "");
  refused(input_, replaced(signature_, "entente=", "other="));
  refused(replaced(input_, "entente=", "other="), signature_);
  refused(input_.substr(0, input_.size() - 1), signature_);
  refused(input_ + ", second=()", signature_);
  refused(input_ + ";extra=1", signature_);
  refused(input_ + ";created=" + seconds, signature_);
  refused(replaced(input_, "\"@method\" ", ""), signature_);
  refused(replaced(input_, "\"@method\"", "\"@method\" \"@method\""), signature_);
  refused(replaced(input_, "\"@method\"", "\"@path\""), signature_);
  refused(replaced(input_, "\"@method\"", "\"@method\";req"), signature_);
  refused(replaced(input_, ";expires=" + later, ""), signature_);
  refused(replaced(input_, later, std::to_string(to_ms(kNoon) / 1000 + 86'400)), signature_);
  refused(replaced(input_, "alg=\"ed25519\"", "alg=\"none\""), signature_);
  refused(replaced(input_, "alg=\"ed25519\"", "alg=ed25519"), signature_);
  refused(replaced(input_, "nonce=\"", "nonce=\"\\\""), signature_);
  refused(replaced(input_, "created=", "created=99999999999999999999"), signature_);
  refused(input_ + std::string(kMaxSignatureHeader, 'x'), signature_);
  refused(input_, replaced(signature_, "=:", "=:AAAA"));
  for (std::size_t i = 0; i < input_.size(); ++i) {
    std::string flipped = input_;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(check(flipped, signature_, components())) << flipped;
    EXPECT_FALSE(check(input_.substr(0, i), signature_, components()));
  }
}

TEST_F(MessageSignature, TheComponentsMayComeInAnyOrder) {
  auto turned = components();
  std::reverse(turned.begin(), turned.end());
  const auto h = sign_message(turned, kOrderTag, kBody, key_, kNoon, random_);
  const auto r = check(h[0].second, h[1].second, components());
  ASSERT_TRUE(r) << to_string(r.error());
  EXPECT_EQ(r->keyid, key_.public_key().id());
}

TEST_F(MessageSignature, AnAnswerIsBoundToItsRequest) {
  const auto answer = answer_components(200, "application/json", "{}", kUri, kBody);
  const auto h = sign_message(answer, kAnswerTag, "{}", key_, kNoon, random_);
  EXPECT_TRUE(check(h[0].second, h[1].second, answer, kNoon, kAnswerTag));
  EXPECT_FALSE(check(h[0].second, h[1].second,
                     answer_components(200, "application/json", "{}", kUri, "{}"), kNoon,
                     kAnswerTag));
  EXPECT_FALSE(check(h[0].second, h[1].second,
                     answer_components(202, "application/json", "{}", kUri, kBody), kNoon,
                     kAnswerTag));
}

// The form of RFC 9421 §2.5 and RFC 9530 §2, by hand.
TEST_F(MessageSignature, TheBaseIsTheOneOfTheStandard) {
  EXPECT_EQ(content_digest(R"({"hello": "world"})"
                           "\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:")
      << "the example of RFC 9530, appendix B.1";
  const std::string params = input_.substr(std::string_view("entente=").size());
  const std::string base =
      "\"@method\": POST\n\"@target-uri\": " + std::string(kUri) +
      "\n\"content-type\": application/json\n\"content-digest\": " + content_digest(kBody) +
      "\n\"@signature-params\": " + params;
  const auto bytes = from_base64(signature_.substr(9, signature_.size() - 10)).value();
  EXPECT_TRUE(crypto::verify(key_.public_key(), as_bytes(base), bytes));
}

}  // namespace
}  // namespace entente::exchange

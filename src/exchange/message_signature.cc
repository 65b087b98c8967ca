// SPDX-License-Identifier: Apache-2.0
#include "entente/exchange/message_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "entente/crypto/sha256.h"

namespace entente::exchange {
namespace {

constexpr std::string_view kLabel = "entente";
constexpr std::string_view kAlgorithm = "ed25519";
constexpr std::size_t kNonceBytes = 16;

Unexpected refuse(std::string detail) {
  return fail(Error{Code::kUnauthorised, std::move(detail), "Signature", "message-signature", {}});
}

std::int64_t seconds(Instant t) {
  return to_ms(t) / 1000;
}

// RFC 9421 §2.5: a line per component, then the parameters, no line feed at the end.
std::string signature_base(const std::vector<Component>& components, std::string_view params) {
  std::string out;
  for (const auto& c : components) out += c.id + ": " + c.value + "\n";
  out += "\"@signature-params\": ";
  out += params;
  return out;
}

// The few forms of RFC 8941 that a Signature-Input has: an inner list of strings with boolean
// parameters, then parameters that are integers or strings without escapes.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view name() {
    const auto end = std::find_if(rest_.begin(), rest_.end(), [](char c) {
      return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_';
    });
    return cut(static_cast<std::size_t>(end - rest_.begin()));
  }
  // With its quotes; nothing when there is no string, or one with an escape.
  std::string_view quoted() {
    if (rest_.empty() || rest_.front() != '"') return {};
    const auto end = rest_.find_first_of("\"\\", 1);
    if (end == std::string_view::npos || rest_[end] == '\\') return {};
    return cut(end + 1);
  }
  std::optional<std::int64_t> integer() {
    std::int64_t value = 0;
    const auto* end = rest_.data() + rest_.size();
    const auto read = std::from_chars(rest_.data(), end, value);
    if (read.ec != std::errc() || read.ptr - rest_.data() > 15) return std::nullopt;
    cut(static_cast<std::size_t>(read.ptr - rest_.data()));
    return value;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view cut(std::size_t n) {
    const auto out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  std::string_view rest_;
};

struct Input {
  std::string label;
  std::vector<std::string> ids;
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::int64_t, std::less<>> numbers;
  std::string params;  // verbatim: the list and what follows it
};

Result<void> read_parameters(Reader& r, Input& in) {
  while (r.take(";")) {
    const std::string name(r.name());
    if (name.empty() || !r.take("=") || in.texts.contains(name) || in.numbers.contains(name))
      return refuse("Signature-Input has a parameter without a value, or twice");
    if (const auto text = r.quoted(); !text.empty()) {
      in.texts[name] = std::string(text.substr(1, text.size() - 2));
    } else if (const auto number = r.integer()) {
      in.numbers[name] = *number;
    } else {
      return refuse("Signature-Input has a parameter that is neither a text nor a number");
    }
  }
  if (!r.rest().empty()) return refuse("Signature-Input holds more than one signature");
  return {};
}

Result<Input> read_input(std::string_view text) {
  if (text.empty()) return refuse("the message is not signed (RFC 9421)");
  if (text.size() > kMaxSignatureHeader) return refuse("Signature-Input is too long");
  Input in;
  Reader r(text);
  in.label = std::string(r.name());
  if (in.label.empty() || !r.take("=")) return refuse("Signature-Input has no label");
  in.params = std::string(r.rest());
  if (!r.take("(")) return refuse("Signature-Input lists no components");
  while (!r.take(")")) {
    if (!in.ids.empty() && !r.take(" ")) return refuse("Signature-Input: a broken list");
    std::string id(r.quoted());
    if (id.empty()) return refuse("Signature-Input: a broken list");
    if (r.take(";req")) id += ";req";
    in.ids.push_back(std::move(id));
  }
  ENTENTE_CHECK_OK(read_parameters(r, in));
  return in;
}

// The components as the list orders them: exactly those expected, each once.
Result<std::vector<Component>> in_order(const Input& in, const std::vector<Component>& expected) {
  std::vector<Component> out;
  out.reserve(in.ids.size());
  for (const auto& id : in.ids) {
    const auto same = [&](const Component& c) { return c.id == id; };
    const auto it = std::find_if(expected.begin(), expected.end(), same);
    if (it == expected.end() || std::any_of(out.begin(), out.end(), same))
      return refuse("the signature covers another component than it should: " + id.substr(0, 60));
    out.push_back(*it);
  }
  if (out.size() != expected.size()) return refuse("the signature does not cover all it should");
  return out;
}

Result<SignatureParams> read_params(const Input& in, std::string_view tag) {
  const auto text = [&](std::string_view name) {
    const auto it = in.texts.find(name);
    return it == in.texts.end() ? std::string() : it->second;
  };
  const auto created = in.numbers.find("created");
  const auto expires = in.numbers.find("expires");
  if (created == in.numbers.end() || expires == in.numbers.end() || in.numbers.size() != 2)
    return refuse("a signature says when it was created and when it expires");
  if (text("alg") != kAlgorithm) return refuse("signatures are by ed25519");
  if (text("tag") != tag) return refuse("the signature was made for another purpose");
  SignatureParams out;
  out.nonce = text("nonce");
  out.keyid = text("keyid");
  if (out.nonce.size() < 8 || out.nonce.size() > 64 || out.keyid.empty() || in.texts.size() != 4)
    return refuse("a signature has a nonce of 8 to 64 characters, a keyid, an alg and a tag");
  out.created = instant_from_ms(created->second * 1000);
  out.expires = instant_from_ms(expires->second * 1000);
  return out;
}

}  // namespace

std::string content_digest(std::string_view body) {
  return "sha-256=:" + to_base64(crypto::sha256(as_bytes(body))) + ":";
}

std::vector<Component> request_components(std::string_view method, std::string_view target_uri,
                                          std::string_view content_type, std::string_view body) {
  return {{"\"@method\"", std::string(method)},
          {"\"@target-uri\"", std::string(target_uri)},
          {"\"content-type\"", std::string(content_type)},
          {"\"content-digest\"", content_digest(body)}};
}

std::vector<Component> answer_components(int status, std::string_view content_type,
                                         std::string_view body, std::string_view target_uri,
                                         std::string_view request_body) {
  return {{"\"@status\"", std::to_string(status)},
          {"\"content-type\"", std::string(content_type)},
          {"\"content-digest\"", content_digest(body)},
          {"\"@target-uri\";req", std::string(target_uri)},
          {"\"content-digest\";req", content_digest(request_body)}};
}

Headers sign_message(const std::vector<Component>& components, std::string_view tag,
                     std::string_view body, const crypto::PrivateKey& key, Instant now,
                     Random& random) {
  std::string params = "(";
  for (const auto& c : components) {
    if (params.size() > 1) params += ' ';
    params += c.id;
  }
  params +=
      fmt::format(R"();created={};expires={};nonce="{}";keyid="{}";alg="{}";tag="{}")",
                  seconds(now), seconds(now + kSignatureLife),
                  to_base64url(random.bytes(kNonceBytes)), key.public_key().id(), kAlgorithm, tag);
  const auto signature = key.sign(as_bytes(signature_base(components, params)));
  return {{"Signature-Input", fmt::format("{}={}", kLabel, params)},
          {"Signature", fmt::format("{}=:{}:", kLabel, to_base64(signature))},
          {"Content-Digest", content_digest(body)}};
}

Result<SignatureParams> verify_message(std::string_view signature_input, std::string_view signature,
                                       const std::vector<Component>& components,
                                       std::string_view tag, const crypto::PublicKey& key,
                                       Instant now, Millis skew) {
  ENTENTE_TRY(in, read_input(signature_input));
  ENTENTE_TRY(ordered, in_order(in, components));
  ENTENTE_TRY(params, read_params(in, tag));
  if (params.keyid != key.id()) return refuse("signed by another key than the sender's");
  if (params.expires < params.created || params.expires > params.created + kSignatureLife)
    return refuse("a signature lives at most five minutes");
  if (params.created > now + skew) return refuse("the signature is dated in the future");
  if (params.expires < now - skew) return refuse("the signature has expired");
  const std::string start = in.label + "=:";
  if (signature.size() > kMaxSignatureHeader || !signature.starts_with(start) ||
      !signature.ends_with(':') || signature.size() <= start.size())
    return refuse("the Signature header does not hold the signature that its input names");
  const auto bytes =
      from_base64(signature.substr(start.size(), signature.size() - start.size() - 1));
  if (!bytes || !crypto::verify(key, as_bytes(signature_base(ordered, in.params)), *bytes))
    return refuse("the signature is not over this message");
  return params;
}

}  // namespace entente::exchange

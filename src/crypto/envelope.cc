// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "entente/json/json.h"

namespace entente::crypto {
namespace {

constexpr std::size_t kMaxKindBytes = 32;

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_kind(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<Signature> parse_signature(const json::Value& value, const std::string& path) {
  if (!value.is_object()) return fail(Code::kInvalid, "a signature must be an object", path);
  json::Reader reader(value.get_object(), path);
  Signature out;
  out.keyid = reader.text("keyid", {.min = 1, .max = kMaxKeyIdBytes});
  const Bytes sig = reader.base64("sig", kMaxSignatureTextBytes);
  const auto kind = reader.text_if("kind", {.min = 1, .max = kMaxKindBytes});
  ENTENTE_CHECK_OK(reader.done());
  if (!is_visible_ascii(out.keyid))
    return fail(Code::kInvalid, "a keyid has visible ASCII characters only", path + "/keyid");
  if (sig.empty()) return fail(Code::kInvalid, "an empty signature", path + "/sig");
  out.sig = sig;
  if (kind) {
    // Ed25519 is said by saying nothing, so that no envelope has two spellings.
    if (*kind == kKindEd25519 || !is_kind(*kind))
      return fail(Code::kInvalid, "not the kind of a signature", path + "/kind");
    out.kind = *kind;
  }
  return out;
}

class Ed25519Scheme final : public SignatureScheme {
 public:
  std::string_view kind() const override { return kKindEd25519; }
  Result<void> verify(ByteView signed_bytes, ByteView signature,
                      ByteView public_key) const override {
    ENTENTE_TRY(key, PublicKey::from_bytes(public_key));
    if (!crypto::verify(key, signed_bytes, signature))
      return fail(Code::kUnauthorised, "the signature does not match");
    return {};
  }
};

}  // namespace

Bytes pae(std::string_view payload_type, ByteView payload) {
  Bytes out =
      to_bytes(fmt::format("DSSEv1 {} {} {} ", payload_type.size(), payload_type, payload.size()));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Result<Envelope> parse_envelope(std::string_view json, std::size_t max_bytes) {
  ENTENTE_TRY(object, json::parse_object(json, max_bytes));
  json::Reader reader(object);
  Envelope out;
  out.payload_type = reader.text("payloadType", {.min = 1, .max = kMaxPayloadTypeBytes});
  out.payload = reader.base64("payload", max_bytes);
  const json::Array& signatures = reader.array("signatures", kMaxEnvelopeSignatures);
  ENTENTE_CHECK_OK(reader.done());
  if (!is_visible_ascii(out.payload_type))
    return fail(Code::kInvalid, "a payload type has visible ASCII characters only", "/payloadType");
  if (signatures.empty()) return fail(Code::kInvalid, "nobody signed", "/signatures");
  std::set<std::string, std::less<>> keyids;
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    std::string path = fmt::format("/signatures/{}", i);
    ENTENTE_TRY(signature, parse_signature(signatures[i], path));
    // One key signing twice must not pass for two signers.
    if (!keyids.insert(signature.keyid).second)
      return fail(Code::kInvalid, "a keyid twice", path + "/keyid");
    out.signatures.push_back(std::move(signature));
  }
  return out;
}

std::string to_json(const Envelope& envelope) {
  json::Array signatures;
  for (const Signature& s : envelope.signatures) {
    json::Object item{{"keyid", s.keyid}, {"sig", to_base64(s.sig)}};
    if (s.kind != kKindEd25519) item["kind"] = s.kind;
    signatures.push_back(std::move(item));
  }
  json::Object object;
  object["payloadType"] = envelope.payload_type;
  object["payload"] = to_base64(envelope.payload);
  object["signatures"] = std::move(signatures);
  return json::canonical(object);
}

Result<void> sign(Envelope& envelope, const PrivateKey& key) {
  const std::string keyid = key.public_key().id();
  for (const Signature& s : envelope.signatures)
    if (s.keyid == keyid) return fail(Code::kConflict, "this key has signed already");
  if (envelope.signatures.size() >= kMaxEnvelopeSignatures)
    return fail(Code::kTooLarge, fmt::format("at most {} signatures", kMaxEnvelopeSignatures));
  const auto sig = key.sign(pae(envelope.payload_type, envelope.payload));
  envelope.signatures.push_back({keyid, std::string(kKindEd25519), to_bytes(sig)});
  return {};
}

Result<void> verify_signature(const Envelope& envelope, const Signature& signature,
                              const PublicKey& key) {
  if (signature.kind != kKindEd25519)
    return fail(Code::kUnsupported, fmt::format("signatures of kind {}", signature.kind));
  if (signature.keyid != key.id())
    return fail(Code::kUnauthorised, "the signature names another key");
  if (!verify(key, pae(envelope.payload_type, envelope.payload), signature.sig))
    return fail(Code::kUnauthorised, "the signature does not match");
  return {};
}

SignatureSchemes::SignatureSchemes() {
  schemes_.emplace(kKindEd25519, std::make_unique<Ed25519Scheme>());
}

Result<void> SignatureSchemes::add(std::unique_ptr<SignatureScheme> scheme) {
  std::string kind(scheme->kind());
  if (kind.empty() || kind.size() > kMaxKindBytes || !is_kind(kind))
    return fail(Code::kInvalid, "not the kind of a signature");
  if (!schemes_.try_emplace(kind, std::move(scheme)).second)
    return fail(Code::kConflict, fmt::format("signatures of kind {} are known already", kind));
  return {};
}

bool SignatureSchemes::knows(std::string_view kind) const {
  return schemes_.find(kind) != schemes_.end();
}

Result<void> SignatureSchemes::verify(const Envelope& envelope, const Signature& signature,
                                      ByteView public_key) const {
  const auto scheme = schemes_.find(signature.kind);
  if (scheme == schemes_.end())
    return fail(Code::kUnsupported, fmt::format("signatures of kind {}", signature.kind));
  return scheme->second->verify(pae(envelope.payload_type, envelope.payload), signature.sig,
                                public_key);
}

}  // namespace entente::crypto

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/signed_document.h"

#include "entente/crypto/sha256.h"

namespace entente::matching {

namespace {

Result<void> check_signed_by(const crypto::Envelope& envelope, const crypto::PublicKey& key) {
  const std::string id = key.id();
  for (const crypto::Signature& signature : envelope.signatures) {
    if (signature.keyid == id) return crypto::verify_signature(envelope, signature, key);
  }
  return fail(Code::kUnauthorised, "not signed with this partner's key", "/signatures");
}

}  // namespace

Result<SignedDocument> sign_document(std::string_view type, const json::Object& document,
                                     const crypto::PrivateKey& key) {
  const std::string text = json::canonical(json::Value(document));
  if (text.size() > kMaxDeltaPayload) return fail(Code::kTooLarge, "the document is too long");
  crypto::Envelope envelope;
  envelope.payload_type = std::string(type);
  envelope.payload = to_bytes(text);
  ENTENTE_CHECK_OK(crypto::sign(envelope, key));
  return SignedDocument{crypto::to_json(envelope), to_hex(crypto::sha256(envelope.payload))};
}

Result<OpenedDocument> open_document(std::string_view type, std::string_view envelope,
                                     const Partner& partner) {
  if (envelope.size() > kMaxDeltaEnvelope) return fail(Code::kTooLarge, "the document is too long");
  ENTENTE_TRY(opened, crypto::parse_envelope(envelope, kMaxDeltaEnvelope));
  if (opened.payload_type != type)
    return fail(Code::kUnsupported, "another kind of document", "/payloadType");
  ENTENTE_CHECK_OK(check_signed_by(opened, partner.key));
  ENTENTE_TRY(document, json::parse_object(as_text(opened.payload), kMaxDeltaPayload));
  if (json::text_or(document, "party") != partner.party)
    return fail(Code::kUnauthorised, "signed by one party in the name of another", "/party");
  return OpenedDocument{std::move(document), to_hex(crypto::sha256(opened.payload))};
}

}  // namespace entente::matching

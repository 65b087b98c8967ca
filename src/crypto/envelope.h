// SPDX-License-Identifier: Apache-2.0
//
// DSSE v1 envelopes (github.com/secure-systems-lab/dsse): a payload, its type, and one or more
// signatures over the same bytes. What is signed is the pre-authentication encoding, so that no
// payload can be passed off as another type.
//
//   {"payload":"<base64>","payloadType":"application/…","signatures":[{"keyid":"…","sig":"<base64>"}]}
//
// A signature of another kind than Ed25519 says so in "kind". Parsing is strict: unknown members,
// an empty or doubled keyid and non-canonical base64 are refused. What is signed are the payload's
// bytes: keep and forward them as they came. An envelope is a value; it proves nothing until each
// of its signatures has been verified with a key the caller trusts, for the purpose the caller has
// in mind.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/crypto/keys.h"

namespace entente::crypto {

inline constexpr std::size_t kMaxEnvelopeBytes =
    256 * 1024;  // an act is text; evidence travels sealed and apart
inline constexpr std::size_t kMaxEnvelopeSignatures =
    16;  // an order, its validators and their deputies
inline constexpr std::size_t kMaxPayloadTypeBytes = 256;
inline constexpr std::size_t kMaxKeyIdBytes = 256;  // a WebAuthn credential id in text fits
inline constexpr std::size_t kMaxSignatureTextBytes = 8192;  // a WebAuthn assertion is about 1 KiB
inline constexpr std::string_view kKindEd25519 = "ed25519";

struct Signature {
  std::string keyid;
  std::string kind = std::string(kKindEd25519);
  Bytes sig;

  friend bool operator==(const Signature&, const Signature&) = default;
};

struct Envelope {
  std::string payload_type;
  Bytes payload;
  std::vector<Signature> signatures;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// "DSSEv1 <length> <type> <length> <payload>".
Bytes pae(std::string_view payload_type, ByteView payload);

Result<Envelope> parse_envelope(std::string_view json, std::size_t max_bytes = kMaxEnvelopeBytes);
// Members in byte order of their names, no white space: parse and to_json are inverse.
std::string to_json(const Envelope& envelope);

// Adds an Ed25519 signature; kConflict when that key has signed already, kTooLarge when the
// envelope is full.
Result<void> sign(Envelope& envelope, const PrivateKey& key);

// kUnsupported: a kind we do not speak. kUnauthorised: another key's id, or the signature does not
// match.
Result<void> verify_signature(const Envelope& envelope, const Signature& signature,
                              const PublicKey& key);

// A way of signing other than Ed25519 (a passkey's assertion), brought by whoever knows it.
// Implementations are stateless and thread-safe.
class SignatureScheme {
 public:
  virtual ~SignatureScheme() = default;
  // The value of the signature's "kind".
  virtual std::string_view kind() const = 0;
  // Does `signature`, by the key in `public_key` (in the scheme's own form), cover exactly
  // `signed_bytes` (the PAE)?
  virtual Result<void> verify(ByteView signed_bytes, ByteView signature,
                              ByteView public_key) const = 0;
};

// The schemes a node speaks: Ed25519 always, others as added at start. const use is thread-safe.
class SignatureSchemes {
 public:
  SignatureSchemes();
  // kConflict when the kind is known already: a scheme is never replaced.
  Result<void> add(std::unique_ptr<SignatureScheme> scheme);
  bool knows(std::string_view kind) const;
  // The caller has looked `public_key` up by signature.keyid. Errors as verify_signature.
  Result<void> verify(const Envelope& envelope, const Signature& signature,
                      ByteView public_key) const;

 private:
  std::map<std::string, std::unique_ptr<SignatureScheme>, std::less<>> schemes_;
};

}  // namespace entente::crypto

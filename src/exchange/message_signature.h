// SPDX-License-Identifier: Apache-2.0
//
// Signatures on HTTP messages between nodes: RFC 9421 with Ed25519, over a body named by its digest
// (RFC 9530). The steps inside carry their authors' signatures; this one says which node sent them,
// where to, and when, so that a package cannot be turned to another address or played again, and an
// answer cannot be exchanged for another's.
//
//   request   "@method" "@target-uri" "content-type" "content-digest"           tag entente-order
//   answer    "@status" "content-type" "content-digest"
//             "@target-uri";req "content-digest";req                            tag entente-answer
//
// Parameters, all of them: created, expires, nonce, keyid, alg="ed25519", tag. Read strictly: one
// signature, exactly these components in any order, no parameter twice.
//
// Pure functions. Errors: kUnauthorised with rule "message-signature".
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "entente/core/random.h"
#include "entente/core/time.h"
#include "entente/crypto/keys.h"

namespace entente::exchange {

inline constexpr std::string_view kOrderTag = "entente-order";
inline constexpr std::string_view kAnswerTag = "entente-answer";
// From making to the last moment of use: a retry is signed anew.
inline constexpr std::chrono::minutes kSignatureLife{5};
inline constexpr std::size_t kMaxSignatureHeader = 4096;  // ours are below 600 bytes

using Headers = std::vector<std::pair<std::string, std::string>>;

// A component's identifier as it stands in the list ("\"@method\"", "\"content-digest\";req") and
// its value.
struct Component {
  std::string id;
  std::string value;
};

struct SignatureParams {
  Instant created, expires;  // whole seconds
  std::string nonce;
  std::string keyid;
};

// "sha-256=:<base64>:"
std::string content_digest(std::string_view body);

std::vector<Component> request_components(std::string_view method, std::string_view target_uri,
                                          std::string_view content_type, std::string_view body);
std::vector<Component> answer_components(int status, std::string_view content_type,
                                         std::string_view body, std::string_view target_uri,
                                         std::string_view request_body);

// Signature-Input, Signature and Content-Digest, in that order.
Headers sign_message(const std::vector<Component>& components, std::string_view tag,
                     std::string_view body, const crypto::PrivateKey& key, Instant now,
                     Random& random);

// Checks the two headers against what the message really is. `skew`: how far the other side's clock
// may be from ours.
Result<SignatureParams> verify_message(std::string_view signature_input, std::string_view signature,
                                       const std::vector<Component>& components,
                                       std::string_view tag, const crypto::PublicKey& key,
                                       Instant now, Millis skew);

}  // namespace entente::exchange

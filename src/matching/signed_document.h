// SPDX-License-Identifier: Apache-2.0
//
// Inside this folder: a JSON document in a DSSE envelope, signed by one party's key. Pure.
#pragma once

#include <string>
#include <string_view>

#include "entente/json/json.h"
#include "entente/matching/sharing.h"

namespace entente::matching {

struct SignedDocument {
  std::string envelope;
  std::string hash;  // SHA-256 of the payload, hexadecimal
};
Result<SignedDocument> sign_document(std::string_view type, const json::Object& document,
                                     const crypto::PrivateKey& key);

struct OpenedDocument {
  json::Object document;
  std::string hash;
};
// kUnauthorised unless the partner's key has signed it and its "party" is the partner's.
Result<OpenedDocument> open_document(std::string_view type, std::string_view envelope,
                                     const Partner& partner);

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// The bytes of an age v1 file (age-encryption.org/v1): header with one stanza per recipient, then
// the payload in authenticated 64 KiB chunks. Inside crypto only; age.h is the way in. Input and
// output are functions, so that memory and files share one path. Errors as in age.h.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/random.h"
#include "entente/crypto/age.h"

namespace entente::crypto {

// Fills the span as far as the input goes; less than its size means the end.
using AgeSource = std::function<Result<std::size_t>(std::span<std::uint8_t> out)>;
using AgeSink = std::function<Result<void>(ByteView bytes)>;

// A secret of 32 (or, the file key, 16) bytes that is wiped when it ends.
template <std::size_t N>
struct AgeSecret {
  std::array<std::uint8_t, N> bytes{};

  AgeSecret() = default;
  AgeSecret(const AgeSecret&) = default;
  AgeSecret& operator=(const AgeSecret&) = default;
  ~AgeSecret();
};
using AgeFileKey = AgeSecret<16>;
using AgeKey = AgeSecret<32>;

// One-block HKDF-SHA256 (RFC 5869).
AgeKey age_hkdf(ByteView input, ByteView salt, std::string_view info);

// The whole header, MAC included, that gives `file_key` to each recipient.
Result<std::string> age_make_header(std::span<const AgeRecipient> recipients,
                                    const AgeFileKey& file_key, Random& random);
// Reads the header off `source`, byte by byte up to its end, checks it and finds the file key.
Result<AgeFileKey> age_open_header(const AgeIdentity& identity, const AgeSource& source);

// The payload: nonce and chunks.
Result<void> age_seal_payload(const AgeFileKey& file_key, const AgeSource& plain,
                              const AgeSink& file, Random& random);
Result<void> age_open_payload(const AgeFileKey& file_key, const AgeSource& file,
                              const AgeSink& plain);

}  // namespace entente::crypto

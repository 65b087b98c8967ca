// SPDX-License-Identifier: Apache-2.0
//
// Ed25519 keys (RFC 8032, by libsodium): what a node signs with, and how a partner names and
// confirms a key.
//
// A key's id is the first 16 bytes of SHA-256("entente-key-v1\n" ‖ "ed25519" ‖ public key) in
// lower-case hexadecimal: a name to look it up by, never a proof. Its fingerprint is what two
// people read to each other over the telephone. Values are immutable; const use from many threads
// is safe. A PrivateKey wipes its memory when it ends, is never printed, and exists on disk only in
// files that nobody but the owner may read.
#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <string>
#include <string_view>

#include "entente/core/bytes.h"
#include "entente/core/random.h"

namespace entente::crypto {

inline constexpr std::size_t kPublicKeyBytes = 32;
inline constexpr std::size_t kSeedBytes = 32;
inline constexpr std::size_t kSignatureBytes = 64;

using Ed25519Signature = std::array<std::uint8_t, kSignatureBytes>;

struct PublicKey {
  std::array<std::uint8_t, kPublicKeyBytes> bytes{};

  // 32 lower-case hexadecimal characters.
  std::string id() const;
  // The whole SHA-256 of the public key as 16 groups of four hexadecimal digits: "1f2e 77c0 …".
  std::string fingerprint() const;
  // "ed25519:<base64>"; parse accepts nothing else, and no key of small order (whose signatures
  // prove nothing).
  std::string text() const;
  static Result<PublicKey> parse(std::string_view text);
  static Result<PublicKey> from_bytes(ByteView bytes);
  // The text of a key that `parse` accepted before and that our own store has kept since: the curve
  // is not asked again (it takes as long as half a signature check). Never for what others send.
  static Result<PublicKey> reread(std::string_view text);

  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

class PrivateKey {
 public:
  static PrivateKey generate(Random& random);
  // Exactly kSeedBytes.
  static Result<PrivateKey> from_seed(ByteView seed);

  // One line, "ENTENTE-PRIVATE-KEY-1 <base64 seed>", mode 0600. save refuses to overwrite
  // (kConflict), and when it has returned the file is whole and on disk. load refuses a file that
  // its group or others may read (kForbidden).
  Result<void> save(const std::filesystem::path& path) const;
  static Result<PrivateKey> load(const std::filesystem::path& path);

  ~PrivateKey();
  PrivateKey(PrivateKey&& other) noexcept;
  PrivateKey& operator=(PrivateKey&& other) noexcept;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;

  PublicKey public_key() const;
  // Deterministic: the same message gives the same signature.
  Ed25519Signature sign(ByteView message) const;

 private:
  PrivateKey() = default;

  std::array<std::uint8_t, kSeedBytes + kPublicKeyBytes>
      secret_{};  // seed ‖ public key, libsodium's form
};

// False for a signature of any other length than kSignatureBytes.
bool verify(const PublicKey& key, ByteView message, ByteView signature);

}  // namespace entente::crypto

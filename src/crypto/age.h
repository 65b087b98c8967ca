// SPDX-License-Identifier: Apache-2.0
//
// Sealing with age v1 (age-encryption.org/v1, X25519 recipients, binary files): what a node
// preserves or discloses can be opened by its addressees only, with our code or with the `age`
// command. Every byte of a file is authenticated; decryption gives the whole plain text or an
// error, never a part. The sender is not authenticated: sign what is in it.
//
// Errors: kInvalid not an age file or not canonical, kForbidden not for this identity, kCorrupt
// authentication failed, kTooLarge. Functions are pure but for files and `random`; thread-safe. An
// AgeIdentity wipes its memory when it ends.
#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "entente/core/bytes.h"
#include "entente/core/random.h"

namespace entente::crypto {

inline constexpr std::size_t kMaxAgeRecipients =
    64;  // parties to one disclosure, with their deputies
inline constexpr std::size_t kMaxAgeHeaderBytes =
    64 * 1024;  // 64 X25519 stanzas take 7 KiB; room for other kinds

struct AgeRecipient {
  std::array<std::uint8_t, 32> bytes{};

  // Bech32 "age1…".
  std::string text() const;
  static Result<AgeRecipient> parse(std::string_view text);
  friend auto operator<=>(const AgeRecipient&, const AgeRecipient&) = default;
};

class AgeIdentity {
 public:
  static AgeIdentity generate(Random& random);
  // Bech32 "AGE-SECRET-KEY-1…".
  static Result<AgeIdentity> parse(std::string_view text);
  // The secret in text: for an offline backup only, never for a log or an answer.
  std::string secret_text() const;

  // One line, the secret text: a file that `age -d -i` takes too. Modes and durability as
  // PrivateKey's.
  Result<void> save(const std::filesystem::path& path) const;
  static Result<AgeIdentity> load(const std::filesystem::path& path);

  ~AgeIdentity();
  AgeIdentity(AgeIdentity&& other) noexcept;
  AgeIdentity& operator=(AgeIdentity&& other) noexcept;
  AgeIdentity(const AgeIdentity&) = delete;
  AgeIdentity& operator=(const AgeIdentity&) = delete;

  AgeRecipient recipient() const;
  // For the implementation: the X25519 scalar.
  ByteView scalar() const { return scalar_; }

 private:
  AgeIdentity() = default;
  std::array<std::uint8_t, 32> scalar_{};
};

Result<Bytes> age_encrypt(std::span<const AgeRecipient> recipients, ByteView plain, Random& random);
Result<Bytes> age_decrypt(const AgeIdentity& identity, ByteView file);

// File to file, in 64 KiB steps. `out` must not exist (kConflict); it appears, mode 0600 and
// fsynced, only when it is whole and, for decryption, authentic to its last byte.
Result<void> age_encrypt_file(std::span<const AgeRecipient> recipients,
                              const std::filesystem::path& in, const std::filesystem::path& out,
                              Random& random);
Result<void> age_decrypt_file(const AgeIdentity& identity, const std::filesystem::path& in,
                              const std::filesystem::path& out);

}  // namespace entente::crypto

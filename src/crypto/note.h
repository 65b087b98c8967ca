// SPDX-License-Identifier: Apache-2.0
//
// Signed notes (c2sp.org/signed-note) and witness cosignatures (c2sp.org/tlog-cosignature,
// cosignature/v1): the form of a ledger's checkpoint. A note is text that ends in a line feed, a
// blank line, and signature lines "— <name> base64(key id ‖ signature)". Signatures by unknown keys
// are ignored; one bad signature by a known key rejects the whole note. Pure values; thread-safe.
//
//   const auto line = cosign_note(text, "witness.example/w1", key, now);
//   ENTENTE_TRY(note, open_note(received, {log_key, witness_key}));   //
//   note.by("witness.example/w1")
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/crypto/keys.h"

namespace entente::crypto {

inline constexpr std::size_t kMaxNoteBytes =
    64 * 1024;  // a checkpoint is about 200 bytes, a signature about 150
inline constexpr std::size_t kMaxNoteSignatures = 100;    // the specification asks for at least 16
inline constexpr std::size_t kMaxNoteKeyNameBytes = 255;  // a host name and a path

// The first byte of a key. Others (ML-DSA-44 is 0x06) can be parsed and printed, not verified.
enum class NoteAlgorithm : std::uint8_t { kEd25519 = 0x01, kCosignatureV1 = 0x04 };

struct NoteKey {
  std::string name;  // no white space, no '+'
  NoteAlgorithm algorithm = NoteAlgorithm::kEd25519;
  Bytes public_key;

  // First four bytes of SHA-256(name ‖ '\n' ‖ algorithm ‖ public key), big-endian.
  std::uint32_t id() const;
  // "name+hex8(id)+base64(algorithm ‖ public key)".
  std::string vkey() const;
  static Result<NoteKey> parse(std::string_view vkey);
  // kInvalid for a name that a note cannot carry.
  static Result<NoteKey> make(std::string_view name, NoteAlgorithm algorithm, const PublicKey& key);

  friend bool operator==(const NoteKey&, const NoteKey&) = default;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes blob;  // what follows the key id: 64 bytes for Ed25519, timestamp ‖ 64 bytes for
               // cosignature/v1

  // "— name base64\n".
  std::string line() const;
  // Without or with the line feed at its end.
  static Result<NoteSignature> parse_line(std::string_view line);
};

// Form only, nothing verified: text (with its final line feed, without the blank line) and
// signature lines.
struct RawNote {
  std::string text;
  std::vector<NoteSignature> signatures;
};
Result<RawNote> parse_note(std::string_view note);

struct VerifiedSignature {
  NoteKey key;
  std::optional<std::uint64_t> time;  // seconds since 1970 for a cosignature, else empty
};
struct Note {
  std::string text;
  std::vector<VerifiedSignature> signatures;  // at least one; one per key

  // The verified signature by the key of that name, or null.
  const VerifiedSignature* by(std::string_view name) const;
};

// `text` must be non-empty UTF-8 without control characters but line feeds, and end in one.
Result<std::string> sign_note(std::string_view text, std::string_view name, const PrivateKey& key);
// The signature line alone, to be appended to a note or answered to a log. `unix_seconds` is the
// cosigning time.
Result<std::string> cosign_note(std::string_view text, std::string_view name, const PrivateKey& key,
                                std::uint64_t unix_seconds);

// kUnauthorised: no signature by a key in `known`, or a bad one. kUnsupported: a known key of an
// algorithm we do not verify. kInvalid: not a note.
Result<Note> open_note(std::string_view note, std::span<const NoteKey> known);

}  // namespace entente::crypto

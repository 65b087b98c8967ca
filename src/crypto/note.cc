// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "entente/crypto/sha256.h"

namespace entente::crypto {
namespace {

constexpr std::string_view kLineStart = "\u2014 ";
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::size_t kTimeBytes = 8;

// Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate) without control characters but, if
// allowed, line feeds.
bool is_plain_text(std::string_view text, bool line_feeds) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i++);
    if (lead < 0x80) {
      if ((lead < 0x20 && !(line_feeds && lead == '\n')) || lead == 0x7f) return false;
      continue;
    }
    std::size_t more = 0;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    if (lead >= 0xe0 && lead <= 0xef) more = 2;
    if (lead >= 0xf0 && lead <= 0xf4) more = 3;
    if (more == 0 || text.size() - i < more) return false;
    const unsigned second = byte(i);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return false;
    for (; more > 0; --more)
      if ((byte(i++) & 0xc0U) != 0x80) return false;
  }
  return true;
}

// White space beyond ASCII that a name could be disguised with.
bool has_wide_space(std::string_view text) {
  constexpr std::array<std::string_view, 6> kSpaces{"\u0085", "\u00a0", "\u1680",
                                                    "\u202f", "\u205f", "\u3000"};
  for (const auto space : kSpaces)
    if (text.find(space) != std::string_view::npos) return true;
  // U+2000 to U+200A, U+2028, U+2029.
  for (std::size_t at = text.find("\xe2\x80"); at != std::string_view::npos;
       at = text.find("\xe2\x80", at + 1)) {
    const auto last = static_cast<unsigned char>(at + 2 < text.size() ? text[at + 2] : 0);
    if ((last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9) return true;
  }
  return false;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNoteKeyNameBytes && is_plain_text(name, false) &&
         name.find_first_of(" +") == std::string_view::npos && !has_wide_space(name);
}

bool is_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNoteBytes && text.back() == '\n' &&
         is_plain_text(text, true);
}

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t out = 0;
  for (const auto b : bytes) out = out << 8 | b;
  return out;
}

void append_big_endian(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::string cosigned_message(std::string_view text, std::uint64_t unix_seconds) {
  return fmt::format("cosignature/v1\ntime {}\n{}", unix_seconds, text);
}

// What a verified signature says. A new algorithm is a new case here and nowhere else.
Result<VerifiedSignature> verify_one(std::string_view text, const NoteKey& key, ByteView blob) {
  VerifiedSignature out{key, std::nullopt};
  std::string message(text);
  switch (key.algorithm) {
    case NoteAlgorithm::kEd25519:
      break;
    case NoteAlgorithm::kCosignatureV1:
      if (blob.size() != kTimeBytes + kSignatureBytes)
        return fail(Code::kUnauthorised, fmt::format("a malformed cosignature by {}", key.name));
      out.time = big_endian(blob.first(kTimeBytes));
      message = cosigned_message(text, *out.time);
      blob = blob.subspan(kTimeBytes);
      break;
    default:
      return fail(Code::kUnsupported, fmt::format("note signatures of algorithm {:#04x}",
                                                  static_cast<unsigned>(key.algorithm)));
  }
  // Keys were examined when they were parsed or made; verification refuses those of small order in
  // any case.
  if (key.public_key.size() != kPublicKeyBytes)
    return fail(Code::kInvalid, fmt::format("{} has a malformed key", key.name));
  PublicKey public_key;
  std::copy(key.public_key.begin(), key.public_key.end(), public_key.bytes.begin());
  if (!verify(public_key, as_bytes(message), blob))
    return fail(Code::kUnauthorised, fmt::format("a signature by {} does not match", key.name));
  return out;
}

Result<std::string> signature_line(std::string_view name, NoteAlgorithm algorithm,
                                   const PrivateKey& key, Bytes blob) {
  ENTENTE_TRY(note_key, NoteKey::make(name, algorithm, key.public_key()));
  return NoteSignature{note_key.name, note_key.id(), std::move(blob)}.line();
}

// The key a signature claims, or null when none of ours.
Result<const NoteKey*> claimed_key(const NoteSignature& signature, std::span<const NoteKey> known) {
  const NoteKey* found = nullptr;
  for (const NoteKey& key : known) {
    if (key.name != signature.name || key.id() != signature.key_id) continue;
    if (found != nullptr && *found != key)
      return fail(Code::kInvalid, fmt::format("two known keys of {} share an id", key.name));
    found = &key;
  }
  return found;
}

}  // namespace

std::uint32_t NoteKey::id() const {
  const std::array<std::uint8_t, 2> middle{'\n', static_cast<std::uint8_t>(algorithm)};
  const Hash256 hash = sha256({as_bytes(name), middle, public_key});
  return static_cast<std::uint32_t>(big_endian(ByteView(hash).first(kKeyIdBytes)));
}

std::string NoteKey::vkey() const {
  Bytes key{static_cast<std::uint8_t>(algorithm)};
  key.insert(key.end(), public_key.begin(), public_key.end());
  return fmt::format("{}+{:08x}+{}", name, id(), to_base64(key));
}

Result<NoteKey> NoteKey::parse(std::string_view vkey) {
  const auto first = vkey.find('+');
  const auto second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos)
    return fail(Code::kInvalid, "a verifier key reads name+id+base64");
  NoteKey out;
  out.name = std::string(vkey.substr(0, first));
  if (!is_name(out.name)) return fail(Code::kInvalid, "not the name of a note key");
  ENTENTE_TRY(id, from_hex(vkey.substr(first + 1, second - first - 1)));
  ENTENTE_TRY(key, from_base64(vkey.substr(second + 1)));
  if (key.size() < 2) return fail(Code::kInvalid, "a verifier key without a key");
  out.algorithm = static_cast<NoteAlgorithm>(key.front());
  out.public_key.assign(key.begin() + 1, key.end());
  if (out.algorithm == NoteAlgorithm::kEd25519 || out.algorithm == NoteAlgorithm::kCosignatureV1)
    ENTENTE_CHECK_OK(PublicKey::from_bytes(out.public_key));
  if (id.size() != kKeyIdBytes || big_endian(id) != out.id())
    return fail(Code::kInvalid, "a verifier key whose id is not its own");
  return out;
}

Result<NoteKey> NoteKey::make(std::string_view name, NoteAlgorithm algorithm,
                              const PublicKey& key) {
  if (!is_name(name)) return fail(Code::kInvalid, "not the name of a note key");
  return NoteKey{std::string(name), algorithm, to_bytes(key.bytes)};
}

std::string NoteSignature::line() const {
  Bytes bytes;
  append_big_endian(bytes, key_id, kKeyIdBytes);
  bytes.insert(bytes.end(), blob.begin(), blob.end());
  return fmt::format("{}{} {}\n", kLineStart, name, to_base64(bytes));
}

Result<NoteSignature> NoteSignature::parse_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.starts_with(kLineStart)) return fail(Code::kInvalid, "not a signature line");
  line.remove_prefix(kLineStart.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos)
    return fail(Code::kInvalid, "a signature line without a signature");
  NoteSignature out;
  out.name = std::string(line.substr(0, space));
  if (!is_name(out.name)) return fail(Code::kInvalid, "not the name of a note key");
  ENTENTE_TRY(bytes, from_base64(line.substr(space + 1)));
  if (bytes.size() <= kKeyIdBytes) return fail(Code::kInvalid, "a signature without its bytes");
  out.key_id = static_cast<std::uint32_t>(big_endian(ByteView(bytes).first(kKeyIdBytes)));
  out.blob.assign(bytes.begin() + kKeyIdBytes, bytes.end());
  return out;
}

Result<RawNote> parse_note(std::string_view note) {
  if (note.size() > kMaxNoteBytes) return fail(Code::kTooLarge, "a note that long");
  // The last blank line parts text and signatures: the text itself may have blank lines.
  const auto blank = note.rfind("\n\n");
  if (blank == std::string_view::npos || !note.ends_with('\n') || !is_text(note))
    return fail(Code::kInvalid, "not a signed note");
  RawNote out;
  out.text = std::string(note.substr(0, blank + 1));
  std::string_view lines = note.substr(blank + 2);
  if (lines.empty()) return fail(Code::kInvalid, "a note without signatures");
  while (!lines.empty()) {
    if (out.signatures.size() == kMaxNoteSignatures)
      return fail(Code::kTooLarge, "a note with that many signatures");
    const auto end = lines.find('\n') + 1;
    ENTENTE_TRY(signature, NoteSignature::parse_line(lines.substr(0, end)));
    out.signatures.push_back(std::move(signature));
    lines.remove_prefix(end);
  }
  return out;
}

const VerifiedSignature* Note::by(std::string_view name) const {
  for (const auto& s : signatures)
    if (s.key.name == name) return &s;
  return nullptr;
}

Result<std::string> sign_note(std::string_view text, std::string_view name, const PrivateKey& key) {
  if (!is_text(text)) return fail(Code::kInvalid, "not the text of a note");
  const auto sig = key.sign(as_bytes(text));
  ENTENTE_TRY(line, signature_line(name, NoteAlgorithm::kEd25519, key, to_bytes(sig)));
  return fmt::format("{}\n{}", text, line);
}

Result<std::string> cosign_note(std::string_view text, std::string_view name, const PrivateKey& key,
                                std::uint64_t unix_seconds) {
  if (!is_text(text)) return fail(Code::kInvalid, "not the text of a note");
  Bytes blob;
  append_big_endian(blob, unix_seconds, kTimeBytes);
  const auto sig = key.sign(as_bytes(cosigned_message(text, unix_seconds)));
  blob.insert(blob.end(), sig.begin(), sig.end());
  return signature_line(name, NoteAlgorithm::kCosignatureV1, key, std::move(blob));
}

Result<Note> open_note(std::string_view note, std::span<const NoteKey> known) {
  ENTENTE_TRY(raw, parse_note(note));
  Note out;
  out.text = std::move(raw.text);
  for (const NoteSignature& signature : raw.signatures) {
    ENTENTE_TRY(key, claimed_key(signature, known));
    if (key == nullptr) continue;
    ENTENTE_TRY(verified, verify_one(out.text, *key, signature.blob));
    const bool repeated = std::any_of(out.signatures.begin(), out.signatures.end(),
                                      [&](const auto& s) { return s.key == *key; });
    if (!repeated) out.signatures.push_back(std::move(verified));
  }
  if (out.signatures.empty())
    return fail(Code::kUnauthorised, "a note without a signature by a known key");
  return out;
}

}  // namespace entente::crypto

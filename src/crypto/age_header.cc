// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <optional>

#include "entente/crypto/age_format.h"

namespace entente::crypto {
namespace {

constexpr std::string_view kVersionLine = "age-encryption.org/v1";
constexpr std::string_view kStanzaStart = "-> ";
constexpr std::string_view kX25519 = "X25519";
constexpr std::string_view kX25519Info = "age-encryption.org/v1/X25519";
constexpr std::string_view kMacStart = "---";
constexpr std::size_t kBodyColumns = 64;
constexpr std::size_t kWrappedBytes = 32;  // file key and its tag
constexpr std::size_t kMaxStanzas = 256;   // a file for more recipients than ours still opens

using Nonce = std::array<std::uint8_t, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

std::string base64_raw(ByteView bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

Result<Bytes> from_base64_raw(std::string_view text) {
  if (text.ends_with('=')) return fail(Code::kInvalid, "base64 with padding in an age header");
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  return from_base64(padded);
}

// The key that wraps the file key between an ephemeral key and a recipient; nothing when the shared
// point is zero.
std::optional<AgeKey> wrap_key(ByteView scalar, ByteView peer, ByteView ephemeral,
                               ByteView recipient) {
  AgeKey shared;
  // Non-zero for a point of small order, which would make the shared secret everyone's.
  if (crypto_scalarmult_curve25519(shared.bytes.data(), scalar.data(), peer.data()) != 0)
    return std::nullopt;
  Bytes salt = to_bytes(ephemeral);
  salt.insert(salt.end(), recipient.begin(), recipient.end());
  return age_hkdf(shared.bytes, salt, kX25519Info);
}

std::array<std::uint8_t, 32> header_mac(const AgeFileKey& file_key, std::string_view header) {
  const AgeKey key = age_hkdf(file_key.bytes, {}, "header");
  std::array<std::uint8_t, 32> mac{};
  const ByteView bytes = as_bytes(header);
  crypto_auth_hmacsha256(mac.data(), bytes.data(), bytes.size(), key.bytes.data());
  return mac;
}

Result<std::string> stanza_for(const AgeRecipient& recipient, const AgeFileKey& file_key,
                               Random& random) {
  AgeKey secret;
  random.fill(secret.bytes);
  std::array<std::uint8_t, 32> ephemeral{};
  crypto_scalarmult_curve25519_base(ephemeral.data(), secret.bytes.data());
  const auto key = wrap_key(secret.bytes, recipient.bytes, ephemeral, recipient.bytes);
  if (!key) return fail(Code::kInvalid, "a recipient whose key is no key");
  std::array<std::uint8_t, kWrappedBytes> body{};
  // The wrap key serves once, so the nonce may be zero (age v1).
  const Nonce nonce{};
  crypto_aead_chacha20poly1305_ietf_encrypt(body.data(), nullptr, file_key.bytes.data(),
                                            file_key.bytes.size(), nullptr, 0, nullptr,
                                            nonce.data(), key->bytes.data());
  return fmt::format("{}{} {}\n{}\n", kStanzaStart, kX25519, base64_raw(ephemeral),
                     base64_raw(body));
}

struct Stanza {
  std::vector<std::string> arguments;  // the first is its type
  Bytes body;
};

struct Header {
  std::vector<Stanza> stanzas;
  Bytes mac;
  std::string authenticated;  // all of it up to and including "---"
};

class HeaderReader {
 public:
  explicit HeaderReader(const AgeSource& source) : source_(source) {}

  Result<Header> read() {
    Header header;
    ENTENTE_TRY(version, line());
    if (version != kVersionLine) return fail(Code::kInvalid, "not an age v1 file");
    while (true) {
      const std::size_t before = text_.size();
      ENTENTE_TRY(next, line());
      if (next.starts_with(kStanzaStart)) {
        if (header.stanzas.size() == kMaxStanzas)
          return fail(Code::kTooLarge, "an age file with too many recipients");
        ENTENTE_TRY(parsed, stanza(std::string_view(next).substr(kStanzaStart.size())));
        header.stanzas.push_back(std::move(parsed));
        continue;
      }
      if (!next.starts_with(std::string(kMacStart) + ' ') || header.stanzas.empty())
        return fail(Code::kInvalid, "an age header with a line that has no place there");
      ENTENTE_TRY(mac, from_base64_raw(std::string_view(next).substr(kMacStart.size() + 1)));
      header.mac = std::move(mac);
      header.authenticated = text_.substr(0, before + kMacStart.size());
      return header;
    }
  }

 private:
  // Byte by byte: what follows the header belongs to the payload.
  Result<std::string> line() {
    std::string out;
    while (true) {
      if (text_.size() == kMaxAgeHeaderBytes)
        return fail(Code::kTooLarge, "an age header that long");
      std::uint8_t c = 0;
      ENTENTE_TRY(n, source_({&c, 1}));
      if (n == 0) return fail(Code::kInvalid, "an age header that ends too early");
      text_ += static_cast<char>(c);
      if (c == '\n') return out;
      out += static_cast<char>(c);
    }
  }

  Result<Stanza> stanza(std::string_view arguments) {
    Stanza out;
    while (true) {
      const auto space = arguments.find(' ');
      const std::string_view argument = arguments.substr(0, space);
      if (argument.empty() || !std::all_of(argument.begin(), argument.end(),
                                           [](char c) { return c > 0x20 && c < 0x7f; }))
        return fail(Code::kInvalid, "an age stanza with a malformed argument");
      out.arguments.emplace_back(argument);
      if (space == std::string_view::npos) break;
      arguments.remove_prefix(space + 1);
    }
    // Full lines of 64 columns, then a shorter one, empty if need be.
    while (true) {
      ENTENTE_TRY(text, line());
      if (text.size() > kBodyColumns) return fail(Code::kInvalid, "an age stanza with a long line");
      ENTENTE_TRY(bytes, from_base64_raw(text));
      out.body.insert(out.body.end(), bytes.begin(), bytes.end());
      if (text.size() < kBodyColumns) return out;
    }
  }

  const AgeSource& source_;
  std::string text_;
};

// The file key if the stanza is for this identity, nothing if it is for another.
Result<std::optional<AgeFileKey>> unwrap(const AgeIdentity& identity, const Stanza& stanza) {
  std::optional<AgeFileKey> none;
  if (stanza.arguments.front() != kX25519) return none;
  if (stanza.arguments.size() != 2 || stanza.body.size() != kWrappedBytes)
    return fail(Code::kInvalid, "a malformed X25519 stanza");
  ENTENTE_TRY(ephemeral, from_base64_raw(stanza.arguments[1]));
  if (ephemeral.size() != 32) return fail(Code::kInvalid, "a malformed X25519 stanza");
  const auto key = wrap_key(identity.scalar(), ephemeral, ephemeral, identity.recipient().bytes);
  if (!key) return fail(Code::kInvalid, "an X25519 stanza whose share is no key");
  AgeFileKey out;
  const Nonce nonce{};
  if (crypto_aead_chacha20poly1305_ietf_decrypt(out.bytes.data(), nullptr, nullptr,
                                                stanza.body.data(), stanza.body.size(), nullptr, 0,
                                                nonce.data(), key->bytes.data()) != 0)
    return none;
  return std::optional(out);
}

}  // namespace

AgeKey age_hkdf(ByteView input, ByteView salt, std::string_view info) {
  AgeKey extracted;
  crypto_auth_hmacsha256_state state;
  const std::uint8_t nothing =
      0;  // an empty span has a null pointer, which libsodium does not take
  crypto_auth_hmacsha256_init(&state, salt.empty() ? &nothing : salt.data(), salt.size());
  crypto_auth_hmacsha256_update(&state, input.data(), input.size());
  crypto_auth_hmacsha256_final(&state, extracted.bytes.data());
  AgeKey out;
  const ByteView label = as_bytes(info);
  const std::uint8_t block = 1;
  crypto_auth_hmacsha256_init(&state, extracted.bytes.data(), extracted.bytes.size());
  crypto_auth_hmacsha256_update(&state, label.data(), label.size());
  crypto_auth_hmacsha256_update(&state, &block, 1);
  crypto_auth_hmacsha256_final(&state, out.bytes.data());
  sodium_memzero(&state, sizeof state);
  return out;
}

Result<std::string> age_make_header(std::span<const AgeRecipient> recipients,
                                    const AgeFileKey& file_key, Random& random) {
  if (recipients.empty() || recipients.size() > kMaxAgeRecipients)
    return fail(Code::kInvalid, fmt::format("1 to {} recipients", kMaxAgeRecipients));
  std::string header = fmt::format("{}\n", kVersionLine);
  for (const AgeRecipient& recipient : recipients) {
    ENTENTE_TRY(stanza, stanza_for(recipient, file_key, random));
    header += stanza;
  }
  header += kMacStart;
  const auto mac = header_mac(file_key, header);
  return fmt::format("{} {}\n", header, base64_raw(mac));
}

Result<AgeFileKey> age_open_header(const AgeIdentity& identity, const AgeSource& source) {
  ENTENTE_TRY(header, HeaderReader(source).read());
  std::optional<AgeFileKey> file_key;
  for (const Stanza& stanza : header.stanzas) {
    ENTENTE_TRY(mine, unwrap(identity, stanza));
    if (mine && !file_key) file_key = mine;
  }
  if (!file_key) return fail(Code::kForbidden, "not sealed for this identity");
  if (!equal_secret(header_mac(*file_key, header.authenticated), header.mac))
    return fail(Code::kCorrupt, "the header of a sealed file was altered");
  return *file_key;
}

template <std::size_t N>
AgeSecret<N>::~AgeSecret() {
  sodium_memzero(bytes.data(), bytes.size());
}
template struct AgeSecret<16>;
template struct AgeSecret<32>;

}  // namespace entente::crypto

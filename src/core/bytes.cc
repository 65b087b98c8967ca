// SPDX-License-Identifier: Apache-2.0
#include "entente/core/bytes.h"

#include <fmt/format.h>

namespace entente {
namespace {

constexpr std::string_view kStd =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string encode(ByteView in, std::string_view alphabet, bool pad) {
  const std::size_t whole = in.size() / 3;
  const std::size_t rest = in.size() % 3;
  std::string out(whole * 4 + (rest == 0 ? 0 : pad ? 4 : rest + 1), '=');
  char* to = out.data();
  const std::uint8_t* from = in.data();
  for (std::size_t i = 0; i < whole; ++i, from += 3, to += 4) {
    to[0] = alphabet[from[0] >> 2U];
    to[1] = alphabet[(from[0] & 3U) << 4U | from[1] >> 4U];
    to[2] = alphabet[(from[1] & 15U) << 2U | from[2] >> 6U];
    to[3] = alphabet[from[2] & 63U];
  }
  if (rest == 0) return out;
  const unsigned second = rest == 2 ? from[1] : 0U;
  to[0] = alphabet[from[0] >> 2U];
  to[1] = alphabet[(from[0] & 3U) << 4U | second >> 4U];
  if (rest == 2) to[2] = alphabet[(second & 15U) << 2U];
  return out;
}

std::array<std::int8_t, 256> reverse_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

Result<Bytes> decode(std::string_view text, const std::array<std::int8_t, 256>& table) {
  const std::size_t rest = text.size() % 4;
  if (rest == 1) return fail(Code::kInvalid, "base64 of an impossible length");
  Bytes out(text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1));
  std::uint8_t* to = out.data();
  std::uint32_t v = 0;
  int bits = 0;
  for (const char c : text) {
    const auto d = table[static_cast<std::uint8_t>(c)];
    if (d < 0) return fail(Code::kInvalid, "a character that base64 does not have");
    v = (v << 6 | static_cast<std::uint32_t>(d)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *to++ = static_cast<std::uint8_t>(v >> bits);
    }
  }
  if ((v & ((1U << bits) - 1)) != 0) return fail(Code::kInvalid, "base64 with stray trailing bits");
  return out;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::kInvalid, "hexadecimal of odd length");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int hi = nibble(text[i]);
    const int lo = nibble(text[i + 1]);
    if (hi < 0 || lo < 0) return fail(Code::kInvalid, "not lower-case hexadecimal");
    out.push_back(static_cast<std::uint8_t>(hi << 4 | lo));
  }
  return out;
}

Result<Hash256> hash_from_hex(std::string_view text) {
  if (text.size() != 64)
    return fail(Code::kInvalid,
                fmt::format("a SHA-256 has 64 hexadecimal digits, not {}", text.size()));
  ENTENTE_TRY(bytes, from_hex(text));
  Hash256 out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

std::string to_base64(ByteView bytes) {
  return encode(bytes, kStd, true);
}
std::string to_base64url(ByteView bytes) {
  return encode(bytes, kUrl, false);
}

Result<Bytes> from_base64(std::string_view text) {
  static const auto kTable = reverse_table(kStd);
  if (text.size() % 4 != 0) return fail(Code::kInvalid, "base64 without its padding");
  while (!text.empty() && text.back() == '=' && text.size() % 4 != 2) text.remove_suffix(1);
  return decode(text, kTable);
}

Result<Bytes> from_base64url(std::string_view text) {
  static const auto kTable = reverse_table(kUrl);
  return decode(text, kTable);
}

bool equal_secret(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  unsigned diff = 0;
  for (std::size_t i = 0; i < a.size(); ++i) diff |= static_cast<unsigned>(a[i] ^ b[i]);
  return diff == 0;
}

}  // namespace entente

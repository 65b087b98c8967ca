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
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < in.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, in.size() - i);
    std::uint32_t v = static_cast<std::uint32_t>(in[i]) << 16;
    if (n > 1) v |= static_cast<std::uint32_t>(in[i + 1]) << 8;
    if (n > 2) v |= in[i + 2];
    out += alphabet[v >> 18 & 63];
    out += alphabet[v >> 12 & 63];
    if (n > 1) out += alphabet[v >> 6 & 63];
    if (n > 2) out += alphabet[v & 63];
    if (pad) out.append(3 - n, '=');
  }
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
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t v = 0;
  int bits = 0;
  for (const char c : text) {
    const auto d = table[static_cast<std::uint8_t>(c)];
    if (d < 0) return fail(Code::kInvalid, "a character that base64 does not have");
    v = (v << 6 | static_cast<std::uint32_t>(d)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(v >> bits));
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

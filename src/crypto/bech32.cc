// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/bech32.h"

#include <vector>

namespace entente::crypto {
namespace {

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kChecksumLength = 6;
constexpr std::size_t kMaxLength = 256;  // our longest is an age identity, 74 characters

// The BCH code of BIP 173 over GF(32).
std::uint32_t checksum_step(std::uint32_t state, std::uint32_t value) {
  constexpr std::array<std::uint32_t, 5> kGenerator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                    0x2a1462b3};
  const std::uint32_t top = state >> 25;
  state = (state & 0x1ffffff) << 5 ^ value;
  for (std::size_t i = 0; i < kGenerator.size(); ++i)
    if ((top >> i & 1) != 0) state ^= kGenerator[i];
  return state;
}

std::uint32_t prefix_state(std::string_view prefix) {
  std::uint32_t state = 1;
  for (const char c : prefix) state = checksum_step(state, static_cast<std::uint8_t>(c) >> 5);
  state = checksum_step(state, 0);
  for (const char c : prefix) state = checksum_step(state, static_cast<std::uint8_t>(c) & 31);
  return state;
}

}  // namespace

std::string bech32_encode(std::string_view prefix, ByteView data) {
  std::string out(prefix);
  out += '1';
  std::uint32_t state = prefix_state(prefix);
  const auto put = [&](std::uint32_t value) {
    out += kAlphabet[value];
    state = checksum_step(state, value);
  };
  std::uint32_t bits = 0;
  int count = 0;
  for (const auto byte : data) {
    bits = (bits << 8 | byte) & 0xfff;
    for (count += 8; count >= 5; count -= 5) put(bits >> (count - 5) & 31);
  }
  if (count > 0) put(bits << (5 - count) & 31);
  for (std::size_t i = 0; i < kChecksumLength; ++i) state = checksum_step(state, 0);
  state ^= 1;
  for (std::size_t i = 0; i < kChecksumLength; ++i)
    out += kAlphabet[state >> (5 * (kChecksumLength - 1 - i)) & 31];
  return out;
}

Result<Bytes> bech32_decode(std::string_view prefix, std::string_view text) {
  if (text.size() > kMaxLength || text.size() < prefix.size() + 1 + kChecksumLength ||
      !text.starts_with(prefix) || text[prefix.size()] != '1')
    return fail(Code::kInvalid, "Bech32 text of another kind");
  text.remove_prefix(prefix.size() + 1);
  std::uint32_t state = prefix_state(prefix);
  std::uint32_t bits = 0;
  int count = 0;
  Bytes out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto value = kAlphabet.find(text[i]);
    if (value == std::string_view::npos)
      return fail(Code::kInvalid, "a character that Bech32 does not have");
    state = checksum_step(state, static_cast<std::uint32_t>(value));
    if (i + kChecksumLength >= text.size()) continue;
    bits = (bits << 5 | static_cast<std::uint32_t>(value)) & 0xfff;
    count += 5;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> count));
    }
  }
  if (state != 1) return fail(Code::kInvalid, "a mistyped key: its checksum does not match");
  if (count >= 5 || (bits & ((1U << count) - 1)) != 0)
    return fail(Code::kInvalid, "Bech32 with stray trailing bits");
  return out;
}

}  // namespace entente::crypto

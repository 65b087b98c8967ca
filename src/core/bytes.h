// SPDX-License-Identifier: Apache-2.0
//
// Bytes and their text forms. Decoders are strict: one accepted spelling per value, so that equal
// things compare equal.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using Hash256 = std::array<std::uint8_t, 32>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) {
  const ByteView v = as_bytes(text);
  return {v.begin(), v.end()};
}
inline Bytes to_bytes(ByteView v) {
  return {v.begin(), v.end()};
}
inline std::string to_text(ByteView bytes) {
  return std::string(as_text(bytes));
}

// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);
Result<Hash256> hash_from_hex(std::string_view text);

// RFC 4648 §4 with padding; the decoder refuses non-canonical padding bits and line breaks.
std::string to_base64(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);
// RFC 4648 §5 without padding.
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);

// Constant-time comparison for secrets.
bool equal_secret(ByteView a, ByteView b);

}  // namespace entente

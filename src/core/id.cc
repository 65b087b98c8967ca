// SPDX-License-Identifier: Apache-2.0
#include "entente/core/id.h"

namespace entente {
namespace {
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
}

std::string make_ulid(Instant now, Random& random) {
  std::string out(26, '0');
  auto ms = static_cast<std::uint64_t>(to_ms(now));
  for (int i = 9; i >= 0; --i) {
    out[static_cast<std::size_t>(i)] = kCrockford[ms & 31];
    ms >>= 5;
  }
  const Bytes r = random.bytes(16);
  for (std::size_t i = 0; i < 16; ++i) out[10 + i] = kCrockford[r[i] & 31];
  return out;
}

bool is_ulid(std::string_view text) {
  if (text.size() != 26 || text[0] > '7') return false;
  for (const char c : text)
    if (kCrockford.find(c) == std::string_view::npos) return false;
  return true;
}

}  // namespace entente

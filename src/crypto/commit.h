// SPDX-License-Identifier: Apache-2.0
//
// Salted commitments: SHA-256(salt ‖ value), with 32 random bytes of salt per field. The public
// ledger holds the commitment only; whoever has salt and value can show that it stands for that
// value, and destroying the salt erases the value from the ledger for good (GDPR Art. 17) without
// touching it. The salt has a fixed length, so that no pair (salt, value) can be read as another.
// Pure and thread-safe.
#pragma once

#include <array>

#include "entente/core/bytes.h"
#include "entente/core/random.h"

namespace entente::crypto {

struct Salt {
  std::array<std::uint8_t, 32> bytes{};

  static Salt generate(Random& random);
  static Result<Salt> from_bytes(ByteView bytes);
  friend bool operator==(const Salt&, const Salt&) = default;
};

Hash256 commitment(const Salt& salt, ByteView value);
bool opens(const Hash256& committed, const Salt& salt, ByteView value);

}  // namespace entente::crypto

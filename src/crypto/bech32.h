// SPDX-License-Identifier: Apache-2.0
//
// Bech32 (BIP 173) as age uses it: without the 90 character limit, lower case. Inside crypto only.
// The checksum catches typing errors; it is no protection against forgery. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "entente/core/bytes.h"

namespace entente::crypto {

// "<prefix>1<data><checksum>"; the prefix is lower-case ASCII.
std::string bech32_encode(std::string_view prefix, ByteView data);
// kInvalid for another prefix, upper-case letters, a wrong checksum or stray padding bits.
Result<Bytes> bech32_decode(std::string_view prefix, std::string_view text);

}  // namespace entente::crypto

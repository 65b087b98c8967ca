// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 for this folder alone: blob names and migration marks. The floor above (crypto) has the
// public one. Thread-safe, cannot fail on valid memory.
#pragma once

#include "entente/core/bytes.h"

namespace entente::store {

Hash256 sha256(ByteView data);

}  // namespace entente::store

// SPDX-License-Identifier: Apache-2.0
//
// ULIDs: 26 characters of Crockford base 32, sortable by creation time, unguessable in their last
// 80 bits.
#pragma once

#include <string>
#include <string_view>

#include "entente/core/random.h"
#include "entente/core/time.h"

namespace entente {

std::string make_ulid(Instant now, Random& random);
// True for 26 upper-case Crockford characters whose first is at most '7'.
bool is_ulid(std::string_view text);

}  // namespace entente

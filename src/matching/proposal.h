// SPDX-License-Identifier: Apache-2.0
//
// What a match may propose to people. There is no word here for removing, reporting or deciding: a
// match never does (SG21). A hold is the platform's own and has an end.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "entente/core/error.h"

namespace entente::matching {

enum class Proposal : std::uint8_t { kNone, kReview, kHold, kLimitSpread };
inline constexpr std::size_t kProposals = 4;
std::string_view proposal_name(Proposal proposal);  // "none", "review", "hold", "limit_spread"
Result<Proposal> parse_proposal(std::string_view name);
// How much it restricts: none < review < limit_spread < hold.
int strength(Proposal proposal);

// No platform may hold an upload without a person's decision for longer than this, whatever its
// policy says: a hold without an end is a removal that nobody signed (SG21). A long week-end.
inline constexpr std::chrono::hours kMaxHold{72};

}  // namespace entente::matching

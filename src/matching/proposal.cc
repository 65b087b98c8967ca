// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/proposal.h"

#include <array>

namespace entente::matching {

namespace {

struct Known {
  Proposal proposal;
  std::string_view name;
  int strength;
};
constexpr std::array<Known, kProposals> kKnown{{
    {Proposal::kNone, "none", 0},
    {Proposal::kReview, "review", 1},
    {Proposal::kHold, "hold", 3},
    {Proposal::kLimitSpread, "limit_spread", 2},
}};

}  // namespace

std::string_view proposal_name(Proposal proposal) {
  return kKnown.at(static_cast<std::size_t>(proposal)).name;
}

int strength(Proposal proposal) {
  return kKnown.at(static_cast<std::size_t>(proposal)).strength;
}

Result<Proposal> parse_proposal(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name == name) return known.proposal;
  }
  return fail(Code::kInvalid, "a proposal is none, review, limit_spread or hold");
}

}  // namespace entente::matching

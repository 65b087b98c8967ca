// SPDX-License-Identifier: Apache-2.0
//
// What a policy says of matches. How its document is read is in policy_document.cc.
#include "entente/matching/policy.h"

#include <algorithm>

namespace entente::matching {

namespace {

template <class T>
bool among(const std::vector<T>& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

bool asked(const std::optional<bool>& wanted, bool is) {
  return !wanted || *wanted == is;
}

// What no policy lifts; empty: nothing.
std::string ceiling_of(const MatchFacts& match, bool allow_listed) {
  if (match.context) return "context";
  if (match.contested) return "contested";
  if (match.quarantined) return "quarantined";
  return allow_listed ? "allow_list" : "";
}

MatchProposal propose(const MatchFacts& match, const Policy& policy, bool allow_listed) {
  MatchProposal out;
  if (match.kind == BankKind::kAllow) {
    out.rule = "allow_list";
    return out;
  }
  out.proposal = policy.otherwise();
  out.rule = "otherwise";
  for (const Rule& rule : policy.rules()) {
    if (!rule.when.hold_for(match)) continue;
    out.proposal = rule.propose;
    out.rule = rule.name;
    out.hold = rule.hold;
    break;
  }
  const std::string ceiling = ceiling_of(match, allow_listed);
  if (!ceiling.empty() && strength(out.proposal) > strength(Proposal::kReview)) {
    out.proposal = Proposal::kReview;
    out.ceiling = ceiling;
    out.hold = Millis{0};
  }
  return out;
}

}  // namespace

MatchFacts facts_of(const Entry& entry, const Bank& bank, const Labels& labels, int distance,
                    int upload_quality) {
  MatchFacts out;
  out.entry = entry.id;
  out.bank = entry.bank;
  out.kind = bank.kind;
  out.label = entry.label;
  out.context = labels.in_context_only(entry.label);
  out.distance = distance;
  out.quality = std::min(upload_quality, entry.quality);
  out.source = entry.source;
  out.contested = entry.contested;
  out.quarantined = entry.quarantined;
  return out;
}

bool Conditions::hold_for(const MatchFacts& match) const {
  return among(banks, match.bank) && among(kinds, match.kind) && among(labels, match.label) &&
         among(sources, match.source) && asked(context, match.context) &&
         asked(contested, match.contested) && asked(quarantined, match.quarantined) &&
         match.distance >= min_distance && match.distance <= max_distance &&
         match.quality >= min_quality && match.quality <= max_quality;
}

PolicyAnswer evaluate(std::span<const MatchFacts> matches, const Policy& policy) {
  bool allow_listed = false;
  for (const MatchFacts& match : matches) allow_listed |= match.kind == BankKind::kAllow;
  PolicyAnswer out;
  Millis longest{0};
  for (const MatchFacts& match : matches) {
    MatchProposal one = propose(match, policy, allow_listed);
    if (strength(one.proposal) > strength(out.proposal)) out.proposal = one.proposal;
    longest = std::max(longest, one.hold);
    out.matches.push_back(std::move(one));
  }
  if (out.proposal == Proposal::kHold) out.hold = longest;
  return out;
}

}  // namespace entente::matching

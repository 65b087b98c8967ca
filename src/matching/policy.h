// SPDX-License-Identifier: Apache-2.0
//
// The platform's policy: what a match proposes. Data, never code (policy.schema.json):
//
//   {"policy": "entente-policy/1", "name": "ours", "hold_cap": "PT24H",
//    "rules": [{"name": "near and ordered removed",
//               "when": {"source": ["act"], "distance": {"max": 15}, "quality": {"min": 70}},
//               "propose": "hold", "for": "PT12H"}],
//    "otherwise": "review"}
//
// Precedence, in this order: (1) for each match the first rule, in the order of the document, whose
// conditions all hold; none: `otherwise`. (2) Ceilings that no policy lifts: a label that is lawful
// in news, teaching or debate (SG22), a contested entry, a quarantined entry, and any hit in an
// allow-list among the matches cap a proposal at "review". A hit in an allow-list proposes nothing
// itself. (3) Over all matches the strongest wins: none < review < limit_spread < hold; a hold ends
// after the longest time that a match with hold asks for.
//
// A policy proposes. There is no word for removing, reporting or deciding: a document with one is
// refused (SG21). A hold is the platform's own, has an end, and never lasts longer than its
// document's `hold_cap`, which never exceeds kMaxHold.
//
// Pure; Policy is an immutable value. Errors: kInvalid with the JSON Pointer of what is wrong,
// kRefused [SG21], [SG22] a rule that would restrict a label of the protected classes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/matching/banks.h"
#include "entente/matching/proposal.h"

namespace entente::matching {

// A hold that a document does not bound ends after a day: a moderator's night and a morning.
inline constexpr Millis kDefaultHoldCap = std::chrono::hours(24);
inline constexpr std::size_t kMaxRules = 200;
inline constexpr std::size_t kMaxPolicyBytes = 256 * 1024;

// One match, as a policy sees it.
struct MatchFacts {
  EntryId entry = 0;
  std::string bank;
  BankKind kind = BankKind::kOwn;
  std::string label;
  bool context = false;
  int distance = 0;
  int quality = 0;  // the lower of the upload's and the entry's
  SourceKind source = SourceKind::kAct;
  bool contested = false;
  bool quarantined = false;
};
MatchFacts facts_of(const Entry& entry, const Bank& bank, const Labels& labels, int distance,
                    int upload_quality);

// Empty lists and missing bounds hold for everything.
struct Conditions {
  std::vector<std::string> banks;
  std::vector<BankKind> kinds;
  std::vector<std::string> labels;
  std::vector<SourceKind> sources;
  std::optional<bool> context;
  std::optional<bool> contested;
  std::optional<bool> quarantined;
  int min_distance = 0;
  int max_distance = fingerprint::kMatchDistance;
  int min_quality = 0;
  int max_quality = 100;

  bool hold_for(const MatchFacts& match) const;
};

struct Rule {
  std::string name;
  Conditions when;
  Proposal propose = Proposal::kReview;
  Millis hold{0};  // of kHold only
};

class Policy {
 public:
  static Result<Policy> parse(std::string_view json, const Labels& labels);
  // One that was adopted when the list of labels was another: what it says of labels stands as it
  // is. Those the list has lost are context, and the ceilings hold all the same.
  static Result<Policy> parse_adopted(std::string_view json);
  // The embedded one (policy.json): review for everything, hold for what an act ordered removed and
  // comes back nearly unchanged.
  static Policy standard(const Labels& labels);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }  // the document as it came
  const std::vector<Rule>& rules() const { return rules_; }
  Proposal otherwise() const { return otherwise_; }
  Millis hold_cap() const { return hold_cap_; }

 private:
  static Result<Policy> read(std::string_view json, const Labels* labels);

  std::string name_;
  std::string text_;
  std::vector<Rule> rules_;
  Proposal otherwise_ = Proposal::kReview;
  Millis hold_cap_ = kDefaultHoldCap;
};

// Why a match proposes what it proposes.
struct MatchProposal {
  Proposal proposal = Proposal::kNone;
  std::string rule;     // its name; "otherwise"; "allow_list" for a hit there
  std::string ceiling;  // what lowered it: "context", "contested", "quarantined", "allow_list";
                        // else empty
  Millis hold{0};
};

struct PolicyAnswer {
  Proposal proposal = Proposal::kNone;
  std::optional<Millis> hold;          // with kHold, from the moment of the answer
  std::vector<MatchProposal> matches;  // in the order of the matches given
};

PolicyAnswer evaluate(std::span<const MatchFacts> matches, const Policy& policy);

}  // namespace entente::matching

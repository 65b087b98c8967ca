// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/policy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace entente::matching {
namespace {

const Labels& labels() {
  static const Labels all = Labels::standard();
  return all;
}

std::string with_rule(std::string_view rule, std::string_view more = "") {
  return fmt::format(
      R"({{"policy": "entente-policy/1", "name": "test", {} "rules": [{}], "otherwise": "review"}})",
      more, rule);
}

Error refused(const std::string& text) {
  const auto parsed = Policy::parse(text, labels());
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed ? Error{} : parsed.error();
}

Policy policy(const std::string& text) {
  const auto parsed = Policy::parse(text, labels());
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : to_string(parsed.error()));
  return *parsed;
}

MatchFacts match(int distance = 5) {
  MatchFacts out;
  out.bank = "ordered";
  out.label = "perpetrator-produced-attack";
  out.distance = distance;
  out.quality = 90;
  return out;
}

constexpr const char* kHoldAll = R"({"name": "all", "when": {}, "propose": "hold", "for": "PT2H"})";

TEST(Policy, ThatDecidesIsRefusedByNumberAndPlace) {
  for (const char* word : {"remove", "report", "decide", "removed", "block", "delete"}) {
    const Error error =
        refused(with_rule(fmt::format(R"({{"name": "a", "when": {{}}, "propose": "{}"}})", word)));
    EXPECT_EQ(error.rule, "SG21") << word;
    EXPECT_EQ(error.code, Code::kRefused);
    EXPECT_EQ(error.field, "/rules/0/propose");
  }
  const Error otherwise =
      refused(R"({"policy": "entente-policy/1", "name": "t", "rules": [], "otherwise": "remove"})");
  EXPECT_EQ(otherwise.rule, "SG21");
  EXPECT_EQ(otherwise.field, "/otherwise");
}

TEST(Policy, CannotSayMoreThanItsForm) {
  EXPECT_EQ(refused("[]").code, Code::kInvalid);
  EXPECT_EQ(refused(R"({"policy": "entente-policy/1", "name": "t", "otherwise": "review"})").field,
            "/rules");
  EXPECT_EQ(refused(with_rule(R"({"name": "a", "when": {}, "propose": "shout"})")).field,
            "/rules/0/propose");
  const Error unknown =
      refused(with_rule(R"({"name": "a", "when": {}, "propose": "review", "then": "remove"})"));
  EXPECT_EQ(unknown.field.substr(0, 8), "/rules/0");
  EXPECT_EQ(refused(with_rule(R"({"name": "a", "when": {"distance": {"max": 32}},
                                  "propose": "review"})"))
                .field,
            "/rules/0/when/distance/max");
  EXPECT_EQ(refused(with_rule(R"({"name": "a", "when": {"distance": {"min": 9, "max": 3}},
                                  "propose": "review"})"))
                .field,
            "/rules/0/when/distance");
  EXPECT_EQ(refused(with_rule(R"({"name": "a", "when": {"label": ["nonsense"]},
                                  "propose": "review"})"))
                .field,
            "/rules/0/when/label/0");
  EXPECT_EQ(refused(with_rule(std::string(kHoldAll) + "," + kHoldAll)).field, "/rules/1/name");
  // To hold whatever no rule speaks of is a decision about everything.
  EXPECT_EQ(
      refused(R"({"policy": "entente-policy/1", "name": "t", "rules": [], "otherwise": "hold"})")
          .field,
      "/otherwise");
}

TEST(Policy, AHoldHasAnEndBelowItsCap) {
  const auto hold = [](const char* length) {
    return fmt::format(R"({{"name": "a", "when": {{}}, "propose": "hold", "for": "{}"}})", length);
  };
  EXPECT_EQ(refused(with_rule(hold("PT25H"))).field, "/rules/0/for");
  EXPECT_EQ(refused(with_rule(hold("PT25H"))).rule, "SG21");
  EXPECT_EQ(refused(with_rule(hold("P1M"))).field, "/rules/0/for");
  EXPECT_EQ(refused(with_rule(hold("PT0H"))).field, "/rules/0/for");
  EXPECT_EQ(refused(with_rule(hold("soon"))).field, "/rules/0/for");
  EXPECT_EQ(refused(with_rule(kHoldAll, R"("hold_cap": "P4D",)")).field, "/hold_cap");
  EXPECT_EQ(
      refused(with_rule(R"({"name": "a", "when": {}, "propose": "review", "for": "PT1H"})")).field,
      "/rules/0/for");
  EXPECT_EQ(policy(with_rule(hold("PT48H"), R"("hold_cap": "P3D",)")).rules()[0].hold,
            std::chrono::hours(48));
  // One that says nothing ends at the cap.
  EXPECT_EQ(policy(with_rule(R"({"name": "a", "when": {}, "propose": "hold"})")).rules()[0].hold,
            kDefaultHoldCap);
}

TEST(Policy, ARuleThatRestrictsWhatIsLawfulInContextIsRefused) {
  const Error label = refused(with_rule(
      R"({"name": "a", "when": {"label": ["news-or-research-footage"]}, "propose": "hold"})"));
  EXPECT_EQ(label.rule, "SG22");
  EXPECT_EQ(label.field, "/rules/0/when/label/0");
  EXPECT_EQ(refused(with_rule(R"({"name": "a", "when": {"contested": true},
                                  "propose": "limit_spread"})"))
                .field,
            "/rules/0/when/contested");
  policy(with_rule(
      R"({"name": "a", "when": {"label": ["news-or-research-footage"]}, "propose": "review"})"));
}

TEST(Policy, TheFirstRuleThatHoldsSpeaks) {
  const Policy two = policy(with_rule(
      R"({"name": "far", "when": {"distance": {"min": 20}}, "propose": "none"},
         {"name": "any", "when": {"bank": ["ordered"]}, "propose": "limit_spread"})"));
  const std::vector<MatchFacts> matches{match(25), match(19)};
  const PolicyAnswer answer = evaluate(matches, two);
  EXPECT_EQ(answer.matches[0].rule, "far");
  EXPECT_EQ(answer.matches[0].proposal, Proposal::kNone);
  EXPECT_EQ(answer.matches[1].rule, "any");
  EXPECT_EQ(answer.proposal, Proposal::kLimitSpread);
  EXPECT_FALSE(answer.hold.has_value());
  MatchFacts elsewhere = match(5);
  elsewhere.bank = "other";
  EXPECT_EQ(evaluate({&elsewhere, 1}, two).matches[0].rule, "otherwise");
  EXPECT_EQ(evaluate({&elsewhere, 1}, two).proposal, Proposal::kReview);
}

TEST(Policy, TheStrongestWinsAndAHoldEndsWithTheLongest) {
  const Policy mixed = policy(with_rule(
      R"({"name": "near", "when": {"distance": {"max": 3}}, "propose": "hold", "for": "PT1H"},
         {"name": "mid", "when": {"distance": {"max": 9}}, "propose": "hold", "for": "PT6H"},
         {"name": "far", "when": {}, "propose": "limit_spread"})"));
  const std::vector<MatchFacts> matches{match(31), match(2), match(8)};
  const PolicyAnswer answer = evaluate(matches, mixed);
  EXPECT_EQ(answer.proposal, Proposal::kHold);
  EXPECT_EQ(*answer.hold, std::chrono::hours(6));
  EXPECT_EQ(evaluate({}, mixed).proposal, Proposal::kNone);
}

TEST(Policy, NothingLiftsTheCeilings) {
  const Policy hold = policy(with_rule(kHoldAll));
  const auto capped = [&](auto change, std::string_view ceiling) {
    MatchFacts one = match();
    change(one);
    const PolicyAnswer answer = evaluate({&one, 1}, hold);
    EXPECT_EQ(answer.proposal, Proposal::kReview) << ceiling;
    EXPECT_EQ(answer.matches[0].ceiling, ceiling);
    EXPECT_FALSE(answer.hold.has_value());
  };
  const MatchFacts plain = match();
  ASSERT_EQ(evaluate({&plain, 1}, hold).proposal, Proposal::kHold);
  capped([](MatchFacts& m) { m.context = true; }, "context");
  capped([](MatchFacts& m) { m.contested = true; }, "contested");
  capped([](MatchFacts& m) { m.quarantined = true; }, "quarantined");
}

TEST(Policy, AHitInAnAllowListTurnsTheOthersIntoReviewNeverIntoNothing) {
  const Policy hold = policy(with_rule(kHoldAll));
  MatchFacts allowed = match();
  allowed.kind = BankKind::kAllow;
  allowed.label = "found-lawful";
  const std::vector<MatchFacts> both{match(), allowed};
  const PolicyAnswer answer = evaluate(both, hold);
  EXPECT_EQ(answer.proposal, Proposal::kReview);
  EXPECT_EQ(answer.matches[0].ceiling, "allow_list");
  EXPECT_EQ(answer.matches[1].rule, "allow_list");
  EXPECT_EQ(answer.matches[1].proposal, Proposal::kNone);
  EXPECT_EQ(evaluate({&allowed, 1}, hold).proposal, Proposal::kNone);
}

TEST(Policy, TheStandardOneHoldsOnlyWhatAnActOrderedAndCameBackNearlyTheSame) {
  const Policy standard = Policy::standard(labels());
  MatchFacts one = match(12);
  EXPECT_EQ(evaluate({&one, 1}, standard).proposal, Proposal::kHold);
  one.distance = 13;
  EXPECT_EQ(evaluate({&one, 1}, standard).proposal, Proposal::kLimitSpread);
  one.source = SourceKind::kPartner;
  one.distance = 25;
  EXPECT_EQ(evaluate({&one, 1}, standard).proposal, Proposal::kReview);
  EXPECT_LE(standard.hold_cap(), kDefaultHoldCap);
}

TEST(Policy, FactsTakeTheLowerQualityAndTreatUnknownLabelsAsContext) {
  Entry entry;
  entry.quality = 60;
  entry.label = "a label the list lost";
  const Bank bank;
  EXPECT_EQ(facts_of(entry, bank, labels(), 3, 90).quality, 60);
  EXPECT_EQ(facts_of(entry, bank, labels(), 3, 55).quality, 55);
  EXPECT_TRUE(facts_of(entry, bank, labels(), 3, 90).context);
}

}  // namespace
}  // namespace entente::matching

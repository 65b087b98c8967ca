// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/policies.h"

#include <gtest/gtest.h>

#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

constexpr const char* kOurs =
    R"({"policy": "entente-policy/1", "name": "ours", "rules": [], "otherwise": "none"})";

struct PoliciesTest : testing::Test {
  BankHouse house;
  Result<std::int64_t> adopt(std::string_view document, const Decision& decision) {
    return house.write<std::int64_t>(
        [&](store::Tx& tx) { return adopt_policy(tx, document, house.banks.labels(), decision); });
  }
  AdoptedPolicy in_force() {
    return *house.write<AdoptedPolicy>(
        [&](store::Tx& tx) { return policy_in_force(tx, house.banks.labels()); });
  }
};

TEST_F(PoliciesTest, NobodyAdoptsWithoutANameAndAReason) {
  EXPECT_EQ(adopt(kOurs, {"", "why not", house.now}).error().rule, "SG21");
  EXPECT_EQ(adopt(kOurs, {"ines", "", house.now}).error().field, "reason");
  EXPECT_FALSE(adopt("{}", house.ines()).has_value());
  EXPECT_EQ(in_force().version, 0);
}

TEST_F(PoliciesTest, TheEmbeddedOneHoldsUntilAnotherIsAdopted) {
  EXPECT_EQ(in_force().policy.name(), "standard");
  EXPECT_EQ(*adopt(kOurs, house.ines("back-tested on October")), 1);
  EXPECT_EQ(*adopt(kOurs, house.omar()), 1);  // in force already
  EXPECT_EQ(in_force().policy.name(), "ours");
  EXPECT_EQ(in_force().person, "ines");
  const std::string standard = Policy::standard(house.banks.labels()).text();
  EXPECT_EQ(*adopt(standard, house.omar()), 2);
  EXPECT_EQ(in_force().policy.name(), "standard");
  const auto first = house.write<AdoptedPolicy>(
      [&](store::Tx& tx) { return find_policy(tx, 1, house.banks.labels()); });
  EXPECT_EQ(first->policy.text(), kOurs);
  const auto none = house.write<AdoptedPolicy>(
      [&](store::Tx& tx) { return find_policy(tx, 9, house.banks.labels()); });
  EXPECT_EQ(none.error().code, Code::kNotFound);
}

TEST_F(PoliciesTest, AnAdoptedOneOutlivesALabelThatTheListLost) {
  const Labels wider = *Labels::parse(R"({"labels": "entente-labels/1", "items": [
      {"name": "passing-fashion", "family": "ours", "en": "Passing", "fr": "Passagère"}]})");
  ASSERT_TRUE(house
                  .write<std::int64_t>([&](store::Tx& tx) {
                    return adopt_policy(
                        tx,
                        R"({"policy": "entente-policy/1", "name": "old", "otherwise": "review",
                            "rules": [{"name": "a", "when": {"label": ["passing-fashion"]},
                                       "propose": "hold"}]})",
                        wider, house.ines());
                  })
                  .has_value());
  EXPECT_EQ(in_force().policy.name(), "old");
  MatchFacts match;
  match.label = "passing-fashion";
  match.context = house.banks.in_context_only(match.label);
  EXPECT_EQ(evaluate({&match, 1}, in_force().policy).proposal, Proposal::kReview);
}

}  // namespace
}  // namespace entente::matching

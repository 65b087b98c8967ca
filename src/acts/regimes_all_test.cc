// SPDX-License-Identifier: Apache-2.0
//
// What holds for every shipped regime, whichever comes next: a valid draft is there and nothing of
// it can be left out, nobody else can begin or move the act, timers need no form, and every
// position says who may hold it.
#include <gtest/gtest.h>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using testing::Drive;
using testing::refusal;

const Move& drafting(const Regime& regime) {
  for (const auto& m : regime.moves)
    if (m.drafts) return m;
  throw std::logic_error("no move drafts " + regime.id);
}

TEST(EveryRegime, HasAValidDraftOfWhichNothingCanBeLeftOut) {
  for (const auto* regime : testing::catalogue().all()) {
    const Move& move = drafting(*regime);
    Drive whole(*regime);
    const auto done = whole.make(move.name);
    ASSERT_TRUE(done) << regime->id << ": " << to_string(done.error());
    const auto& document = regime->schema_documents.at(move.schema);
    const auto* required = json::at_pointer(document, "/required");
    ASSERT_NE(required, nullptr) << regime->id;
    for (const auto& name : required->get_array()) {
      Drive act(*regime);
      auto body = testing::body_for(*regime, move, act.state, act.now);
      body.at("form").as_object().erase(name.get_string());
      const auto why = refusal(act, move.name, {.body = body});
      EXPECT_TRUE(why.rule.starts_with("SG")) << regime->id << " " << why.rule << " " << why.field;
      EXPECT_FALSE(act.state.started());
    }
    for (const auto* surprise : {"decryption_key", "waives_remedies", "all_accounts"}) {
      Drive act(*regime);
      auto body = testing::body_for(*regime, move, act.state, act.now);
      body.at("form").as_object()[surprise] = true;
      EXPECT_EQ(refusal(act, move.name, {.body = body}).rule, "SG01") << regime->id;
    }
  }
}

TEST(EveryRegime, RefusesTheWorldAPatternAndAForeignBasis) {
  for (const auto* regime : testing::catalogue().all()) {
    const Move& move = drafting(*regime);
    Drive act(*regime);
    const auto with = [&](std::string_view part, std::string_view value) {
      auto body = testing::body_for(*regime, move, act.state, act.now);
      body.at("form").as_object()[part] = value;
      return refusal(act, move.name, {.body = body}).rule;
    };
    EXPECT_EQ(with("territory", "worldwide"), "SG29") << regime->id;
    EXPECT_EQ(with("legal_basis", "Because we can"), "SG01") << regime->id;
    EXPECT_EQ(with("reasons", "No."), "SG01") << regime->id;
    auto body = testing::body_for(*regime, move, act.state, act.now);
    body.at("targets").as_array()[0].as_object()["value"] = "*";
    EXPECT_EQ(refusal(act, move.name, {.body = body}).rule, "SG05") << regime->id;
  }
}

TEST(EveryRegime, IsMovedByItsParticipantsAndByPeopleWhereItSaysPeople) {
  for (const auto* regime : testing::catalogue().all()) {
    Drive act(*regime);
    ASSERT_TRUE(act.make(drafting(*regime).name)) << regime->id;
    for (const auto& move : regime->moves) {
      auto step = act.step(move.name);
      for (auto& h : step.by) h.party = "stranger.example";
      EXPECT_FALSE(apply(act.state, step, *regime, act.now)) << regime->id << " " << move.name;
      auto machine = testing::hand(*regime, move.by.front());
      if (machine.person.empty()) continue;
      machine.person.clear();
      EXPECT_EQ(refusal(act, move.name, {.by = {machine}}).rule, "SG21") << regime->id;
    }
  }
}

// A node makes a timer's move with an empty body, save for erasing, which its site attests.
TEST(EveryRegime, HasTimersThatANodeCanMakeAndAttestationsElsewhere) {
  for (const auto* regime : testing::catalogue().all())
    for (const auto& clock : regime->clocks) {
      if (clock.then.empty() || clock.then == "erase") continue;
      const Move* move = regime->move(clock.then);
      EXPECT_TRUE(move->schema.empty()) << regime->id << " " << move->name;
      EXPECT_TRUE(move->safeguards.empty()) << regime->id << " " << move->name;
      EXPECT_EQ(move->signatures, 1) << regime->id << " " << move->name;
    }
}

// Those of the first version leave it to the node which kinds those are.
TEST(EveryRegime, SaysWhichKindsOfOrganisationMayHoldItsPositions) {
  for (const auto* regime : testing::catalogue().all()) {
    if (regime->kinds.empty()) {
      EXPECT_TRUE(regime->id.starts_with("eu-tco-removal") || regime->id == "eu-dsa-notice")
          << regime->id;
      continue;
    }
    for (const auto& position : regime->positions)
      EXPECT_TRUE(regime->kinds.contains(position)) << regime->id << " " << position;
  }
}

// P4 and P5 are proved of the role `user`; a regime without it would prove nothing.
TEST(EveryRegime, ThatRestrictsHasAWayToCourtOrComplaintForThePersonHit) {
  for (const auto* regime : testing::catalogue().all()) {
    if (regime->restricting.empty()) continue;
    EXPECT_NE(regime->role("user"), nullptr) << regime->id;
    EXPECT_TRUE(std::any_of(regime->moves.begin(), regime->moves.end(), [](const Move& m) {
      return !m.route.empty() && std::find(m.by.begin(), m.by.end(), "user") != m.by.end();
    })) << regime->id;
  }
}

}  // namespace
}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
//
// The one road by which a step enters a node: what is refused on it leaves nothing but a refusal,
// what is accepted leaves step, leaf, projection and effects together, and whatever order steps
// came in, the act is the fold of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "entente/core/log.h"
#include "entente/dossier/test_dossier.h"

namespace entente::dossier {
namespace {

using testing::Organisation;
using testing::TestDossier;
using testing::World;
namespace at = acts::testing;
using acts::Region;

class RoadTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kOff); }

  // Refused with that rule, written down once, and nothing else changed in any table.
  void expect_refused(const std::string& envelope, Code code, std::string_view rule,
                      const std::string& act) {
    const auto rows = node.rows();
    const auto state = acts::canonical(node.load(act).state);
    const auto refusals = node.refusals().size();
    const auto out = node.service().submit(envelope, Source::kPerson);
    ASSERT_FALSE(out) << out->status;
    EXPECT_EQ(out.error().code, code) << to_string(out.error());
    EXPECT_EQ(out.error().rule, rule) << to_string(out.error());
    EXPECT_EQ(node.rows(), rows);
    EXPECT_EQ(acts::canonical(node.load(act).state), state);
    const auto now = node.refusals();
    ASSERT_EQ(now.size(), refusals + 1);
    EXPECT_EQ(now.front().why.rule, rule);
    EXPECT_EQ(now.front().source, "person");
  }
  std::string draft() { return node.say(at::tco(), {}, "compose").value().act; }

  World world;
  TestDossier node{world, world.authority};
  void trust() { node.trust_all(); }
};

class Refused : public RoadTest {
 protected:
  void SetUp() override {
    RoadTest::SetUp();
    trust();
    act = draft();
    world.clock.advance(std::chrono::seconds(1));
  }
  std::string act;
};

TEST_F(Refused, UnsignedStepsAndThingsThatAreNoSteps) {
  const auto step = node.next(at::tco(), act, "sign");
  expect_refused(testing::envelope(step, {}), Code::kInvalid, "", act);
  expect_refused("{}", Code::kInvalid, "", act);
  expect_refused("", Code::kInvalid, "", act);
  crypto::Envelope other{"text/plain", to_bytes(acts::step_payload(step)), {}};
  ASSERT_TRUE(crypto::sign(other, world.authority.key_of("signer")));
  expect_refused(crypto::to_json(other), Code::kInvalid, "", act);
}

TEST_F(Refused, AWrongSignature) {
  const auto step = node.next(at::tco(), act, "sign");
  auto e = crypto::parse_envelope(node.sealed(step)).value();
  e.signatures[0].sig[10] ^= 1U;
  expect_refused(crypto::to_json(e), Code::kUnauthorised, "", act);
  // Another key's signature under the signer's key id.
  auto swapped =
      crypto::parse_envelope(testing::envelope(step, {&world.authority.key_of("drafter")})).value();
  swapped.signatures[0].keyid = world.authority.hand("signer").keyid;
  expect_refused(crypto::to_json(swapped), Code::kUnauthorised, "", act);
  // A hand that is named but whose key did not sign at all.
  expect_refused(testing::envelope(step, {&world.authority.key_of("drafter")}), Code::kUnauthorised,
                 "signature", act);
}

TEST_F(Refused, MoreOrFewerSignaturesThanHands) {
  auto step = node.next(at::tco(), act, "sign");
  expect_refused(testing::envelope(
                     step, {&world.authority.key_of("signer"), &world.authority.key_of("drafter")}),
                 Code::kUnauthorised, "signature", act);
  step.by.push_back(world.authority.hand("drafter"));
  expect_refused(testing::envelope(step, {&world.authority.key_of("signer")}), Code::kUnauthorised,
                 "signature", act);
}

TEST_F(Refused, ARevokedKeyWhateverTimeTheStepClaims) {
  const auto keyid = world.authority.hand("signer").keyid;
  auto step = node.next(at::tco(), act, "sign");
  step.at = step.at - std::chrono::hours(1);
  ASSERT_TRUE(node.store().write(
      [&](store::Tx& tx) { return identity::revoke(tx, keyid, world.clock.now()); }));
  expect_refused(node.sealed(step), Code::kUnauthorised, "signature", act);
}

TEST_F(Refused, AnUnknownKeyAnotherPersonsKeyAndARoleThePersonDoesNotHold) {
  const auto stranger = crypto::PrivateKey::generate(world.random);
  auto step = node.next(at::tco(), act, "sign");
  step.by[0].keyid = stranger.public_key().id();
  expect_refused(testing::envelope(step, {&stranger}), Code::kUnauthorised, "signature", act);

  step = node.next(at::tco(), act, "sign");
  step.by[0].person = world.authority.hand("drafter").person;
  expect_refused(node.sealed(step), Code::kUnauthorised, "signature", act);

  step = node.next(at::tco(), act, "sign");
  step.by[0] = world.authority.hand("drafter");
  step.by[0].role = "signer";
  expect_refused(testing::envelope(step, {&world.authority.key_of("drafter")}), Code::kForbidden,
                 "role", act);

  step = node.next(at::tco(), act, "sign");
  step.by[0].role = "emperor";
  expect_refused(testing::envelope(step, {&world.authority.key_of("signer")}), Code::kRefused,
                 "role", act);
}

TEST_F(Refused, AMachineInAPersonsPlace) {
  auto step = node.next(at::tco(), act, "sign");
  step.by[0] = {world.authority.party, world.authority.hand("signer").person, "signer",
                world.authority.node_key.public_key().id()};
  expect_refused(testing::envelope(step, {&world.authority.node_key}), Code::kRefused, "SG21", act);
  step.by[0].person.clear();
  expect_refused(testing::envelope(step, {&world.authority.node_key}), Code::kRefused, "SG21", act);
}

TEST_F(Refused, APersonInTheNodesPlace) {
  ASSERT_TRUE(node.say(at::tco(), act, "sign"));
  auto step = node.next(at::tco(), act, "publish");
  step.by[0] = world.authority.hand("signer");
  step.by[0].role = "issuer_system";
  expect_refused(testing::envelope(step, {&world.authority.key_of("signer")}), Code::kUnauthorised,
                 "signature", act);
}

TEST_F(Refused, AnotherOrganisationsPersonAtThisDoor) {
  ASSERT_TRUE(node.say(at::tco(), act, "sign"));
  expect_refused(node.sealed(node.next(at::tco(), act, "recommend")), Code::kForbidden, "SG12",
                 act);
}

TEST_F(Refused, WhatTheRegimeForbids) {
  auto body = node.next(at::tco(), act, "sign").body;
  body["draft"] = at::kSomeHash;
  expect_refused(node.sealed(node.next(at::tco(), act, "sign", {.body = body})), Code::kRefused,
                 "SG02", act);
  expect_refused(node.sealed(node.next(at::tco(), act, "finalise")), Code::kRefused, "state", act);
  auto unknown = node.next(at::tco(), act, "sign");
  unknown.move = "decrypt";
  expect_refused(node.sealed(unknown), Code::kRefused, "move", act);
}

TEST_F(Refused, AnInventedPredecessor) {
  expect_refused(node.sealed(node.next(at::tco(), act, "sign",
                                       {.after = std::vector<std::string>{at::kSomeHash}})),
                 Code::kRefused, "causality", act);
  // The same with a move that no regime has.
  auto unknown =
      node.next(at::tco(), act, "sign", {.after = std::vector<std::string>{at::kSomeHash}});
  unknown.move = "decrypt";
  expect_refused(node.sealed(unknown), Code::kRefused, "causality", act);
}

TEST_F(Refused, AStepFromTheFuture) {
  auto step = node.next(at::tco(), act, "sign");
  step.at = world.clock.now() + acts::kMaxSkew + Millis(1);
  expect_refused(node.sealed(step), Code::kRefused, "clock", act);
}

TEST_F(Refused, AnActWithoutItsDraftAndOneThatIsNobodysHere) {
  const std::string fresh = node.make_act();
  auto step = node.next(at::tco(), act, "sign", {.after = std::vector<std::string>{}});
  step.act = fresh;
  expect_refused(node.sealed(step), Code::kRefused, "state", fresh);

  const auto with = [&](std::string_view position, std::string_view party) {
    auto s = node.next(at::tco(), {}, "compose");
    s.body["participants"].as_object()[position] = party;
    return s;
  };
  auto s = with("addressee", "stranger.example");
  expect_refused(node.sealed(s), Code::kConflict, "I7", s.act);
  s = with("addressee", at::kOverseer);
  expect_refused(node.sealed(s), Code::kRefused, "I7", s.act);
  s = with("issuer", at::kAddressee);
  expect_refused(node.sealed(s), Code::kRefused, "role", s.act);
}

// ── what an accepted step leaves

class Accepted : public RoadTest {
 protected:
  void SetUp() override {
    RoadTest::SetUp();
    trust();
  }
  std::optional<StoredStep> of(const std::string& act, std::string_view move) {
    for (auto& s : node.steps(act))
      if (s.step.move == move) return s;
    return std::nullopt;
  }
};

TEST_F(Accepted, AFailingEffectTakesStepLeafAndOutboxBackWithIt) {
  TestDossier platform(world, world.platform);
  platform.trust_all();
  const auto act = node.sent_order();
  for (const auto* move : {"compose", "sign", "send"})
    ASSERT_EQ(platform.submit(of(act, move)->step, Source::kPeer)->status, "applied") << move;
  ASSERT_EQ(platform.region(act, Region::kDelivery), "received");

  platform.service().on_effect([](store::Tx& tx, const acts::WantedEffect&, const Loaded&,
                                  effects::Effect&) -> Result<void> {
    ENTENTE_TRY(n, tx.exec("INSERT INTO answered(effect, at) VALUES('half-written', 1)"));
    static_cast<void>(n);
    return fail(Code::kUnavailable, "the disk of the bank is full");
  });
  const auto rows = platform.rows();
  const auto state = acts::canonical(platform.load(act).state);
  world.clock.advance(std::chrono::seconds(1));
  const auto accept = platform.next(at::tco(), act, "accept");
  const auto refused = platform.submit(accept);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(platform.rows(), rows);
  EXPECT_EQ(acts::canonical(platform.load(act).state), state);
  EXPECT_FALSE(platform.step(accept.id));

  platform.service().on_effect([](store::Tx&, const acts::WantedEffect&, const Loaded&,
                                  effects::Effect&) -> Result<void> { return {}; });
  EXPECT_EQ(platform.submit(accept)->status, "applied");  // nothing of the failure is left
  EXPECT_EQ(platform.region(act, Region::kExecution), "accepted");
}

TEST_F(Accepted, SigningSendsInTheSameTransactionAndTheOrdersLeafComesFirst) {
  const auto act = node.say(at::tco(), {}, "compose").value().act;
  EXPECT_TRUE(node.outbox(act).empty()) << "a draft is nobody else's business";
  std::vector<std::string> seen_with_sign;
  node.store().before_commit([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows, tx.query("SELECT step FROM step"));
    if (rows.size() > 1 && seen_with_sign.empty())
      for (const auto& r : rows) seen_with_sign.push_back(r.text(0));
    return {};
  });
  const auto out = node.say(at::tco(), act, "sign");
  ASSERT_TRUE(out) << to_string(out.error());
  ASSERT_EQ(out->made.size(), 1U);
  const auto sign = of(act, "sign");
  const auto send = of(act, "send");
  ASSERT_TRUE(sign && send);
  EXPECT_EQ(seen_with_sign.size(), 3U) << "compose, sign and send were committed together";
  EXPECT_EQ(out->made[0], send->step.id);
  EXPECT_EQ(out->leaf->index, sign->leaf.index);
  EXPECT_LT(sign->leaf.index, send->leaf.index);
  EXPECT_EQ(json::at_pointer(json::Value(send->step.body), "/leaf/index")->to_number<int>(),
            sign->leaf.index);
  EXPECT_EQ(node.region(act, Region::kDelivery), "sent");
}

TEST_F(Accepted, OnlyWhatWasSentIsDeliveredAndToEveryOtherParticipant) {
  const auto act = node.sent_order();
  std::map<std::string, int> to;
  for (const auto& e : node.outbox(act)) {
    EXPECT_EQ(e.effect.kind, "deliver");
    EXPECT_EQ(e.effect.key.find(of(act, "sign")->step.id), std::string::npos)
        << "the sending step takes the order along";
    ++to[std::string(json::text_or(e.effect.payload, "to"))];
  }
  EXPECT_EQ(to, (std::map<std::string, int>{{std::string(at::kAddressee), 1},
                                            {std::string(at::kOverseer), 1}}));
  // The leaf of the order was there before anybody was told.
  const auto signed_size =
      node.read([&](store::Tx& tx) -> Result<std::uint64_t> { return ledger::Log::size(tx); });
  EXPECT_GT(signed_size, static_cast<std::uint64_t>(of(act, "send")->leaf.index));
  ASSERT_TRUE(node.say(at::tco(), act, "withdraw"));
  EXPECT_EQ(node.outbox(act).size(), 4U);
}

TEST_F(Accepted, ADuplicateGetsTheSameAnswerAndNoSecondLeaf) {
  const auto step = node.next(at::tco(), {}, "compose");
  const auto first = node.submit(step).value();
  const auto rows = node.rows();
  const auto second = node.submit(step).value();
  EXPECT_FALSE(first.duplicate);
  EXPECT_TRUE(second.duplicate);
  EXPECT_EQ(second.status, first.status);
  EXPECT_EQ(second.leaf->index, first.leaf->index);
  EXPECT_EQ(second.regions, first.regions);
  EXPECT_EQ(node.rows(), rows);
}

TEST_F(Accepted, PublicCountersAreLeaves) {
  for (int i = 0; i < 3; ++i) node.sent_order();
  ASSERT_TRUE(node.say(at::tco(), {}, "compose"));
  std::map<std::string, std::int64_t> applied;
  node.read([&](store::Tx& tx) -> Result<int> {
    ENTENTE_TRY(acts_page, list_acts(tx, "", 100));
    for (const auto& row : acts_page.rows) {
      ENTENTE_TRY(steps, steps_of(tx, row.act));
      for (const auto& s : steps)
        if (s.own && s.status == "applied") ++applied[s.step.move];
    }
    std::int64_t sum = 0;
    for (const auto& [move, n] : applied) {
      ENTENTE_TRY(counted, ledger::Log::count_by(tx, at::tco().name(), move));
      EXPECT_EQ(counted, n) << move;
      sum += counted;
    }
    ENTENTE_TRY(size, ledger::Log::size(tx));
    EXPECT_EQ(static_cast<std::int64_t>(size), sum);
    return 0;
  });
  EXPECT_EQ(applied["compose"], 4);
  EXPECT_EQ(applied["sign"], 3);
}

// ── what comes from others

class FromPeers : public Accepted {
 protected:
  void SetUp() override {
    Accepted::SetUp();
    platform.trust_all();
    act = node.sent_order();
    compose = of(act, "compose")->step;
    sign = of(act, "sign")->step;
    send = of(act, "send")->step;
  }
  TestDossier platform{world, world.platform};
  std::string act;
  acts::Step compose, sign, send;
};

TEST_F(FromPeers, StepsThatComeTooEarlyWaitAndAreAppliedWhenWhatTheyBuildOnArrives) {
  EXPECT_EQ(platform.submit(send, Source::kPeer)->status, "waiting");
  EXPECT_EQ(platform.submit(sign, Source::kPeer)->status, "waiting");
  EXPECT_EQ(platform.submit(send, Source::kPeer)->status, "waiting");  // again: the same answer
  EXPECT_FALSE(platform.load(act).state.started());
  EXPECT_TRUE(platform.outbox(act).empty());

  const auto out = platform.submit(compose, Source::kPeer);
  EXPECT_EQ(out->status, "applied");
  ASSERT_EQ(out->made.size(), 1U) << "the receipt is made at once, and once";
  for (const auto& s : platform.steps(act)) EXPECT_EQ(s.status, "applied") << s.step.move;
  EXPECT_EQ(platform.region(act, Region::kDelivery), "received");
  EXPECT_EQ(platform.steps(act).size(), 4U);
}

TEST_F(FromPeers, AForbiddenStepIsKeptAsRefusedWithItsReason) {
  for (const auto* s : {&compose, &sign, &send})
    ASSERT_EQ(platform.submit(*s, Source::kPeer)->status, "applied");
  // The authority closes an act that is not final.
  auto step = platform.next(at::tco(), act, "close");
  const auto rows = platform.rows();
  const auto out = platform.submit(step, Source::kPeer);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->status, "refused");
  ASSERT_TRUE(out->why);
  EXPECT_EQ(out->why->rule, "state");
  const auto kept = platform.step(step.id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->status, "refused");
  EXPECT_NE(kept->why.find("state"), std::string::npos);
  EXPECT_EQ(platform.region(act, Region::kFinality), "provisional");
  auto after = platform.rows();
  EXPECT_EQ(after.at("step"), rows.at("step") + 1);
  after["step"] = rows.at("step");
  EXPECT_EQ(after, rows) << "no leaf, no effect, no projection";
  EXPECT_EQ(platform.submit(step, Source::kPeer)->status, "refused");
  EXPECT_EQ(platform.refusals().front().source, "peer");
  EXPECT_EQ(platform.refusals().front().party, at::kIssuer);
}

TEST_F(FromPeers, AnOrderOfSomebodyWhoCannotIssueOnesIsNoActWhateverFollows) {
  // The platform's own node poses as an authority: its draft is kept as refused, and what builds on
  // it finds no act.
  TestDossier overseer(world, world.overseer);
  overseer.trust_all();
  auto forged = compose;
  forged.act = overseer.make_act();
  forged.body["participants"].as_object()["issuer"] = at::kAddressee;
  Organisation poser(at::kAddressee, "authority", {"drafter", "signer"}, world.random);
  ASSERT_TRUE(overseer.store().write([&](store::Tx& tx) -> Result<void> {
    for (const auto* role : {"drafter", "signer"}) {
      ENTENTE_CHECK_OK(identity::enrol(
          tx, at::kAddressee,
          {poser.hand(role).person, "x", poser.key_of(role).public_key(), {role}, {}},
          world.clock.now()));
    }
    return {};
  }));
  forged.by[0] = poser.hand("drafter");
  forged.body["participants"].as_object()["addressee"] = at::kAddressee;
  forged.id = at::step_id(forged);
  const auto refused = overseer.service().submit(
      testing::envelope(forged, {&poser.key_of("drafter")}), Source::kPeer);
  ASSERT_TRUE(refused) << to_string(refused.error());
  ASSERT_EQ(refused->status, "refused");
  EXPECT_EQ(refused->why->rule, "I7");
  EXPECT_FALSE(overseer.load(forged.act).state.started());

  auto follow = sign;
  follow.act = forged.act;
  follow.dossier = forged.dossier;
  follow.by[0] = poser.hand("signer");
  follow.after = {forged.id};
  follow.body = {{"draft", forged.id}};
  const auto out = overseer.service().submit(testing::envelope(follow, {&poser.key_of("signer")}),
                                             Source::kPeer);
  ASSERT_TRUE(out) << to_string(out.error());
  EXPECT_NE(out->status, "applied");
  EXPECT_FALSE(overseer.load(forged.act).state.started());
  EXPECT_TRUE(overseer.outbox(forged.act).empty());
}

TEST_F(FromPeers, WhomANodeDoesNotKnowYetItAsksToHearAgain) {
  TestDossier overseer(world, world.overseer);
  overseer.trust(world.overseer);
  overseer.trust(world.authority);
  const auto out = overseer.submit(compose, Source::kPeer);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->status, "rejected");
  EXPECT_FALSE(overseer.step(compose.id)) << "not kept: the sender will try again";
  EXPECT_EQ(overseer.refusals().front().why.rule, "I7");
  overseer.trust(world.platform);
  EXPECT_EQ(overseer.submit(compose, Source::kPeer)->status, "applied");
}

TEST_F(FromPeers, AStepFromTheFutureIsNotKeptAndCountsWhenItsTimeHasCome) {
  ASSERT_EQ(platform.submit(compose, Source::kPeer)->status, "applied");
  auto early = sign;
  early.at = world.clock.now() + std::chrono::minutes(11);
  early.id = at::step_id(early);
  EXPECT_EQ(platform.submit(early, Source::kPeer).error().rule, "clock");
  EXPECT_FALSE(platform.step(early.id));
  world.clock.advance(std::chrono::minutes(2));
  EXPECT_EQ(platform.submit(early, Source::kPeer)->status, "applied");
}

// Two nodes, the same steps, any order of arrival: the same state of the act, the same status of
// each step. A challenge that has not seen the receipt it needs, and an answer concurrent with it,
// are where the orders differ.
TEST_F(FromPeers, WhateverTheOrderOfArrivalTheStatusOfEachStepIsWhatTheFoldSays) {
  for (const auto* s : {&compose, &sign, &send})
    ASSERT_EQ(platform.submit(*s, Source::kPeer)->status, "applied");
  std::vector<acts::Step> all{compose, sign, send};
  for (const auto& s : platform.steps(act))
    if (s.step.move == "receive") all.push_back(s.step);
  ASSERT_EQ(all.size(), 4U);
  for (const auto* role : {"moderator", "signer"}) {
    for (const auto* move : {"contest", "withdraw"}) {
      if (std::string_view(role) == "signer" && std::string_view(move) == "contest") continue;
      if (std::string_view(role) == "moderator" && std::string_view(move) == "withdraw") continue;
      for (int i = 0; i < 3; ++i) {
        world.clock.advance(std::chrono::seconds(1));
        all.push_back(node.next(at::tco(), act, move,
                                {.role = role, .after = std::vector<std::string>{send.id}}));
      }
    }
  }
  std::map<std::string, std::string> statuses;
  SeededRandom dice(3);
  for (int round = 0; round < 12; ++round) {
    TestDossier fresh(world, world.overseer);
    fresh.trust_all();
    for (std::size_t i = all.size() - 1; i > 0; --i)
      std::swap(all[i], all[dice.bytes(1)[0] % (i + 1)]);
    for (const auto& s : all) {
      const auto out = fresh.submit(s, Source::kPeer);
      ASSERT_TRUE(out) << s.move << ": " << to_string(out.error());
    }
    std::map<std::string, std::string> these;
    for (const auto& s : fresh.steps(act))
      if (!s.own) these[s.step.move + " " + s.step.id] = s.status;
    EXPECT_EQ(these.size(), all.size());
    const auto anew = fresh.fresh_service();
    EXPECT_EQ(acts::canonical(fresh.load(act).state),
              acts::canonical(fresh.read([&](store::Tx& tx) { return anew->load(tx, act); }).state))
        << "round " << round;
    if (statuses.empty()) statuses = these;
    EXPECT_EQ(these, statuses) << "round " << round;
  }
}

// The authority withdraws while the moderator accepts: neither saw the other. Whichever of the two
// the fold puts first, nothing stays blocked by an order that is withdrawn.
TEST_F(FromPeers, NothingStaysRestrictedByAStepThatTheFoldRefuses) {
  std::set<std::string> seen;
  for (int round = 0; round < 32 && seen.size() < 4; ++round) {
    for (const bool begun : {false, true}) {
      TestDossier here(world, world.platform);
      here.trust_all();
      for (const auto* s : {&compose, &sign, &send})
        ASSERT_EQ(here.submit(*s, Source::kPeer)->status, "applied");
      world.clock.advance(std::chrono::seconds(1));
      const auto accept = here.next(at::tco(), act, "accept");
      const auto withdraw = here.next(at::tco(), act, "withdraw");  // has seen what accept has seen
      ASSERT_EQ(here.submit(accept)->status, "applied");
      const auto find = [&](std::string_view kind) -> std::optional<effects::Entry> {
        for (auto& e : here.outbox(act))
          if (e.effect.kind == kind) return e;
        return std::nullopt;
      };
      const auto disable = find("content.disable");
      ASSERT_TRUE(disable);
      if (begun) {
        ASSERT_TRUE(here.store().write([&](store::Tx& tx) -> Result<void> {
          ENTENTE_TRY(n, tx.exec("UPDATE effect_outbox SET state = 'done' WHERE key = $1",
                                 {disable->effect.key}));
          EXPECT_EQ(n, 1);
          return {};
        }));
      }
      ASSERT_EQ(here.submit(withdraw, Source::kPeer)->status, "applied");
      const auto status = here.step(accept.id)->status;
      const auto now = std::string(effects::state_name(find("content.disable")->state));
      const auto restore = find("content.restore");
      if (status == "applied") {
        EXPECT_EQ(here.region(act, Region::kExecution), "reversing");
        EXPECT_EQ(now, begun ? "done" : "pending");
        EXPECT_TRUE(restore);
      } else {
        EXPECT_EQ(here.region(act, Region::kExecution), "lapsed");
        EXPECT_EQ(now, begun ? "done" : "cancelled");
        EXPECT_EQ(restore.has_value(), begun);
        if (restore) {
          EXPECT_EQ(json::text_or(restore->effect.payload, "cause"), accept.id);
          EXPECT_EQ(json::text_or(restore->effect.payload, "result"), "");
        }
      }
      seen.insert(status + (begun ? " begun" : ""));
    }
  }
  EXPECT_EQ(seen.size(), 4U) << "both orders, before and after the effect";
}

// Sequence numbers of a unit that was rolled back are given again: what was folded in it must not
// pass for what came after.
TEST_F(FromPeers, AStateThatWasRolledBackIsNotTakenForWhatCameInItsPlace) {
  for (const auto* s : {&compose, &sign, &send})
    ASSERT_EQ(platform.submit(*s, Source::kPeer)->status, "applied");
  platform.service().on_effect(
      [](store::Tx&, const acts::WantedEffect&, const Loaded&, effects::Effect&) -> Result<void> {
        return fail(Code::kUnavailable, "the disk of the bank is full");
      });
  const auto close = platform.next(at::tco(), act, "close");
  ASSERT_FALSE(platform.submit(platform.next(at::tco(), act, "accept")));
  ASSERT_EQ(platform.submit(close, Source::kPeer)->status, "refused");
  EXPECT_EQ(platform.region(act, Region::kExecution), "pending");
}

// ── replay

// Any valid life of an act: the state a node carries along is the fold of what it stored, byte for
// byte, also for a service that starts with nothing in memory.
TEST_F(Accepted, AfterTwoHundredRandomStepsTheStateIsTheFoldOfTheSteps) {
  const auto& regime = at::tco();
  std::vector<std::string> acts;
  SeededRandom dice(20261113);
  const auto pick = [&](std::size_t n) {
    const auto b = dice.bytes(4);
    return (std::size_t{b[0]} | std::size_t{b[1]} << 8 | std::size_t{b[2]} << 16) % n;
  };
  std::size_t applied = 0;
  std::size_t tries = 0;
  std::map<std::string, int> moves;
  while (applied < 200 && ++tries < 4000) {
    world.clock.advance(std::chrono::seconds(1 + pick(60)));
    if (acts.size() < 4 && pick(10) == 0) acts.push_back(node.sent_order());
    if (acts.empty()) continue;
    const auto& act = acts[pick(acts.size())];
    const auto loaded = node.load(act);
    std::vector<acts::Step> open;
    for (const auto& [role, rule] : regime.roles) {
      for (const auto* move : acts::possible(loaded.state, regime, role, 0, world.clock.now())) {
        if (move->drafts || move->name == "finalise" || move->name == "withdraw" ||
            move->name == "annul")
          continue;                             // they end the life this test wants long
        if (role == "issuer_system") continue;  // made by the node itself
        auto step = node.next(regime, act, move->name, {.role = role});
        if (acts::apply(loaded.state, step, regime, world.clock.now())) open.push_back(step);
      }
    }
    if (open.empty()) continue;
    const auto& step = open[pick(open.size())];
    const auto out = node.say(step);
    ASSERT_TRUE(out) << step.move << ": " << to_string(out.error());
    ASSERT_EQ(out->status, "applied") << step.move;
    ++applied;
    ++moves[step.move];
    if (applied % 20 != 0) continue;
    for (const auto& a : acts) {
      auto stored = node.steps(a);
      std::vector<acts::Step> plain;
      for (auto& s : stored) plain.push_back(s.step);
      std::reverse(plain.begin(), plain.end());
      const auto carried = acts::canonical(node.load(a).state);
      ASSERT_EQ(carried, acts::canonical(acts::fold(plain, regime).state)) << "step " << applied;
      const auto fresh = node.fresh_service();
      ASSERT_EQ(carried, acts::canonical(
                             node.read([&](store::Tx& tx) { return fresh->load(tx, a); }).state));
    }
  }
  EXPECT_EQ(applied, 200U);
  EXPECT_GE(moves.size(), 8U) << "the lives are too alike to prove anything";
}

}  // namespace
}  // namespace entente::dossier

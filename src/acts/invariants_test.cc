// SPDX-License-Identifier: Apache-2.0
//
// Invariants of legal.md §9.4 over random lives of acts: anybody tries anything, at any time, well
// or badly formed. I6 (public counters equal the leaves by type) and I9 (no single compromised key)
// belong to the node, which has the ledger and the keys; they are tested there.
#include <gtest/gtest.h>

#include <random>

#include "entente/acts/testing.h"

namespace entente::acts {
namespace {

using testing::Drive;

constexpr int kWalks = 2100;  // over three regimes
constexpr int kMovesPerWalk = 40;
constexpr std::uint64_t kSeed = 20261113;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

json::Object mangled(json::Object body, Dice& dice) {
  if (body.empty()) return {{"surprise", true}};
  auto it = body.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(dice.below(body.size())));
  switch (dice.below(3)) {
    case 0:
      body.erase(it);
      break;
    case 1:
      it->value() = nullptr;
      break;
    default:
      body["surprise"] = "hello";
      break;
  }
  return body;
}

// Mostly a move that is possible, mostly well made; else anything.
testing::Wish wish_for(const Regime& regime, const Move& move, Drive& act, Dice& dice) {
  testing::Wish w;
  w.role = dice.of(move.by);
  if (dice.one_in(20)) w.role = move.by.front() == "signer" ? "moderator" : "platform_system";
  if (regime.role(w.role) == nullptr) w.role = move.by.front();
  if (dice.one_in(15)) w.person = "drafter-1";
  if (!act.state.execution.empty() &&
      (dice.one_in(2) || (move.has_region && move.from.region == Region::kExecution)))
    w.target = dice.below(act.state.execution.size() + (dice.one_in(10) ? 1 : 0));
  if (!act.state.reviews.empty() && dice.one_in(3) && move.route.empty() && move.has_region &&
      move.from.region == Region::kReview)
    w.review = dice.of(act.state.reviews).id;
  if (move.drafts) {
    auto form =
        regime.mode == "notice" ? testing::dsa_notice() : testing::annex_i(act.now, dice.one_in(2));
    w.body = testing::draft_body(regime, std::move(form), 1 + dice.below(3));
  }
  if (dice.one_in(12))
    w.body = mangled(w.body ? *w.body : testing::body_for(regime, move, act.state, act.now), dice);
  if (dice.one_in(10)) w.at = act.now - std::chrono::minutes(dice.below(30));
  if (dice.one_in(40)) w.at = act.now + std::chrono::minutes(dice.below(60));
  return w;
}

void pass_time(Drive& act, Dice& dice) {
  if (dice.one_in(5)) {
    // To just about the end of a running clock.
    const auto running = clocks(act.state, act.regime());
    if (!running.empty()) {
      const auto due = dice.of(running).due_1182;
      if (due > act.now) act.now = due + Millis(1) - Millis(dice.below(3));
      return;
    }
  }
  act.wait(std::chrono::minutes(dice.below(90)));
}

bool has_live_end(const Drive& act, ClockKind kind, std::optional<std::size_t> target,
                  std::string_view then_region) {
  for (const auto& c : clocks(act.state, act.regime())) {
    if (c.kind != kind || (c.target && target && *c.target != *target)) continue;
    if (then_region.empty()) return true;
    const Move* m = act.regime().move(c.then);
    if (m != nullptr && region_name(m->from.region) == then_region) return true;
  }
  return false;
}

// I3: what is restricted ends by itself, or is only passed through under a duty.
void every_restriction_ends(const Drive& act) {
  const auto disclosure = act.in(Region::kDisclosure);
  if (disclosure == "sealed" || disclosure == "extended") {
    EXPECT_TRUE(has_live_end(act, ClockKind::kExit, {}, "disclosure"));
  }
  for (std::size_t i = 0; i < act.state.execution.size(); ++i) {
    const auto name = state_name(Region::kExecution, act.state.execution[i].state);
    if (name == "accepted" || name == "reversing") {
      EXPECT_TRUE(has_live_end(act, ClockKind::kDuty, i, {})) << name;
    }
    if (name == "executed" && act.in(Region::kRetention) != "erased") {
      EXPECT_TRUE(has_live_end(act, ClockKind::kExit, i, "retention"));
    }
  }
}

// What stands in the world after the wanted effects were carried out one by one.
class World {
 public:
  void carry_out(const std::vector<WantedEffect>& effects, const Regime& regime) {
    for (const auto& e : effects) {
      EXPECT_TRUE(keys_.insert(e.key).second) << "the same key twice: " << e.key;
      std::string kind = e.kind;
      if (e.undo)
        for (const auto& rule : regime.effects)
          if (rule.undo == e.kind) kind = rule.kind;
      const auto place = std::pair{kind, e.target.value_or(kMaxTargets)};
      if (e.undo)
        in_force_.erase(place);
      else
        in_force_.insert(place);
    }
  }
  bool restricts(std::size_t target, const Regime& regime) const {
    return std::any_of(regime.effects.begin(), regime.effects.end(), [&](const EffectRule& rule) {
      return rule.undone && in_force_.contains({rule.kind, target});
    });
  }

 private:
  std::set<std::pair<std::string, std::size_t>> in_force_;
  std::set<std::string> keys_;
};

void nothing_survives_reversal(const Drive& act, const World& world) {
  for (std::size_t i = 0; i < act.state.execution.size(); ++i) {
    const auto name = state_name(Region::kExecution, act.state.execution[i].state);
    if (name == "reversed" || name == "lapsed" || name == "reversing") {
      EXPECT_FALSE(world.restricts(i, act.regime())) << name;
    }
    if (name == "executed") {
      EXPECT_TRUE(world.restricts(i, act.regime()));
    }
  }
}

void executed_means_preserved(const Step& step) {
  if (step.move != "execute") return;
  EXPECT_TRUE(step.body.contains("preserved_sha256") ||
              step.body.contains("not_reversible_reason"));
}

// I2: what gives a right back takes one hand, and some way to give it back is open to somebody else
// than the issuer.
void restoring_is_lighter(const Drive& act, const Step& step) {
  const Move* move = act.regime().move(step.move);
  if (!move->restores) return;
  EXPECT_EQ(step.by.size(), 1U) << step.move;
  EXPECT_EQ(move->signatures, 1);
}

void a_way_back_without_the_issuer(const Drive& act) {
  const Regime& regime = act.regime();
  if (act.in(Region::kExecution) != "executed") return;
  bool open = false;
  for (const auto& [name, role] : regime.roles) {
    if (role.position == "issuer") continue;
    // A window may have ended: then the right has lapsed by law. Before the user is told, it cannot
    // have.
    for (const auto* m : possible(act.state, regime, name, std::nullopt, act.now))
      open = open || !m->route.empty() || m->restores;
  }
  EXPECT_TRUE(open || act.state.last("inform_user") != nullptr);
}

// New moves before old ones and endings late, or most lives would be short and alike.
const Move& next_move(const Regime& regime, const std::vector<const Move*>& open, const Drive& act,
                      Dice& dice) {
  if (open.empty() || dice.one_in(6)) return dice.of(regime.moves);
  const Move* move = dice.of(open);
  for (int i = 0; i < 4 && (move->restores || act.state.last(move->name) != nullptr); ++i)
    move = dice.of(open);
  return *move;
}

// A random life; every invariant is looked at after every step that was taken.
Drive live_one(const Regime& regime, Dice& dice) {
  Drive act(regime);
  World world;
  for (int i = 0; i < kMovesPerWalk; ++i) {
    pass_time(act, dice);
    std::vector<const Move*> open;
    for (const auto& [name, role] : regime.roles)
      for (const auto* m : possible(act.state, regime, name, 0, act.now)) open.push_back(m);
    const Move& move = next_move(regime, open, act, dice);
    if (!act.state.started() && !move.drafts) continue;
    const ActState before = act.state;
    const auto step = act.step(move.name, wish_for(regime, move, act, dice));
    const auto done = act.take(step);
    if (!done) {
      EXPECT_FALSE(done.error().rule.empty() && done.error().field.empty()) << done.error().detail;
      continue;
    }
    // I1
    if (act.in(Region::kDelivery) == "sent") {
      EXPECT_NE(act.in(Region::kPublication), "none");
    }
    every_restriction_ends(act);
    executed_means_preserved(step);
    restoring_is_lighter(act, step);
    a_way_back_without_the_issuer(act);
    world.carry_out(effects(before, act.state, regime), regime);
    nothing_survives_reversal(act, world);
    if (::testing::Test::HasFailure()) {
      for (const auto& s : act.steps)
        fmt::print("  {} by {} at {}\n", s.move, s.author().role, format_rfc3339(s.at));
      break;
    }
  }
  return act;
}

std::vector<const Regime*> regimes() {
  return {&testing::tco(), &testing::cross_border(), &testing::dsa()};
}

template <class T>
void shuffle(std::vector<T>& list, Dice& dice) {
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[dice.below(i)]);
}

TEST(Invariants, HoldThroughRandomLives) {
  Dice dice(kSeed);
  std::map<std::string, std::map<std::string, int>> taken;
  for (int i = 0; i < kWalks && !HasFailure(); ++i) {
    const Regime& regime = *regimes()[static_cast<std::size_t>(i) % 3];
    const auto act = live_one(regime, dice);
    for (const auto& s : act.steps) ++taken[regime.id][s.move];
    if (i % 7 != 0) continue;
    // I5: replay, in any order, with duplicates, gives the same bytes.
    auto steps = act.steps;
    const auto text = canonical(act.state);
    steps.insert(steps.end(), act.steps.begin(),
                 act.steps.begin() + static_cast<std::ptrdiff_t>(act.steps.size() / 2));
    shuffle(steps, dice);
    const auto folded = fold(steps, regime);
    EXPECT_TRUE(folded.waiting.empty());
    EXPECT_TRUE(folded.state.refused.empty());
    EXPECT_EQ(canonical(folded.state), text);
  }
  // The walks have to have been somewhere: each move of each regime was made.
  for (const auto* regime : regimes())
    for (const auto& m : regime->moves)
      EXPECT_GT(taken[regime->id][m.name], 0) << regime->id << " never saw " << m.name;
}

// A set of steps with branches: authors that have not seen each other's last steps, and some that
// the regime forbids.
std::vector<Step> branched(const Regime& regime, Dice& dice) {
  auto act = live_one(regime, dice);
  std::vector<Step> steps = act.steps;
  for (std::size_t i = 1; i < act.steps.size(); ++i) {
    if (!dice.one_in(3)) continue;
    // The view of an author who saw the first i steps only.
    const std::vector<Step> seen(act.steps.begin(),
                                 act.steps.begin() + static_cast<std::ptrdiff_t>(i));
    Drive view(regime, act.steps[i].at);
    view.state = fold(seen, regime).state;
    const Move& move = dice.of(regime.moves);
    steps.push_back(view.step(move.name, wish_for(regime, move, view, dice)));
  }
  return steps;
}

TEST(Invariants, AnySetOfStepsHasOneStateInWhateverOrderItCame) {
  Dice dice(kSeed + 1);
  std::size_t refused = 0;
  std::size_t concurrent = 0;
  for (int i = 0; i < 240 && !HasFailure(); ++i) {
    const Regime& regime = *regimes()[static_cast<std::size_t>(i) % 3];
    auto steps = branched(regime, dice);
    if (steps.empty()) continue;
    const auto first = fold(steps, regime);
    refused += first.state.refused.size();
    concurrent += first.state.heads.size() > 1 ? 1 : 0;
    for (int k = 0; k < 4; ++k) {
      shuffle(steps, dice);
      EXPECT_EQ(canonical(fold(steps, regime).state), canonical(first.state));
    }
  }
  EXPECT_GT(refused, 100U);  // the branches have to have disagreed
  EXPECT_GT(concurrent, 20U);
}

TEST(Invariants, AStepWhosePredecessorIsMissingWaitsAndMovesNothing) {
  auto act = testing::received(testing::tco());
  act.through({"accept", "execute"});
  auto steps = act.steps;
  steps.erase(steps.begin() + 3);  // the receipt
  const auto partial = fold(steps, testing::tco());
  EXPECT_EQ(partial.waiting.size(), 2U);
  EXPECT_EQ(state_name(Region::kExecution,
                       partial.state.region[static_cast<std::size_t>(Region::kExecution)]),
            "pending");
  EXPECT_TRUE(partial.state.refused.empty());
}

TEST(Invariants, DuplicatesAndLateArrivalsDoNotMoveClocks) {
  auto act = testing::received(testing::cross_border());
  ASSERT_TRUE(act.make("receive_copy", {.role = "home_system"}));
  const auto due = [](const ActState& s) {
    std::map<std::string, Instant> out;
    for (const auto& c : clocks(s, testing::cross_border())) out[c.id + "/" + c.role] = c.due_1182;
    return out;
  };
  const auto before = due(act.state);
  auto steps = act.steps;
  steps.push_back(steps[3]);
  // The home authority's node says again, a day later, from an older view, that it has received its
  // copy.
  Drive late(testing::cross_border(), act.now + std::chrono::hours(24));
  late.state =
      fold(std::vector<Step>(act.steps.begin(), act.steps.begin() + 4), testing::cross_border())
          .state;
  steps.push_back(late.step("receive_copy", {.role = "home_system"}));
  const auto folded = fold(steps, testing::cross_border());
  // One of the two receipts counts, whichever comes first in the fold; it is the same on every
  // node.
  EXPECT_EQ(folded.state.refused.size(), 1U);
  EXPECT_EQ(folded.state.refused.front().why.rule, "I8");
  auto now = due(folded.state);
  auto unchanged = before;
  for (auto* m : {&now, &unchanged}) m->erase("scrutiny_own/home_officer");
  EXPECT_EQ(now, unchanged);
}

TEST(Invariants, ConcurrentBranchesMeetInTheSamePlace) {
  // The court annuls while the provider, who has not heard of it, executes.
  auto act = testing::received(testing::tco());
  act.through({"contest", "accept"});
  const auto heads = act.state.heads;
  auto annul = act.step("annul", {.after = heads});
  auto execute = act.step("execute", {.after = heads});
  auto one = act.steps;
  one.insert(one.end(), {annul, execute});
  auto two = act.steps;
  two.insert(two.begin(), {execute, annul});
  const auto a = fold(one, testing::tco());
  const auto b = fold(two, testing::tco());
  EXPECT_EQ(canonical(a.state), canonical(b.state));
  // Whatever the order of their ids, what was restricted is on its way back.
  EXPECT_EQ(state_name(Region::kExecution, a.state.execution.front().state), "reversing");
}

TEST(Invariants, NobodyOutsideTheActCanMoveIt) {
  Dice dice(kSeed + 2);
  for (int i = 0; i < 60; ++i) {
    const Regime& regime = *regimes()[static_cast<std::size_t>(i) % 3];
    const auto act = live_one(regime, dice);
    if (!act.state.started()) continue;
    for (const auto& move : regime.moves) {
      auto step = act.step(move.name);
      for (auto& h : step.by) h.party = "stranger.example";
      const auto done = apply(act.state, step, regime, act.now);
      EXPECT_FALSE(done) << regime.id << " let a stranger " << move.name;
    }
  }
}

}  // namespace
}  // namespace entente::acts

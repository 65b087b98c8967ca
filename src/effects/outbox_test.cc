// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/outbox.h"

#include "entente/effects/effects_fixture.h"

namespace entente::effects {
namespace {

using Outbox = EffectsTest;

TEST_F(Outbox, RefusesEffectsBeyondTheirLimits) {
  Effect no_key = effect_of("");
  Effect long_key = effect_of(std::string(kMaxKeyBytes + 1, 'k'));
  Effect no_kind = effect_of("k", "", "");
  Effect odd_group = effect_of("k");
  odd_group.payload["serial_group"] = 7;
  Effect empty_group = effect_of("k");
  empty_group.payload["serial_group"] = "";
  Effect deep = effect_of("k");
  json::Value nested = 1;
  for (std::size_t i = 0; i < json::kMaxDepth + 2; ++i) nested = json::Array{std::move(nested)};
  deep.payload["nested"] = std::move(nested);
  for (const Effect& bad : {no_key, long_key, no_kind, odd_group, empty_group, deep}) {
    const auto r = add(bad);
    ASSERT_FALSE(r) << bad.key;
    EXPECT_EQ(r.error().code, Code::kInvalid);
  }
  Effect huge = effect_of("k");
  huge.payload["text"] = std::string(kMaxPayloadBytes, 'x');
  EXPECT_EQ(add(huge).error().code, Code::kTooLarge);
}

TEST_F(Outbox, AKnownKeyChangesNothing) {
  ASSERT_TRUE(*add(effect_of("k")));
  Effect again = effect_of("k", "", "other.kind");
  const auto second = add(again);
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  EXPECT_EQ(entry("k").effect.kind, "content.disable");
}

TEST_F(Outbox, AnUndoneUnitLeavesNoEffect) {
  EXPECT_FALSE(store_->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(fresh, enqueue(tx, effect_of("k"), clock_.now()));
    EXPECT_TRUE(fresh);
    return fail(Code::kRefused, "the step is refused after all");
  }));
  EXPECT_TRUE(*add(effect_of("k")));
}

TEST_F(Outbox, KeepsTheEffectAsItWas) {
  Effect e = effect_of("k");
  e.payload["text"] = "é \" \\ \n 🌍";
  e.payload["nested"] = json::Object{{"list", json::Array{1, 2.5, nullptr, true}}};
  e.not_before = clock_.now() + Millis{5000};
  ASSERT_TRUE(*add(e));
  const Entry back = entry("k");
  EXPECT_EQ(back.effect.key, e.key);
  EXPECT_EQ(back.effect.kind, e.kind);
  EXPECT_EQ(back.effect.act, e.act);
  EXPECT_EQ(json::canonical(back.effect.payload), json::canonical(e.payload));
  EXPECT_EQ(back.effect.not_before, e.not_before);
  EXPECT_EQ(back.next_at, e.not_before);
  EXPECT_EQ(back.created_at, clock_.now());
  EXPECT_EQ(back.state, State::kPending);
  EXPECT_FALSE(back.running);
  EXPECT_FALSE(back.result);
  EXPECT_FALSE(back.done_at);
}

TEST_F(Outbox, OnlyAPendingEffectIsCancelledAndOnlyAFailedOneRetried) {
  EXPECT_EQ(cancel_now("nobody").error().code, Code::kNotFound);
  EXPECT_EQ(retry_now("nobody").error().code, Code::kNotFound);
  ASSERT_TRUE(*add(effect_of("k")));
  EXPECT_EQ(retry_now("k").error().code, Code::kConflict);
  EXPECT_TRUE(*cancel_now("k"));
  EXPECT_EQ(entry("k").state, State::kCancelled);
  EXPECT_FALSE(*cancel_now("k"));
  EXPECT_EQ(retry_now("k").error().code, Code::kConflict);
  EXPECT_FALSE(*add(effect_of("k"))) << "a key stays used";
}

TEST_F(Outbox, ListsByStateAndActInPages) {
  for (int i = 0; i < 7; ++i) {
    Effect e = effect_of("k" + std::to_string(i));
    if (i == 3) e.act = "act-2";
    ASSERT_TRUE(*add(e));
  }
  ASSERT_TRUE(*cancel_now("k5"));
  const auto keys = [&](const Filter& filter) {
    std::vector<std::string> out;
    const auto rows = store::read_returning<std::vector<Entry>>(
        *store_, [&](store::Tx& tx) { return list(tx, filter, clock_.now()); });
    EXPECT_TRUE(rows);
    for (const Entry& e : *rows) out.push_back(e.effect.key);
    return out;
  };
  Filter filter;
  filter.limit = 3;
  EXPECT_EQ(keys(filter), (std::vector<std::string>{"k0", "k1", "k2"}));
  filter.after_seq = entry("k2").seq;
  EXPECT_EQ(keys(filter), (std::vector<std::string>{"k3", "k4", "k5"}));
  filter = {};
  filter.act = "act-2";
  EXPECT_EQ(keys(filter), (std::vector<std::string>{"k3"}));
  filter = {};
  filter.state = State::kCancelled;
  EXPECT_EQ(keys(filter), (std::vector<std::string>{"k5"}));
  filter.act = "act-2";
  EXPECT_TRUE(keys(filter).empty());
}

TEST_F(Outbox, CountsWhatWaitsAndWhatIsLate) {
  ASSERT_TRUE(*add(effect_of("now")));
  Effect later = effect_of("later");
  later.not_before = clock_.now() + Millis{10'000};
  ASSERT_TRUE(*add(later));
  const auto ask = [&] {
    return *store::read_returning<Counts>(*store_,
                                          [&](store::Tx& tx) { return counts(tx, clock_.now()); });
  };
  EXPECT_EQ(ask().pending, 2);
  EXPECT_EQ(ask().overdue, 0);
  clock_.advance(Millis{1000});
  EXPECT_EQ(ask().overdue, 1);
  EXPECT_EQ(ask().failed, 0);
}

}  // namespace
}  // namespace entente::effects

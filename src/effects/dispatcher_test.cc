// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/dispatcher.h"

#include <future>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "entente/bus/local_bus.h"
#include "entente/effects/effects_fixture.h"

namespace entente::effects {
namespace {

class DispatcherTest : public EffectsTest {
 protected:
  DispatcherTest() { renew(); }

  void renew(DispatcherOptions options = {}, bus::Bus* bus = nullptr) {
    dispatcher_ = std::make_unique<Dispatcher>(*store_, clock_, random_, options, bus);
    dispatcher_->handle("content.disable", handler_);
  }
  std::size_t run() {
    const auto n = dispatcher_->run_due();
    EXPECT_TRUE(n);
    return n.value_or(999);
  }
  std::size_t calls() const { return handler_.seen().size(); }

  TestHandler handler_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

TestHandler::Answer answer(Code code) {
  return [code](const Effect&) -> Result<json::Object> { return fail(code, "the peer says no"); };
}

// Blocks its caller until the test lets go.
struct Gate {
  std::promise<void> entered;
  std::promise<void> release;
  TestHandler::Answer answer() {
    return [this](const Effect&) -> Result<json::Object> {
      entered.set_value();
      release.get_future().wait();
      return json::Object();
    };
  }
};

TEST_F(DispatcherTest, APermanentRefusalFailsVisiblyAndIsNotRepeated) {
  std::vector<std::string> told;
  dispatcher_->on_failed([&](store::Tx&, const Effect& e, const Error& why) -> Result<void> {
    told.push_back(e.key + " " + std::string(code_name(why.code)));
    return {};
  });
  std::size_t expected = 0;
  for (const Code code : {Code::kRefused, Code::kInvalid, Code::kForbidden}) {
    const std::string key(code_name(code));
    handler_.set(answer(code));
    ASSERT_TRUE(*add(effect_of(key)));
    EXPECT_EQ(run(), 1U);
    clock_.advance(Millis{24 * 3'600'000});
    EXPECT_EQ(run(), 0U);
    EXPECT_EQ(calls(), ++expected);
    const Entry e = entry(key);
    EXPECT_EQ(e.state, State::kFailed);
    EXPECT_NE(e.last_error.find("the peer says no"), std::string::npos);
    EXPECT_TRUE(e.done_at);
  }
  EXPECT_EQ(told.size(), 3U);
}

TEST_F(DispatcherTest, AKindWithoutHandlerFailsVisibly) {
  ASSERT_TRUE(*add(effect_of("k", "", "unknown.kind")));
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(entry("k").state, State::kFailed);
  EXPECT_NE(entry("k").last_error.find("unknown.kind"), std::string::npos);
}

TEST_F(DispatcherTest, ADamagedRowIsSetAsideAndDoesNotStopTheOthers) {
  ASSERT_TRUE(*add(effect_of("damaged")));
  ASSERT_TRUE(*add(effect_of("sound")));
  ASSERT_TRUE(store_->write([](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("UPDATE effect_outbox SET payload = '{' WHERE key = 'damaged'"));
    return {};
  }));
  run();
  run();
  EXPECT_EQ(entry("damaged").state, State::kFailed);
  EXPECT_EQ(entry("sound").state, State::kDone);
}

TEST_F(DispatcherTest, AFailedEffectIsPerformedAgainWhenAnOperatorAsks) {
  handler_.set(answer(Code::kRefused));
  ASSERT_TRUE(*add(effect_of("k")));
  run();
  handler_.set(nullptr);
  ASSERT_TRUE(retry_now("k"));
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(entry("k").state, State::kDone);
}

TEST(Backoff, DoublesUpToItsBoundAndKeepsAtLeastHalf) {
  EXPECT_EQ(backoff(1, 65535), kFirstDelay);
  EXPECT_EQ(backoff(1, 0), kFirstDelay / 2);
  EXPECT_EQ(backoff(3, 65535), kFirstDelay * 4);
  for (const std::int64_t n : {9, 10, 64, 1'000'000}) {
    EXPECT_EQ(backoff(n, 65535), n == 9 ? kFirstDelay * 256 : kMaxDelay) << n;
    EXPECT_GE(backoff(n, 0), backoff(n, 65535) / 2) << n;
  }
}

TEST_F(DispatcherTest, ATemporaryFailureWaitsItsBackoffAndIsTriedWithoutEnd) {
  handler_.set(answer(Code::kUnavailable));
  ASSERT_TRUE(*add(effect_of("k")));
  for (std::int64_t n = 1; n <= 14; ++n) {
    ASSERT_EQ(run(), 1U) << n;
    const Entry e = entry("k");
    EXPECT_EQ(e.state, State::kPending);
    EXPECT_EQ(e.attempts, n);
    EXPECT_FALSE(e.running);
    const Millis wait = e.next_at - clock_.now();
    EXPECT_GE(wait, backoff(n, 0));
    EXPECT_LE(wait, backoff(n, 65535));
    clock_.advance(wait - Millis{1});
    EXPECT_EQ(run(), 0U) << "too early, attempt " << n;
    clock_.advance(Millis{1});
  }
  handler_.set(nullptr);
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(entry("k").state, State::kDone);
  EXPECT_EQ(entry("k").last_error, "");
}

TEST_F(DispatcherTest, AThrowingHandlerIsTriedAgain) {
  handler_.set([](const Effect&) -> Result<json::Object> { throw std::runtime_error("bug"); });
  ASSERT_TRUE(*add(effect_of("k")));
  run();
  EXPECT_EQ(entry("k").state, State::kPending);
  EXPECT_NE(entry("k").last_error.find("bug"), std::string::npos);
}

TEST_F(DispatcherTest, ResultAndFollowUpAreOneWrite) {
  ASSERT_TRUE(store_->write([](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("CREATE TABLE step (key TEXT)"));
    return {};
  }));
  bool refuse = true;
  dispatcher_->on_done(
      [&](store::Tx& tx, const Effect& e, const json::Object& result) -> Result<void> {
        EXPECT_EQ(json::canonical(result), R"({"at":"peer"})");
        ENTENTE_CHECK_OK(tx.exec("INSERT INTO step (key) VALUES ($1)", {e.key}));
        if (refuse) return fail(Code::kInvalid, "the step could not be signed");
        return {};
      });
  handler_.set([](const Effect&) -> Result<json::Object> { return json::Object{{"at", "peer"}}; });
  const auto steps = [&] {
    return *store::read_returning<std::int64_t>(*store_, [](store::Tx& tx) -> Result<std::int64_t> {
      ENTENTE_TRY(rows, tx.query("SELECT count(*) FROM step"));
      return rows[0].integer(0);
    });
  };
  ASSERT_TRUE(*add(effect_of("k")));
  run();
  EXPECT_EQ(steps(), 0) << "the follow-up failed: neither the row nor the state may stay";
  EXPECT_EQ(entry("k").state, State::kPending);
  EXPECT_NE(entry("k").last_error.find("follow-up"), std::string::npos);
  refuse = false;
  clock_.advance(kMaxDelay);
  run();
  EXPECT_EQ(steps(), 1);
  EXPECT_EQ(entry("k").state, State::kDone);
  EXPECT_EQ(json::canonical(*entry("k").result), R"({"at":"peer"})");
  EXPECT_EQ(handler_.seen(), (std::vector<std::string>{"k", "k"}));
}

TEST_F(DispatcherTest, WaitsForNotBefore) {
  Effect e = effect_of("k");
  e.not_before = clock_.now() + Millis{10'000};
  ASSERT_TRUE(*add(e));
  EXPECT_EQ(run(), 0U);
  clock_.advance(Millis{9'999});
  EXPECT_EQ(run(), 0U);
  clock_.advance(Millis{1});
  EXPECT_EQ(run(), 1U);
}

TEST_F(DispatcherTest, ASerialGroupWaitsForItsFirstAndOthersDoNot) {
  handler_.set([](const Effect& e) -> Result<json::Object> {
    if (e.key == "disable") return fail(Code::kUnavailable, "down");
    return json::Object();
  });
  ASSERT_TRUE(*add(effect_of("disable", "content-1")));
  ASSERT_TRUE(*add(effect_of("restore", "content-1")));
  ASSERT_TRUE(*add(effect_of("elsewhere", "content-2")));
  ASSERT_TRUE(*add(effect_of("alone")));
  run();
  EXPECT_EQ(handler_.seen(), (std::vector<std::string>{"disable", "elsewhere", "alone"}));
  handler_.set(nullptr);
  clock_.advance(kMaxDelay);
  run();
  EXPECT_EQ(handler_.seen(),
            (std::vector<std::string>{"disable", "elsewhere", "alone", "disable", "restore"}));
}

TEST_F(DispatcherTest, AFailedRestrictionDoesNotHoldBackItsUndoingNorMayItFollowIt) {
  handler_.set([](const Effect& e) -> Result<json::Object> {
    if (e.key == "disable") return fail(Code::kRefused, "no such content");
    return json::Object();
  });
  ASSERT_TRUE(*add(effect_of("disable", "content-1")));
  ASSERT_TRUE(*add(effect_of("restore", "content-1")));
  run();
  EXPECT_EQ(entry("disable").state, State::kFailed);
  EXPECT_EQ(entry("restore").state, State::kDone);
  const auto r = retry_now("disable");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConflict);
  EXPECT_FALSE(r.error().mend.empty());
}

TEST_F(DispatcherTest, ACancelledEffectIsNotPerformedAndLetsTheNextPass) {
  ASSERT_TRUE(*add(effect_of("first", "g")));
  ASSERT_TRUE(*add(effect_of("second", "g")));
  ASSERT_TRUE(*cancel_now("first"));
  run();
  EXPECT_EQ(handler_.seen(), (std::vector<std::string>{"second"}));
}

TEST_F(DispatcherTest, ALeaseThatEndedBringsTheRowBackWithTheSameKey) {
  ASSERT_TRUE(*add(effect_of("k")));
  ASSERT_TRUE(store_->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("UPDATE effect_outbox SET attempts = 1, lease_until = $1",
                             {to_ms(clock_.now() + Millis{60'000})}));
    return {};
  }));
  EXPECT_TRUE(entry("k").running);
  EXPECT_FALSE(*cancel_now("k")) << "too late: somebody performs it";
  EXPECT_EQ(run(), 0U);
  clock_.advance(Millis{60'000});
  EXPECT_EQ(run(), 1U);
  EXPECT_EQ(entry("k").attempts, 2);
}

// --- with workers -------------------------------------------------------------------------------

TEST_F(DispatcherTest, ARunningHandlerIsNotDoubledWhenItOutlastsItsLease) {
  DispatcherOptions options;
  options.workers = 1;
  Gate gate;
  handler_.set(gate.answer());
  renew(options);
  ASSERT_TRUE(*add(effect_of("k")));
  ASSERT_TRUE(dispatcher_->start());
  gate.entered.get_future().wait();
  clock_.advance(options.lease + Millis{1});
  EXPECT_EQ(run(), 0U);
  EXPECT_FALSE(*cancel_now("k"));
  gate.release.set_value();
  dispatcher_->stop();
  EXPECT_EQ(calls(), 1U);
  EXPECT_EQ(entry("k").state, State::kDone);
}

TEST_F(DispatcherTest, StopWaitsForRunningHandlersAndGivesBackTheRest) {
  DispatcherOptions options;
  options.workers = 1;
  Gate gate;
  renew(options);
  handler_.set(gate.answer());
  ASSERT_TRUE(*add(effect_of("first")));
  ASSERT_TRUE(*add(effect_of("second")));
  ASSERT_TRUE(dispatcher_->start());
  EXPECT_FALSE(dispatcher_->start()) << "started twice";
  gate.entered.get_future().wait();
  std::thread helper([&] { gate.release.set_value(); });
  dispatcher_->stop();
  helper.join();
  handler_.set(nullptr);
  const auto seen = handler_.seen();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(entry(seen[0]).state, State::kDone);
  EXPECT_FALSE(entry("second").running);
  dispatcher_->stop();
}

TEST_F(DispatcherTest, WakesOnCommitWithoutPolling) {
  DispatcherOptions options;
  options.poll = Millis{3'600'000};
  renew(options);
  std::promise<void> performed;
  handler_.set([&](const Effect&) -> Result<json::Object> {
    performed.set_value();
    return json::Object();
  });
  store_->after_commit(dispatcher_->waker());
  ASSERT_TRUE(dispatcher_->start());
  ASSERT_TRUE(*add(effect_of("k")));
  EXPECT_EQ(performed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  dispatcher_.reset();
  EXPECT_TRUE(*add(effect_of("later"))) << "the waker outlives its dispatcher";
}

TEST_F(DispatcherTest, PollsForWhatBecomesDueByTime) {
  DispatcherOptions options;
  options.poll = Millis{5};
  renew(options);
  std::promise<void> performed;
  handler_.set([&](const Effect&) -> Result<json::Object> {
    performed.set_value();
    return json::Object();
  });
  Effect e = effect_of("k");
  e.not_before = clock_.now() + Millis{10'000};
  ASSERT_TRUE(*add(e));
  ASSERT_TRUE(dispatcher_->start());
  clock_.advance(Millis{10'000});
  EXPECT_EQ(performed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

TEST_F(DispatcherTest, ManyWorkersPerformEachOnceAndKeepTheOrderOfGroups) {
  constexpr int kGroups = 5;
  constexpr int kEach = 30;
  DispatcherOptions options;
  options.workers = 8;
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> order;
  std::set<std::string> inside;
  bool overlapped = false;
  std::promise<void> all;
  int done = 0;
  handler_.set([&](const Effect& e) -> Result<json::Object> {
    const std::string group(json::text_or(e.payload, "serial_group"));
    {
      const std::lock_guard lock(mutex);
      overlapped = overlapped || !inside.insert(group).second;
      order[group].push_back(e.key);
    }
    std::this_thread::yield();
    const std::lock_guard lock(mutex);
    inside.erase(group);
    if (++done == kGroups * kEach) all.set_value();
    return json::Object();
  });
  renew(options);
  std::map<std::string, std::vector<std::string>> expected;
  ASSERT_TRUE(store_->write([&](store::Tx& tx) -> Result<void> {
    for (int i = 0; i < kEach; ++i)
      for (int g = 0; g < kGroups; ++g) {
        const std::string group = "g" + std::to_string(g);
        const std::string key = group + ":" + std::to_string(i);
        expected[group].push_back(key);
        ENTENTE_CHECK_OK(enqueue(tx, effect_of(key, group), clock_.now()));
      }
    return {};
  }));
  store_->after_commit(dispatcher_->waker());
  ASSERT_TRUE(dispatcher_->start());
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(120)), std::future_status::ready);
  dispatcher_->stop();
  EXPECT_FALSE(overlapped);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(calls(), static_cast<std::size_t>(kGroups * kEach));
}

TEST_F(DispatcherTest, TellsTheBusAfterTheOutcomeIsDurable) {
  bus::LocalBus bus;
  std::vector<std::string> heard;
  const bus::Subscription s = bus.subscribe("effect.>", [&](const bus::Event& e) {
    const bool durable = entry("k").state != State::kPending;
    heard.push_back(e.topic + " " + e.payload + (durable ? " durable" : ""));
  });
  renew({}, &bus);
  ASSERT_TRUE(*add(effect_of("k")));
  run();
  bus.flush();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0], R"(effect.done {"act":"act-1","key":"k","kind":"content.disable"} durable)");
}

}  // namespace
}  // namespace entente::effects

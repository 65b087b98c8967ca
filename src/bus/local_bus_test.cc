// SPDX-License-Identifier: Apache-2.0
#include "entente/bus/local_bus.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

namespace entente::bus {
namespace {

TEST(LocalBus, RefusesBadTopicsAndHugePayloads) {
  LocalBus bus;
  for (const std::string bad : {"", ".", "a.", ".a", "a..b", "a b", "a.>", "a\n", "é"})
    EXPECT_EQ(bus.publish(bad, "").error().code, Code::kInvalid) << bad;
  EXPECT_FALSE(bus.publish(std::string(kMaxTopicBytes + 1, 'a'), ""));
  const auto huge = bus.publish("a", std::string(kMaxPayloadBytes + 1, 'x'));
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Code::kTooLarge);
  EXPECT_TRUE(bus.publish("a", std::string(kMaxPayloadBytes, 'x')));
}

TEST(LocalBus, DropsTheOldestWhenASubscriberIsSlowAndCountsIt) {
  LocalBus bus(2);
  std::promise<void> entered;
  std::promise<void> release;
  std::vector<std::string> seen;
  const Subscription s = bus.subscribe("t", [&](const Event& e) {
    seen.push_back(e.payload);
    if (seen.size() == 1) {
      entered.set_value();
      release.get_future().wait();
    }
  });
  ASSERT_TRUE(bus.publish("t", "1"));
  entered.get_future().wait();
  for (const char* p : {"2", "3", "4", "5"}) ASSERT_TRUE(bus.publish("t", p));
  EXPECT_EQ(bus.dropped(), 2U);
  release.set_value();
  bus.flush();
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "4", "5"}));
}

TEST(LocalBus, SurvivesAThrowingCallback) {
  LocalBus bus;
  int heard = 0;
  const Subscription bad =
      bus.subscribe("t", [](const Event&) { throw std::runtime_error("broken screen"); });
  const Subscription good = bus.subscribe("t", [&](const Event&) { ++heard; });
  ASSERT_TRUE(bus.publish("t", ""));
  ASSERT_TRUE(bus.publish("t", ""));
  bus.flush();
  EXPECT_EQ(heard, 2);
}

TEST(LocalBus, EndingASubscriptionWaitsForItsRunningCallback) {
  LocalBus bus;
  std::promise<void> entered;
  std::promise<void> release;
  std::atomic<bool> finished{false};
  std::optional<Subscription> s = bus.subscribe("t", [&](const Event&) {
    entered.set_value();
    release.get_future().wait();
    finished = true;
  });
  ASSERT_TRUE(bus.publish("t", ""));
  entered.get_future().wait();
  std::thread helper([&] { release.set_value(); });
  s.reset();
  EXPECT_TRUE(finished);
  helper.join();
}

TEST(LocalBus, ACallbackMayEndItsOwnSubscriptionAndOthers) {
  LocalBus bus;
  int first = 0;
  int second = 0;
  Subscription b;
  Subscription a = bus.subscribe("t", [&](const Event&) {
    ++first;
    a.reset();
    b.reset();
  });
  b = bus.subscribe("t", [&](const Event&) { ++second; });
  ASSERT_TRUE(bus.publish("t", ""));
  ASSERT_TRUE(bus.publish("t", ""));
  bus.flush();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

TEST(LocalBus, ASubscriptionMayOutliveTheBus) {
  Subscription s;
  {
    LocalBus bus;
    s = bus.subscribe("t", [](const Event&) {});
  }
  s.reset();
}

TEST(LocalBus, HearsItsTopicAndWhatIsBelowAPattern) {
  EXPECT_TRUE(matches("effect.done", "effect.done"));
  EXPECT_FALSE(matches("effect.done", "effect.done.late"));
  EXPECT_TRUE(matches("effect.>", "effect.done"));
  EXPECT_TRUE(matches("effect.>", "effect.done.late"));
  EXPECT_FALSE(matches("effect.>", "effect"));
  EXPECT_FALSE(matches("effect.>", "effects.done"));

  LocalBus bus;
  std::vector<std::string> seen;
  const Subscription s =
      bus.subscribe("effect.>", [&](const Event& e) { seen.push_back(e.topic); });
  for (const char* t : {"effect.done", "queue.changed", "effect.failed"})
    ASSERT_TRUE(bus.publish(t, "{}"));
  bus.flush();
  EXPECT_EQ(seen, (std::vector<std::string>{"effect.done", "effect.failed"}));
}

TEST(LocalBus, ACallbackMayPublish) {
  LocalBus bus;
  std::vector<std::string> seen;
  const Subscription s =
      bus.subscribe("a", [&](const Event&) { ASSERT_TRUE(bus.publish("b", "")); });
  const Subscription t = bus.subscribe("b", [&](const Event& e) { seen.push_back(e.topic); });
  ASSERT_TRUE(bus.publish("a", ""));
  bus.flush();
  bus.flush();
  EXPECT_EQ(seen.size(), 1U);
}

TEST(LocalBus, KeepsTheOrderOfEachPublisher) {
  LocalBus bus(10'000);
  std::array<int, 4> last{};
  bool ordered = true;
  const Subscription s = bus.subscribe("t", [&](const Event& e) {
    const auto who = static_cast<std::size_t>(e.payload[0] - '0');
    const int n = std::stoi(e.payload.substr(1));
    ordered = ordered && n == last[who] + 1;
    last[who] = n;
  });
  std::vector<std::thread> threads;
  for (int who = 0; who < 4; ++who)
    threads.emplace_back([&, who] {
      for (int i = 1; i <= 500; ++i)
        static_cast<void>(bus.publish("t", std::to_string(who) + std::to_string(i)));
    });
  for (auto& t : threads) t.join();
  bus.flush();
  EXPECT_TRUE(ordered);
  for (const int n : last) EXPECT_EQ(n, 500);
  EXPECT_EQ(bus.dropped(), 0U);
}

}  // namespace
}  // namespace entente::bus

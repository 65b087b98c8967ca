// SPDX-License-Identifier: Apache-2.0
//
// The event port: notifications of what is already committed ("queue.changed", "effect.done"). The
// bus is never the record: a notification may be late, repeated or lost, so a subscriber reads the
// store when it hears one, and works (by polling) when it hears none.
//
//   Subscription s = bus.subscribe("effect.>", [](const Event& e) { … });
//
// Topics are dot-separated words. A subscription names one topic, or ends in ".>" for everything
// below it. Durability: none. Thread-safety: all methods, from any thread, callbacks included.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "entente/core/error.h"

namespace entente::bus {

// A notification names what changed; whoever wants the content reads it from the store.
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxTopicBytes = 200;

struct Event {
  std::string topic;
  std::string payload;  // text the two ends agree on, usually JSON
};

using Callback = std::function<void(const Event&)>;

// Ends the subscription when it goes. Its destructor returns only when no callback of it runs any
// more (unless it is destroyed inside that very callback), so a callback may refer to whatever owns
// the Subscription. It may outlive the bus.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  ~Subscription() { reset(); }

  void reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }

 private:
  std::function<void()> cancel_;
};

class Bus {
 public:
  virtual ~Bus() = default;
  // Never blocks. kInvalid for a bad topic, kTooLarge over kMaxPayloadBytes, kUnavailable when the
  // bus is gone. A caller after a commit may ignore the result: the record is safe, the poll will
  // find it.
  virtual Result<void> publish(std::string_view topic, std::string payload) = 0;
  // Events published after it returned reach `callback`, one at a time, in the order of publication
  // by each thread. An exception from a callback is logged and otherwise ignored.
  virtual Subscription subscribe(std::string_view topic, Callback callback) = 0;
};

// Does the subscription `pattern` hear `topic`?
bool matches(std::string_view pattern, std::string_view topic);

}  // namespace entente::bus

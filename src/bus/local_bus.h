// SPDX-License-Identifier: Apache-2.0
//
// The bus of a node that is one process. Callbacks of all subscriptions run on one dispatcher
// thread. The queue is bounded; when it is full the oldest event goes and `dropped()` counts it:
// publishers are writers of the store and must not wait for a slow screen. Events still queued at
// destruction are not delivered. Thread-safety: all methods. The bus must not be destroyed from a
// callback.
#pragma once

#include <cstdint>
#include <memory>

#include "entente/bus/bus.h"

namespace entente::bus {

// At 64 KiB each this could be 64 MiB, but notifications are a hundred bytes: about 100 KiB.
inline constexpr std::size_t kDefaultCapacity = 1024;

class LocalBus final : public Bus {
 public:
  explicit LocalBus(std::size_t capacity = kDefaultCapacity);
  ~LocalBus() override;
  LocalBus(const LocalBus&) = delete;
  LocalBus& operator=(const LocalBus&) = delete;

  Result<void> publish(std::string_view topic, std::string payload) override;
  Subscription subscribe(std::string_view topic, Callback callback) override;

  // Events given up because the queue was full, since construction.
  std::uint64_t dropped() const;
  // Returns when every event published before the call was delivered or dropped. Not from a
  // callback.
  void flush();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace entente::bus

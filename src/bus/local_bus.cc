// SPDX-License-Identifier: Apache-2.0
#include "entente/bus/local_bus.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "entente/core/log.h"

namespace entente::bus {

bool matches(std::string_view pattern, std::string_view topic) {
  if (pattern.size() >= 2 && pattern.substr(pattern.size() - 2) == ".>")
    return topic.size() >= pattern.size() &&
           topic.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1);
  return pattern == topic;
}

namespace {

bool is_topic(std::string_view topic) {
  if (topic.empty() || topic.size() > kMaxTopicBytes) return false;
  if (topic.front() == '.' || topic.back() == '.' || topic.find("..") != std::string_view::npos)
    return false;
  return std::all_of(topic.begin(), topic.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

struct LocalBus::State {
  struct Subscriber {
    std::string pattern;
    std::shared_ptr<const Callback> callback;
  };

  explicit State(std::size_t bound) : capacity(std::max<std::size_t>(bound, 1)) {}

  void run();
  void deliver(const Event& event, std::unique_lock<std::mutex>& lock);
  void cancel(std::uint64_t id);

  const std::size_t capacity;
  mutable std::mutex mutex;
  std::condition_variable changed;  // one for all waits: they are few
  // Guarded by mutex:
  std::deque<Event> queue;
  std::map<std::uint64_t, Subscriber> subscribers;
  std::uint64_t next_id = 1;
  std::uint64_t published = 0;   // accepted so far: the number of the newest event in the queue
  std::uint64_t delivering = 0;  // number of the event in delivery, or 0
  std::uint64_t lost = 0;
  std::uint64_t calling = 0;  // the subscription whose callback runs, or 0
  bool stopping = false;
  std::thread thread;
};

void LocalBus::State::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return stopping || !queue.empty(); });
    if (stopping) return;
    delivering = published - queue.size() + 1;
    const Event event = std::move(queue.front());
    queue.pop_front();
    deliver(event, lock);
    delivering = 0;
    changed.notify_all();
  }
}

void LocalBus::State::deliver(const Event& event, std::unique_lock<std::mutex>& lock) {
  std::vector<std::uint64_t> ids;
  for (const auto& entry : subscribers)
    if (matches(entry.second.pattern, event.topic)) ids.push_back(entry.first);
  for (const std::uint64_t id : ids) {
    const auto found = subscribers.find(id);  // an earlier callback may have ended it
    if (found == subscribers.end() || stopping) continue;
    std::shared_ptr<const Callback> callback = found->second.callback;
    calling = id;
    lock.unlock();
    try {
      (*callback)(event);
    } catch (const std::exception& e) {
      log::error("bus.callback_threw", {{"topic", event.topic}, {"what", e.what()}});
    } catch (...) {
      log::error("bus.callback_threw", {{"topic", event.topic}});
    }
    callback.reset();  // if it was the last: what it captured may itself end subscriptions, so not
                       // under the lock
    lock.lock();
    calling = 0;
    changed.notify_all();
  }
}

void LocalBus::State::cancel(std::uint64_t id) {
  std::shared_ptr<const Callback> last;  // its captures are destroyed outside the lock
  std::unique_lock lock(mutex);
  const auto found = subscribers.find(id);
  if (found != subscribers.end()) {
    last = std::move(found->second.callback);
    subscribers.erase(found);
  }
  if (std::this_thread::get_id() != thread.get_id())
    changed.wait(lock, [&] { return calling != id; });
  lock.unlock();
}

LocalBus::LocalBus(std::size_t capacity) : state_(std::make_shared<State>(capacity)) {
  State* state = state_.get();
  // Under the lock, so that `thread` is set before the first callback can look at it.
  const std::lock_guard lock(state->mutex);
  state->thread = std::thread([state] { state->run(); });
}

LocalBus::~LocalBus() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  state_->thread.join();
}

Result<void> LocalBus::publish(std::string_view topic, std::string payload) {
  if (!is_topic(topic)) return fail(Code::kInvalid, "not a topic", "topic");
  if (payload.size() > kMaxPayloadBytes)
    return fail(Code::kTooLarge, "a notification is at most 64 KiB", "payload");
  Event event{std::string(topic), std::move(payload)};
  const std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= state_->capacity) {
    state_->queue.pop_front();
    ++state_->lost;
  }
  state_->queue.push_back(std::move(event));
  ++state_->published;
  state_->changed.notify_all();
  return {};
}

Subscription LocalBus::subscribe(std::string_view topic, Callback callback) {
  const bool below = topic.size() > 2 && topic.substr(topic.size() - 2) == ".>";
  check(is_topic(below ? topic.substr(0, topic.size() - 2) : topic), "subscription to a bad topic");
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t id = state_->next_id++;
  state_->subscribers[id] = {std::string(topic),
                             std::make_shared<const Callback>(std::move(callback))};
  return Subscription([weak = std::weak_ptr<State>(state_), id] {
    if (const auto state = weak.lock()) state->cancel(id);
  });
}

std::uint64_t LocalBus::dropped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->lost;
}

void LocalBus::flush() {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t target = state_->published;
  state_->changed.wait(lock, [&] {
    const bool queued = state_->published - state_->queue.size() < target;
    const bool running = state_->delivering != 0 && state_->delivering <= target;
    return state_->stopping || (!queued && !running);
  });
}

}  // namespace entente::bus

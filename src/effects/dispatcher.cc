// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "entente/core/log.h"

namespace entente::effects {
namespace {

using store::Row;
using store::Tx;

// Due, free, and first of its serial group. $1 is now.
constexpr std::string_view kDue =
    "SELECT e.key FROM effect_outbox AS e"
    " WHERE e.state = 'pending' AND e.next_at <= $1 AND e.lease_until <= $1"
    " AND (e.serial_group IS NULL OR NOT EXISTS ("
    "  SELECT 1 FROM effect_outbox AS f WHERE f.serial_group = e.serial_group AND f.state = "
    "'pending'"
    "  AND (f.seq, f.key) < (e.seq, e.key)))"
    " ORDER BY e.next_at, e.seq";

struct Claimed {
  Effect effect;
  std::int64_t attempts = 0;
};

Result<void> set_aside(Tx& tx, const std::string& key, const Error& why, std::int64_t now) {
  log::error("effects.unreadable", {{"key", key}, {"error", to_string(why)}});
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE effect_outbox SET state = 'failed', lease_until = 0, done_at = $2,"
              " last_error = $3 WHERE key = $1",
              {key, now, "unreadable payload: " + to_string(why)}));
  return {};
}

bool is_permanent(Code code) {
  return code == Code::kRefused || code == Code::kInvalid || code == Code::kForbidden;
}

}  // namespace

Millis backoff(std::int64_t attempts, std::uint16_t dice) {
  Millis full = kFirstDelay;
  for (std::int64_t i = 1; i < attempts && full < kMaxDelay; ++i) full *= 2;
  full = std::min(full, kMaxDelay);
  const Millis half = full / 2;
  return half + Millis(half.count() * dice / 65535);
}

struct Dispatcher::Impl {
  Impl(store::Store& s, const Clock& c, Random& r, DispatcherOptions o, bus::Bus* b)
      : store(s), clock(c), random(r), options(o), bus(b) {}

  void worker();
  Result<void> release_stale();
  Result<std::vector<Claimed>> claim(std::int64_t limit);
  Result<std::vector<Claimed>> lease(Tx& tx, std::int64_t limit, std::int64_t now) const;
  // Not those whose handler still runs in this process past its lease: claiming has just renewed
  // it.
  std::vector<Claimed> not_running(std::vector<Claimed> claimed);
  void perform(const Claimed& claimed);
  Result<json::Object> call_handler(const Effect& effect);
  Result<void> record_done(const Claimed& claimed, const json::Object& result);
  Result<void> record_failed(const Claimed& claimed, const Error& why);
  Result<void> record_retry(const Claimed& claimed, const Error& why);
  void settle(const Claimed& claimed, const Result<json::Object>& outcome);
  void announce(std::string_view topic, const Effect& effect) const;
  void give_back(const std::deque<Claimed>& unbegun);
  void wake();

  store::Store& store;
  const Clock& clock;
  Random& random;
  const DispatcherOptions options;
  bus::Bus* const bus;
  // Set before start, constant after:
  std::map<std::string, Handler*, std::less<>> handlers;
  OnDone done;
  OnFailed failed;

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex:
  std::deque<Claimed> ready;      // leased, not begun
  std::set<std::string> running;  // keys of handlers under way
  bool woken = true;              // look at the outbox without waiting for the poll
  bool claiming = false;          // one thread looks at a time
  bool started = false;
  bool stopping = false;
  int idle = 0;
  std::chrono::steady_clock::time_point next_poll{};
  std::vector<std::thread> threads;
};

Result<void> Dispatcher::Impl::release_stale() {
  return store.write([](Tx& tx) -> Result<void> {
    ENTENTE_TRY(n, tx.exec("UPDATE effect_outbox SET lease_until = 0"
                           " WHERE state = 'pending' AND lease_until > 0"));
    if (n > 0) log::warn("effects.leases_of_a_dead_process_released", {{"count", n}});
    return {};
  });
}

Result<std::vector<Claimed>> Dispatcher::Impl::claim(std::int64_t limit) {
  const std::int64_t now = to_ms(clock.now());
  // Asked on a read first: an idle node must not write twice a second.
  ENTENTE_TRY(due, store::read_returning<bool>(store, [&](Tx& tx) -> Result<bool> {
                ENTENTE_TRY(rows, tx.query(fmt::format("{} LIMIT 1", kDue), {now}));
                return !rows.empty();
              }));
  if (!due) return std::vector<Claimed>();
  ENTENTE_TRY(claimed, store::write_returning<std::vector<Claimed>>(
                           store, [&](Tx& tx) { return lease(tx, limit, now); }));
  return not_running(std::move(claimed));
}

Result<std::vector<Claimed>> Dispatcher::Impl::lease(Tx& tx, std::int64_t limit,
                                                     std::int64_t now) const {
  // The outer conditions repeat the inner ones for stores where two claims may overlap.
  ENTENTE_TRY(
      rows,
      tx.query(fmt::format("UPDATE effect_outbox SET lease_until = $2, attempts = attempts + 1"
                           " WHERE state = 'pending' AND lease_until <= $1 AND key IN ({} LIMIT $3)"
                           " RETURNING key, kind, act, payload, not_before, attempts, seq",
                           kDue),
               {now, now + options.lease.count(), limit}));
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.integer(6) < b.integer(6); });
  std::vector<Claimed> out;
  for (const Row& row : rows) {
    Claimed c;
    c.effect.key = row.text(0);
    c.effect.kind = row.text(1);
    c.effect.act = row.text(2);
    auto payload = json::parse_object(row.text(3), kMaxPayloadBytes);
    if (!payload) {
      // A damaged row: set aside at once, so that it cannot stop all others.
      ENTENTE_CHECK_OK(set_aside(tx, c.effect.key, payload.error(), now));
      continue;
    }
    c.effect.payload = *std::move(payload);
    c.effect.not_before = instant_from_ms(row.integer(4));
    c.attempts = row.integer(5);
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<Claimed> Dispatcher::Impl::not_running(std::vector<Claimed> claimed) {
  const std::lock_guard lock(mutex);
  std::erase_if(claimed, [&](const Claimed& c) {
    if (running.count(c.effect.key) == 0) return false;
    log::warn("effects.handler_outlasts_its_lease",
              {{"key", c.effect.key}, {"kind", c.effect.kind}});
    return true;
  });
  for (const Claimed& c : claimed) running.insert(c.effect.key);
  return claimed;
}

Result<json::Object> Dispatcher::Impl::call_handler(const Effect& effect) {
  const auto handler = handlers.find(effect.kind);
  if (handler == handlers.end())
    return fail(Code::kRefused, fmt::format("no handler for effects of kind {}", effect.kind));
  try {
    return handler->second->perform(effect);
  } catch (const std::exception& e) {
    return fail(Code::kInternal, fmt::format("the handler threw: {}", e.what()));
  } catch (...) {
    return fail(Code::kInternal, "the handler threw");
  }
}

void Dispatcher::Impl::perform(const Claimed& claimed) {
  settle(claimed, call_handler(claimed.effect));
  const std::lock_guard lock(mutex);
  running.erase(claimed.effect.key);
  woken = true;  // the next of its serial group may be due now
  changed.notify_all();
}

void Dispatcher::Impl::settle(const Claimed& claimed, const Result<json::Object>& outcome) {
  Result<void> recorded;
  Error why;
  if (outcome) {
    recorded = record_done(claimed, *outcome);
    if (recorded) return announce("effect.done", claimed.effect);
    why = recorded.error();
    why.detail = "performed, but its follow-up failed: " + why.detail;
  } else if (is_permanent(outcome.error().code)) {
    recorded = record_failed(claimed, outcome.error());
    if (recorded) return announce("effect.failed", claimed.effect);
    why = recorded.error();
    why.detail = "failed, and its follow-up too: " + why.detail;
  } else {
    why = outcome.error();
  }
  recorded = record_retry(claimed, why);
  // Not even that could be written: the lease ends by itself and the row comes back.
  if (!recorded)
    log::error("effects.outcome_not_recorded",
               {{"key", claimed.effect.key}, {"error", to_string(recorded.error())}});
}

Result<void> Dispatcher::Impl::record_done(const Claimed& claimed, const json::Object& result) {
  std::string text = json::canonical(result);
  if (text.size() > kMaxPayloadBytes || !json::parse_object(text, kMaxPayloadBytes))
    return fail(Code::kTooLarge, "the result of an effect is JSON of at most 1 MiB");
  const std::int64_t now = to_ms(clock.now());
  return store.write([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(n, tx.exec("UPDATE effect_outbox SET state = 'done', result = $2, done_at = $3,"
                           " lease_until = 0, last_error = '' WHERE key = $1 AND state = 'pending'",
                           {claimed.effect.key, text, now}));
    // Another process took the row after our lease ended and has recorded it: its follow-up counts.
    if (n == 0 || !done) return {};
    return done(tx, claimed.effect, result);
  });
}

Result<void> Dispatcher::Impl::record_failed(const Claimed& claimed, const Error& why) {
  log::error("effects.failed", {{"key", claimed.effect.key},
                                {"kind", claimed.effect.kind},
                                {"act", claimed.effect.act},
                                {"attempts", claimed.attempts},
                                {"error", to_string(why)}});
  const std::int64_t now = to_ms(clock.now());
  return store.write([&](Tx& tx) -> Result<void> {
    ENTENTE_TRY(n,
                tx.exec("UPDATE effect_outbox SET state = 'failed', last_error = $2, done_at = $3,"
                        " lease_until = 0 WHERE key = $1 AND state = 'pending'",
                        {claimed.effect.key, to_string(why), now}));
    if (n == 0 || !failed) return {};
    return failed(tx, claimed.effect, why);
  });
}

Result<void> Dispatcher::Impl::record_retry(const Claimed& claimed, const Error& why) {
  const Bytes dice = random.bytes(2);
  const Millis wait =
      backoff(claimed.attempts, static_cast<std::uint16_t>(dice[0] | (dice[1] << 8)));
  log::warn("effects.retry", {{"key", claimed.effect.key},
                              {"kind", claimed.effect.kind},
                              {"attempts", claimed.attempts},
                              {"wait_ms", wait.count()},
                              {"error", to_string(why)}});
  const std::int64_t at = to_ms(clock.now() + wait);
  return store.write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(
        tx.exec("UPDATE effect_outbox SET next_at = $2, lease_until = 0, last_error = $3"
                " WHERE key = $1 AND state = 'pending'",
                {claimed.effect.key, at, to_string(why)}));
    return {};
  });
}

void Dispatcher::Impl::announce(std::string_view topic, const Effect& effect) const {
  if (bus == nullptr) return;
  json::Object payload;
  payload["key"] = effect.key;
  payload["kind"] = effect.kind;
  payload["act"] = effect.act;
  // The record is safe; a lost notification is found by polling.
  static_cast<void>(bus->publish(topic, json::canonical(payload)));
}

void Dispatcher::Impl::give_back(const std::deque<Claimed>& unbegun) {
  if (unbegun.empty()) return;
  const auto returned = store.write([&](Tx& tx) -> Result<void> {
    for (const Claimed& c : unbegun)
      ENTENTE_CHECK_OK(
          tx.exec("UPDATE effect_outbox SET lease_until = 0, attempts = attempts - 1"
                  " WHERE key = $1 AND state = 'pending'",
                  {c.effect.key}));
    return {};
  });
  if (!returned) log::warn("effects.leases_kept", {{"error", to_string(returned.error())}});
}

void Dispatcher::Impl::wake() {
  const std::lock_guard lock(mutex);
  woken = true;
  changed.notify_one();
}

void Dispatcher::Impl::worker() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (!ready.empty()) {
      const Claimed next = std::move(ready.front());
      ready.pop_front();
      lock.unlock();
      perform(next);
      lock.lock();
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    if (claiming || !(woken || now >= next_poll)) {
      ++idle;
      if (claiming)
        changed.wait(lock);
      else
        changed.wait_until(lock, next_poll);
      --idle;
      continue;
    }
    claiming = true;
    woken = false;
    const std::int64_t limit = 1 + idle;  // a lease should not age in our queue
    lock.unlock();
    auto claimed = claim(limit);
    lock.lock();
    claiming = false;
    next_poll = std::chrono::steady_clock::now() + options.poll;
    if (!claimed) {
      log::error("effects.claim_failed", {{"error", to_string(claimed.error())}});
    } else if (!claimed->empty()) {
      woken = true;  // there may be more than was asked for
      std::move(claimed->begin(), claimed->end(), std::back_inserter(ready));
    }
    changed.notify_all();
  }
}

Dispatcher::Dispatcher(store::Store& store, const Clock& clock, Random& random,
                       DispatcherOptions options, bus::Bus* bus)
    : impl_(std::make_shared<Impl>(store, clock, random, options, bus)) {}

Dispatcher::~Dispatcher() {
  stop();
}

void Dispatcher::handle(std::string kind, Handler& handler) {
  check(impl_->handlers.emplace(std::move(kind), &handler).second, "two handlers for one kind");
}

void Dispatcher::on_done(OnDone follow_up) {
  impl_->done = std::move(follow_up);
}

void Dispatcher::on_failed(OnFailed follow_up) {
  impl_->failed = std::move(follow_up);
}

Result<void> Dispatcher::start() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->started) return fail(Code::kConflict, "the dispatcher was started before");
    impl_->started = true;
  }
  if (impl_->options.sole_owner) ENTENTE_CHECK_OK(impl_->release_stale());
  const std::lock_guard lock(impl_->mutex);
  Impl* impl = impl_.get();
  for (int i = 0; i < std::max(1, impl_->options.workers); ++i)
    impl_->threads.emplace_back([impl] { impl->worker(); });
  return {};
}

void Dispatcher::stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    threads.swap(impl_->threads);
    impl_->changed.notify_all();
  }
  for (std::thread& t : threads) t.join();
  std::deque<Claimed> unbegun;
  {
    const std::lock_guard lock(impl_->mutex);
    unbegun.swap(impl_->ready);
    for (const Claimed& c : unbegun) impl_->running.erase(c.effect.key);
  }
  impl_->give_back(unbegun);
}

void Dispatcher::wake() {
  impl_->wake();
}

std::function<void()> Dispatcher::waker() const {
  return [weak = std::weak_ptr<Impl>(impl_)] {
    if (const auto impl = weak.lock()) impl->wake();
  };
}

Result<std::size_t> Dispatcher::run_due() {
  std::size_t performed = 0;
  for (;;) {
    ENTENTE_TRY(claimed, impl_->claim(1));
    if (claimed.empty()) return performed;
    impl_->perform(claimed[0]);
    ++performed;
  }
}

}  // namespace entente::effects

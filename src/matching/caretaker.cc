// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/caretaker.h"

#include "entente/core/log.h"

namespace entente::matching {

namespace {

template <class R>
void told(std::string_view what, const R& result) {
  if (!result) log::error("match.care", {{"what", what}, {"why", result.error().detail}});
}

}  // namespace

void Caretaker::start() {
  saved_at_ = parts_.clock.now();
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      round();
      lock.lock();
      wake_.wait_for(lock, kCareEvery, [this] { return stopping_; });
    }
  });
}

void Caretaker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  told("flush", parts_.breaker.flush(parts_.store, parts_.clock.now()));
  told("save", parts_.matcher.save());
}

void Caretaker::round() {
  const Instant now = parts_.clock.now();
  if (now - swept_at_ >= kSweepEvery) {
    swept_at_ = now;
    told("sweep", parts_.store.write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_TRY(expired, parts_.banks.sweep_expired(tx, now, kSweep));
      if (expired > 0) log::info("bank.expired", {{"entries", expired}});
      ENTENTE_CHECK_OK(parts_.breaker.sweep(tx, now, kSweep));
      return {};
    }));
  }
  if (parts_.breaker.due(now)) told("flush", parts_.breaker.flush(parts_.store, now));
  told("refresh", parts_.matcher.refresh());
  const std::int64_t unsaved = parts_.matcher.unsaved();
  if (unsaved >= kSaveAfterChanges || (unsaved > 0 && now - saved_at_ >= kSaveAfter)) {
    told("save", parts_.matcher.save());
    saved_at_ = now;
  }
}

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/check_log.h"

#include <algorithm>

#include "entente/core/log.h"

namespace entente::matching {

namespace {

constexpr std::chrono::minutes kTrimEvery{10};

}  // namespace

CheckLog::CheckLog(store::Store& store) : store_(store), thread_([this] { run(); }) {}

CheckLog::~CheckLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  if (const auto written = flush(); !written)
    log::error("match.checks_lost", {{"why", written.error().detail}});
}

Result<void> CheckLog::add(const std::vector<UploadCheck>& checks) {
  const auto is_task = [](const UploadCheck& check) { return check.proposal != Proposal::kNone; };
  if (std::any_of(checks.begin(), checks.end(), is_task)) {
    ENTENTE_CHECK_OK(store_.write([&](store::Tx& tx) -> Result<void> {
      for (const UploadCheck& check : checks) {
        if (is_task(check)) ENTENTE_CHECK_OK(record(tx, check));
      }
      return {};
    }));
  }
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    for (const UploadCheck& check : checks) {
      if (!is_task(check)) waiting_.emplace(check.id, check);
    }
    full = waiting_.size() > kMaxWaitingChecks;
  }
  return full ? flush() : Result<void>();
}

Result<UploadCheck> CheckLog::find(std::string_view id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = waiting_.find(id); found != waiting_.end()) return found->second;
  }
  return store::read_returning<UploadCheck>(store_,
                                            [&](store::Tx& tx) { return find_check(tx, id); });
}

Result<void> CheckLog::flush() {
  const std::lock_guard turn(writing_);
  std::map<std::string, UploadCheck, std::less<>> now;
  {
    const std::lock_guard lock(mutex_);
    now = waiting_;  // they stay findable until they are in the store
  }
  if (now.empty()) return {};
  const Instant newest = now.rbegin()->second.created_at;
  const bool trim = newest - trimmed_ > kTrimEvery;
  ENTENTE_CHECK_OK(store_.write([&](store::Tx& tx) -> Result<void> {
    for (const auto& [id, check] : now) ENTENTE_CHECK_OK(record(tx, check));
    if (trim) ENTENTE_CHECK_OK(forget(tx, newest - kKeepUnmatched));
    return {};
  }));
  if (trim) trimmed_ = newest;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, check] : now) waiting_.erase(id);
  return {};
}

void CheckLog::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kFlushEvery, [this] { return stopping_; });
    lock.unlock();
    if (const auto written = flush(); !written)
      log::error("match.checks_not_written", {{"why", written.error().detail}});
    lock.lock();
  }
}

}  // namespace entente::matching

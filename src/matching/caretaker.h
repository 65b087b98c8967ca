// SPDX-License-Identifier: Apache-2.0
//
// What matching needs done now and then, by one thread: the index hears of changes nobody told it
// of, the breaker's counts are written, what expired is tombstoned, and the index's snapshot is
// saved, so that a start reads little. Nothing here is needed for an answer to be right: the store
// is asked at every hit.
//
// start and stop once; stop saves the snapshot.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "entente/matching/breaker.h"
#include "entente/matching/matcher.h"

namespace entente::matching {

inline constexpr std::chrono::seconds kCareEvery{2};
// A start replays this many changes in about a second; saving 10M entries writes most of a GiB.
inline constexpr std::int64_t kSaveAfterChanges = 50'000;
inline constexpr std::chrono::hours kSaveAfter{1};
// A commit of its own each time, so not often: what expired stopped matching at its instant anyway.
inline constexpr std::chrono::minutes kSweepEvery{5};
// Rows one sweep may put away: a unit of work of some milliseconds.
inline constexpr std::int64_t kSweep = 1'000;

class Caretaker {
 public:
  struct Parts {
    store::Store& store;
    const Banks& banks;
    Matcher& matcher;
    Breaker& breaker;
    const Clock& clock;
  };
  explicit Caretaker(Parts parts) : parts_(parts) {}
  ~Caretaker() { stop(); }
  Caretaker(const Caretaker&) = delete;
  Caretaker& operator=(const Caretaker&) = delete;

  void start();
  void stop();
  // One round, for tests that own the clock. Failures are logged, and tried again in the next.
  void round();

 private:
  Parts parts_;
  Instant saved_at_{};  // this and the next: the thread's own
  Instant swept_at_{};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace entente::matching

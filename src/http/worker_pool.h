// SPDX-License-Identifier: Apache-2.0
//
// A fixed number of threads with a bounded queue. Thread-safe. Jobs must not throw. The destructor
// drops jobs that still wait and joins those that run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace entente::http {

class WorkerPool {
 public:
  using Job = std::function<void()>;

  WorkerPool(unsigned workers, std::size_t max_queued);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // A cheap look that may be out of date by the time of submit().
  bool full() const { return queued_.load(std::memory_order_relaxed) >= max_queued_; }
  // False, leaving the job undone, when max_queued jobs wait.
  [[nodiscard]] bool submit(Job job);
  void stop();

 private:
  void work();

  const std::size_t max_queued_;
  std::atomic<std::size_t> queued_{0};
  std::mutex mutex_;  // guards the three below
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace entente::http

// SPDX-License-Identifier: Apache-2.0
//
// Where upload checks are written. A check that proposes something (a review task, a hold) is in
// the store, durable, before it is answered. One that found nothing is nobody's task: it waits in
// memory for at most kFlushEvery and is written with its neighbours in one transaction, so that
// an upload which matches nothing does not wait for the disk. A crash can lose the last of those,
// and nothing else.
//
// Checks that found nothing are kept for kKeepUnmatched (the dry run of a new bank looks at them)
// and then forgotten.
//
// Thread-safe. The destructor writes what waits. Errors: those of the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "entente/matching/uploads.h"

namespace entente::matching {

inline constexpr std::chrono::milliseconds kFlushEvery{200};
// Fingerprints of what people uploaded lawfully are theirs: long enough for a dry run over two
// week-ends, no longer.
inline constexpr std::chrono::hours kKeepUnmatched{14 * 24};
// Checks that wait in memory, some 400 bytes each; with more, callers write and wait themselves.
inline constexpr std::size_t kMaxWaitingChecks = 8'192;

class CheckLog {
 public:
  explicit CheckLog(store::Store& store);
  ~CheckLog();
  CheckLog(const CheckLog&) = delete;
  CheckLog& operator=(const CheckLog&) = delete;

  // All or, with an Error, none of those that propose something.
  Result<void> add(const std::vector<UploadCheck>& checks);
  // Those that wait included. kNotFound.
  Result<UploadCheck> find(std::string_view id);
  // Writes what waits, now.
  Result<void> flush();

 private:
  void run();

  store::Store& store_;
  std::mutex writing_;  // one flush at a time; taken before mutex_
  Instant trimmed_{};   // guarded by writing_
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::map<std::string, UploadCheck, std::less<>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace entente::matching

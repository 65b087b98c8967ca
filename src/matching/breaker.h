// SPDX-License-Identifier: Apache-2.0
//
// The circuit breaker: a fingerprint that suddenly matches far more than usual is more likely a
// template, a logo or a mistake than an attack, and either way people must look. It counts each
// entry's matches in a sliding window; when they reach `at_least` and `times_usual` times the usual
// volume of such a window, the entry is quarantined: its matches propose review only, and one
// review task (entry_reviews.h) says so once. A person resets it (close_review, kKept) or upholds
// (tombstone). After a reset it keeps still for `quiet`, in which today's volume becomes usual.
//
// Counting is cheap: `saw` adds to memory, `flush` writes one row per entry and bucket, in a unit
// of work of its own, whenever `due` says so (after a check was recorded, or from a timer). What
// was seen since the last flush is lost with the process, never more; what a failed flush could not
// write waits for the next. Time is the caller's: same sightings, same answer.
//
// Sightings for partners (sharing.h) are counted by the same flush: how often, first and last.
//
// Thread-safe. Errors of `flush`: the store's.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "entente/matching/banks.h"

namespace entente::matching {

// Entries counted between two flushes; with more, the store has not answered for long, and what it
// cannot be told about is not worth the memory.
inline constexpr std::size_t kMaxPendingEntries = 100'000;

struct BreakerSettings {
  Millis window = std::chrono::hours(1);
  // The window moves in steps of this.
  Millis bucket = std::chrono::minutes(5);
  // How far back "usual" looks.
  Millis history = std::chrono::hours(24 * 7);
  // Fewer matches in a window than this never trip: one moderator reviews them in an afternoon.
  std::int64_t at_least = 200;
  double times_usual = 20.0;
  // After a reset.
  Millis quiet = std::chrono::hours(24);
  // Flush when so many matches wait, or the oldest has waited so long.
  std::int64_t flush_after = 256;
  Millis flush_every = std::chrono::seconds(5);
};
// {"window": "PT1H", "bucket": "PT5M", "history": "P7D", "at_least": 200, "times_usual": 20,
// "quiet": "PT24H"}: each member optional. kInvalid with the pointer at fault.
Result<BreakerSettings> parse_breaker_settings(std::string_view json);

class Breaker {
 public:
  explicit Breaker(BreakerSettings settings = {});

  void saw(EntryId entry, Instant at);
  bool due(Instant now) const;
  // Writes what was seen and trips what must trip. The entries quarantined now.
  Result<std::vector<EntryId>> flush(store::Store& store, Instant now);
  // Forgets buckets that no window needs any more. At most `limit` rows a call; how many.
  Result<std::int64_t> sweep(store::Tx& tx, Instant now, std::int64_t limit) const;

 private:
  struct Seen {
    Instant first;
    Instant last;
    std::map<std::int64_t, std::int64_t> buckets;  // start, in ms → matches
  };
  using Pending = std::map<EntryId, Seen>;
  Result<std::vector<EntryId>> write(store::Tx& tx, const Pending& seen, Instant now) const;
  Result<bool> trips(store::Tx& tx, EntryId entry, Instant now) const;
  void give_back(const Pending& seen);

  const BreakerSettings settings_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Pending pending_;
  std::int64_t waiting_ = 0;
  std::optional<Instant> oldest_;
};

}  // namespace entente::matching

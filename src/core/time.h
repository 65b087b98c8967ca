// SPDX-License-Identifier: Apache-2.0
//
// Time as values. An Instant is a UTC point with millisecond resolution; local time is the reader's
// business. The Clock port is the only way to learn the present: the pure core never asks, it is
// told.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "entente/core/error.h"

namespace entente {

using Millis = std::chrono::milliseconds;
using Instant = std::chrono::time_point<std::chrono::system_clock, Millis>;

inline Instant instant_from_ms(std::int64_t ms) {
  return Instant(Millis(ms));
}
inline std::int64_t to_ms(Instant t) {
  return t.time_since_epoch().count();
}

// RFC 3339, UTC only: "2026-11-13T21:20:30Z" or with milliseconds when they are not zero.
std::string format_rfc3339(Instant t);
// Accepts "…Z" and numeric offsets, 0 to 9 fraction digits (cut to milliseconds). Refuses anything
// else, leap second 60 included, and years outside 1970–9999.
Result<Instant> parse_rfc3339(std::string_view text);

// An ISO 8601 duration as laws write it: months and years are calendar months, the rest is exact.
//   "PT1H" "PT72H" "P14D" "P6W" "P6M" "P1Y"
struct Period {
  std::int64_t months = 0;
  std::int64_t days = 0;
  Millis exact{0};

  // Adds the calendar part first (day clipped to the month's length: 31 Aug + P6M = 28 Feb), then
  // days, then time.
  Instant after(Instant start) const;
  // Hour periods are counted through week-ends (Reg. 1182/71 Art. 3(4)); day periods may roll to a
  // working day.
  bool in_hours() const { return months == 0 && days == 0; }
  friend bool operator==(const Period&, const Period&) = default;
};
Result<Period> parse_period(std::string_view text);
std::string format_period(const Period& p);

// The present. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  // `offset` shifts the clock, so that tests can run a node whose clock is wrong.
  explicit SystemClock(Millis offset = Millis{0}) : offset_(offset) {}
  Instant now() const override;

 private:
  Millis offset_;
};

// A clock that tests move by hand.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Instant start) : now_(start) {}
  Instant now() const override { return now_; }
  void advance(Millis by) { now_ += by; }
  void set(Instant t) { now_ = t; }

 private:
  Instant now_;
};

}  // namespace entente

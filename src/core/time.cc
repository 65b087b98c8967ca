// SPDX-License-Identifier: Apache-2.0
#include "entente/core/time.h"

#include <fmt/format.h>

namespace entente {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Reads exactly `n` digits at `pos`; nullopt when they are not digits.
std::optional<int> digits(std::string_view s, std::size_t pos, std::size_t n) {
  if (pos + n > s.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = pos; i < pos + n; ++i) {
    if (s[i] < '0' || s[i] > '9') return std::nullopt;
    value = value * 10 + (s[i] - '0');
  }
  return value;
}

Unexpected bad_time(std::string_view text) {
  return fail(Code::kInvalid, fmt::format("not an RFC 3339 time: \"{}\"", text.substr(0, 40)));
}

struct FractionAndZone {
  int millis = 0;
  int offset_minutes = 0;
};

std::optional<FractionAndZone> parse_tail(std::string_view s) {
  FractionAndZone out;
  std::size_t pos = 0;
  if (pos < s.size() && s[pos] == '.') {
    ++pos;
    int scale = 100;
    const std::size_t start = pos;
    while (pos < s.size() && s[pos] >= '0' && s[pos] <= '9') {
      out.millis += (s[pos] - '0') * scale;
      scale /= 10;
      ++pos;
    }
    if (pos == start || pos - start > 9) return std::nullopt;
  }
  const std::string_view zone = s.substr(pos);
  if (zone == "Z" || zone == "z") return out;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = digits(zone, 1, 2);
  const auto minutes = digits(zone, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  out.offset_minutes = (*hours * 60 + *minutes) * (zone[0] == '-' ? -1 : 1);
  return out;
}

}  // namespace

std::string format_rfc3339(Instant t) {
  const auto day = std::chrono::floor<days>(t);
  const year_month_day ymd{day};
  const auto in_day = (t - day).count();
  const auto ms = in_day % 1000;
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(ymd.year()),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                  in_day / 3'600'000, in_day / 60'000 % 60, in_day / 1000 % 60);
  if (ms != 0) out += fmt::format(".{:03}", ms);
  return out + "Z";
}

Result<Instant> parse_rfc3339(std::string_view text) {
  const auto y = digits(text, 0, 4);
  const auto mo = digits(text, 5, 2);
  const auto d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2);
  const auto mi = digits(text, 14, 2);
  const auto s = digits(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s) return bad_time(text);
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':')
    return bad_time(text);
  const year_month_day ymd{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*mo)),
                           std::chrono::day(static_cast<unsigned>(*d))};
  if (!ymd.ok() || *y < 1970 || *h > 23 || *mi > 59 || *s > 59) return bad_time(text);
  const auto tail = parse_tail(text.substr(19));
  if (!tail) return bad_time(text);
  return Instant(sys_days(ymd).time_since_epoch() + std::chrono::hours(*h) +
                 std::chrono::minutes(*mi - tail->offset_minutes) + std::chrono::seconds(*s) +
                 Millis(tail->millis));
}

Instant Period::after(Instant start) const {
  Instant t = start;
  if (months != 0) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const auto in_day = t - day;
    year_month_day ymd{day};
    ymd += std::chrono::months(months);
    if (!ymd.ok()) ymd = ymd.year() / ymd.month() / std::chrono::last;
    t = Instant(sys_days(ymd).time_since_epoch() + in_day);
  }
  return t + std::chrono::days(days) + exact;
}

Result<Period> parse_period(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kInvalid,
                fmt::format("not an ISO 8601 duration: \"{}\"", text.substr(0, 40)));
  };
  if (text.size() < 3 || text[0] != 'P') return bad();
  Period out;
  bool in_time = false;
  bool any = false;
  std::size_t pos = 1;
  // Units in the standard's order, each at most once: one spelling reads as one period.
  std::string_view left = "YMWD";
  while (pos < text.size()) {
    if (text[pos] == 'T') {
      if (in_time) return bad();
      in_time = true;
      left = "HMS";
      ++pos;
      continue;
    }
    std::int64_t n = 0;
    const std::size_t start = pos;
    while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9' && pos - start < 7)
      n = n * 10 + (text[pos++] - '0');
    if (pos == start || pos == text.size()) return bad();
    const char unit = text[pos++];
    const auto place = left.find(unit);
    if (place == std::string_view::npos) return bad();
    left.remove_prefix(place + 1);
    any = true;
    if (in_time) {
      out.exact += unit == 'H'   ? Millis(std::chrono::hours(n))
                   : unit == 'M' ? Millis(std::chrono::minutes(n))
                                 : Millis(std::chrono::seconds(n));
    } else if (unit == 'Y' || unit == 'M') {
      out.months += unit == 'Y' ? 12 * n : n;
    } else {
      out.days += unit == 'W' ? 7 * n : n;
    }
  }
  // What format_period prints of it can be read again.
  constexpr std::int64_t kMost = 9'999'999;
  if (!any || text.back() == 'T' || out.months > kMost || out.days > kMost ||
      out.exact > std::chrono::hours(kMost))
    return bad();
  return out;
}

std::string format_period(const Period& p) {
  std::string out = "P";
  if (p.months != 0) out += fmt::format("{}M", p.months);
  if (p.days != 0) out += fmt::format("{}D", p.days);
  if (p.exact.count() != 0 || (p.months == 0 && p.days == 0)) {
    const auto secs = p.exact.count() / 1000;
    out += "T";
    if (secs >= 3600) out += fmt::format("{}H", secs / 3600);
    if (secs / 60 % 60 != 0) out += fmt::format("{}M", secs / 60 % 60);
    if (secs % 60 != 0 || secs == 0) out += fmt::format("{}S", secs % 60);
  }
  return out;
}

Instant SystemClock::now() const {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now()) + offset_;
}

}  // namespace entente

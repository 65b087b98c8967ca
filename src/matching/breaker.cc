// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/breaker.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/matching/bank_rows.h"
#include "entente/matching/entry_reviews.h"

namespace entente::matching {

namespace {

std::int64_t floor_to(std::int64_t ms, Millis width) {
  return ms - ms % width.count();
}

Result<Millis> read_length(json::Reader& r, const char* name, Millis otherwise) {
  const auto text = r.text_if(name, {.max = 20});
  if (!text) return otherwise;
  const auto period = parse_period(*text);
  if (!period || period->months != 0 ||
      period->exact + std::chrono::hours(24) * period->days <= Millis{0}) {
    return fail(Code::kInvalid, "a length of time in days or hours, such as PT1H",
                std::string("/") + name);
  }
  return Millis(period->exact + std::chrono::hours(24) * period->days);
}

// Adds to one bucket of one width. Two widths are kept: fine ones for the window, and one per
// window for the history, so that a week of usual volume is 168 rows and not 2,016.
Result<void> add_traffic(store::Tx& tx, EntryId entry, Millis width, std::int64_t start,
                         std::int64_t count) {
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO entry_traffic (entry, width, start, count) VALUES ($1, $2, $3, $4) "
              "ON CONFLICT (entry, width, start) DO UPDATE SET count = entry_traffic.count + "
              "excluded.count",
              {entry, width.count(), start, count}));
  return {};
}

Result<std::int64_t> sum(store::Tx& tx, EntryId entry, Millis width, std::int64_t from,
                         std::int64_t before) {
  ENTENTE_TRY(found, tx.query("SELECT COALESCE(SUM(count), 0) FROM entry_traffic WHERE entry = $1 "
                              "AND width = $2 AND start >= $3 AND start < $4",
                              {entry, width.count(), from, before}));
  return found.at(0).integer(0);
}

}  // namespace

Result<BreakerSettings> parse_breaker_settings(std::string_view text) {
  ENTENTE_TRY(document, json::parse_object(text));
  json::Reader r(document);
  BreakerSettings out;
  ENTENTE_TRY(window, read_length(r, "window", out.window));
  ENTENTE_TRY(bucket, read_length(r, "bucket", out.bucket));
  ENTENTE_TRY(history, read_length(r, "history", out.history));
  ENTENTE_TRY(quiet, read_length(r, "quiet", out.quiet));
  out.window = window;
  out.bucket = bucket;
  out.history = history;
  out.quiet = quiet;
  out.at_least = r.integer_if("at_least", 1, 1'000'000'000).value_or(out.at_least);
  out.times_usual = static_cast<double>(r.integer_if("times_usual", 1, 1'000'000)
                                            .value_or(static_cast<std::int64_t>(out.times_usual)));
  if (out.bucket > out.window || out.window % out.bucket != Millis{0})
    r.fault("bucket", "must divide the window");
  if (out.bucket == out.window) r.fault("bucket", "must be shorter than the window");
  if (out.history < 2 * out.window) r.fault("history", "must be at least two windows");
  ENTENTE_CHECK_OK(r.done());
  return out;
}

Breaker::Breaker(BreakerSettings settings) : settings_(settings) {
  check(settings_.bucket > Millis{0} && settings_.window > settings_.bucket,
        "a breaker's window has several buckets");
}

void Breaker::saw(EntryId entry, Instant at) {
  const std::lock_guard lock(mutex_);
  if (pending_.size() >= kMaxPendingEntries && pending_.count(entry) == 0) return;
  const auto [found, fresh] = pending_.try_emplace(entry, Seen{at, at, {}});
  Seen& seen = found->second;
  seen.first = std::min(seen.first, at);
  seen.last = std::max(seen.last, at);
  ++seen.buckets[floor_to(to_ms(at), settings_.bucket)];
  ++waiting_;
  if (!oldest_ || at < *oldest_) oldest_ = at;
}

bool Breaker::due(Instant now) const {
  const std::lock_guard lock(mutex_);
  return oldest_ && (waiting_ >= settings_.flush_after || now - *oldest_ >= settings_.flush_every);
}

// Window and history are whole buckets: the one that is being filled counts, so a window is between
// `window - bucket` and `window` long.
Result<bool> Breaker::trips(store::Tx& tx, EntryId entry, Instant now) const {
  const std::int64_t upto = floor_to(to_ms(now), settings_.bucket) + settings_.bucket.count();
  const std::int64_t from = upto - settings_.window.count();
  ENTENTE_TRY(recent, sum(tx, entry, settings_.bucket, from, upto));
  if (recent < settings_.at_least) return false;
  ENTENTE_TRY(quiet,
              tx.query("SELECT 1 FROM entry_review WHERE entry = $1 AND cause = 'breaker' AND "
                       "(outcome = 'open' OR (outcome = 'kept' AND closed_at > $2))",
                       {entry, to_ms(now - settings_.quiet)}));
  if (!quiet.empty()) return false;
  ENTENTE_TRY(born, tx.query("SELECT added_at FROM bank_entry WHERE id = $1 AND tombstoned_at IS "
                             "NULL",
                             {entry}));
  if (born.empty()) return false;
  // The usual volume of a window: what came before this one, over the windows since then that the
  // entry was there for. One that is younger than two windows has no usual: the floor alone trips.
  const std::int64_t back = std::max(from - settings_.history.count(), born[0].integer(0));
  const std::int64_t first = floor_to(back, settings_.window);
  const std::int64_t last = floor_to(from, settings_.window);
  if (last - first < settings_.window.count()) return true;
  ENTENTE_TRY(before, sum(tx, entry, settings_.window, first, last));
  const double windows =
      static_cast<double>(last - first) / static_cast<double>(settings_.window.count());
  const double usual = static_cast<double>(before) / windows;
  return static_cast<double>(recent) >= settings_.times_usual * usual;
}

Result<std::vector<EntryId>> Breaker::write(store::Tx& tx, const Pending& seen, Instant now) const {
  std::vector<EntryId> out;
  for (const auto& [entry, what] : seen) {
    ENTENTE_TRY(known, tx.query("SELECT 1 FROM bank_entry WHERE id = $1", {entry}));
    if (known.empty()) continue;
    std::int64_t count = 0;
    for (const auto& [start, n] : what.buckets) {
      count += n;
      ENTENTE_CHECK_OK(add_traffic(tx, entry, settings_.bucket, start, n));
      ENTENTE_CHECK_OK(
          add_traffic(tx, entry, settings_.window, floor_to(start, settings_.window), n));
    }
    ENTENTE_CHECK_OK(tx.exec(
        "INSERT INTO entry_sighting (entry, count, first_seen, last_seen) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (entry) DO UPDATE SET count = entry_sighting.count + excluded.count, "
        "first_seen = COALESCE(entry_sighting.first_seen, excluded.first_seen), "
        "last_seen = excluded.last_seen, untold = 1",
        {entry, count, to_ms(what.first), to_ms(what.last)}));
    ENTENTE_TRY(abnormal, trips(tx, entry, now));
    if (!abnormal) continue;
    ENTENTE_CHECK_OK(open_review(
        tx, entry, ReviewCause::kBreaker, kByNode,
        fmt::format("{} matches or more within {} minutes, far above its usual volume",
                    settings_.at_least,
                    std::chrono::duration_cast<std::chrono::minutes>(settings_.window).count()),
        now));
    out.push_back(entry);
  }
  return out;
}

Result<std::vector<EntryId>> Breaker::flush(store::Store& store, Instant now) {
  Pending seen;
  {
    const std::lock_guard lock(mutex_);
    seen.swap(pending_);
    waiting_ = 0;
    oldest_.reset();
  }
  if (seen.empty()) return std::vector<EntryId>();
  auto done = store::write_returning<std::vector<EntryId>>(
      store, [&](store::Tx& tx) { return write(tx, seen, now); });
  if (!done) give_back(seen);
  return done;
}

void Breaker::give_back(const Pending& seen) {
  const std::lock_guard lock(mutex_);
  for (const auto& [entry, what] : seen) {
    const auto [found, fresh] = pending_.try_emplace(entry, Seen{what.first, what.last, {}});
    found->second.first = std::min(found->second.first, what.first);
    found->second.last = std::max(found->second.last, what.last);
    for (const auto& [start, n] : what.buckets) {
      found->second.buckets[start] += n;
      waiting_ += n;
    }
    if (!oldest_ || what.first < *oldest_) oldest_ = what.first;
  }
}

Result<std::int64_t> Breaker::sweep(store::Tx& tx, Instant now, std::int64_t limit) const {
  std::int64_t out = 0;
  const auto drop = [&](Millis width, Millis keep) -> Result<void> {
    ENTENTE_TRY(gone, tx.exec("DELETE FROM entry_traffic WHERE (entry, width, start) IN "
                              "(SELECT entry, width, start FROM entry_traffic WHERE width = $1 AND "
                              "start < $2 ORDER BY start LIMIT $3)",
                              {width.count(), to_ms(now - keep), limit - out}));
    out += gone;
    return {};
  };
  ENTENTE_CHECK_OK(drop(settings_.bucket, settings_.window + settings_.bucket));
  ENTENTE_CHECK_OK(drop(settings_.window, settings_.history + 2 * settings_.window));
  return out;
}

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace entente::effects {
namespace {

using store::Params;
using store::Row;
using store::Tx;

// Version 1 never changes again; append (store/store.h, Migration).
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE effect_outbox (
  key          TEXT    NOT NULL PRIMARY KEY,
  seq          INTEGER NOT NULL,
  kind         TEXT    NOT NULL,
  act          TEXT    NOT NULL,
  serial_group TEXT,
  payload      TEXT    NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'failed', 'cancelled')),
  attempts     INTEGER NOT NULL,
  not_before   INTEGER NOT NULL,
  next_at      INTEGER NOT NULL,
  lease_until  INTEGER NOT NULL,
  last_error   TEXT    NOT NULL,
  result       TEXT,
  created_at   INTEGER NOT NULL,
  done_at      INTEGER
) STRICT;
CREATE INDEX effect_outbox_seq ON effect_outbox (seq);
CREATE INDEX effect_outbox_due ON effect_outbox (next_at, seq) WHERE state = 'pending';
CREATE INDEX effect_outbox_group ON effect_outbox (serial_group, seq) WHERE serial_group IS NOT NULL;
CREATE INDEX effect_outbox_state ON effect_outbox (state, seq);
CREATE INDEX effect_outbox_act ON effect_outbox (act, seq);
)sql";

constexpr std::string_view kColumns =
    "key, kind, act, payload, not_before, state, seq, attempts, next_at, lease_until, last_error,"
    " result, created_at, done_at";

constexpr std::array<std::string_view, 4> kStates = {"pending", "done", "failed", "cancelled"};

Result<State> state_from(const std::string& name) {
  const auto found = std::find(kStates.begin(), kStates.end(), name);
  if (found == kStates.end()) return fail(Code::kCorrupt, "an effect is in an unknown state");
  return static_cast<State>(found - kStates.begin());
}

Result<void> bounded(std::string_view text, std::size_t min, std::size_t max, const char* field) {
  if (text.size() < min || text.size() > max)
    return fail(Code::kInvalid, fmt::format("{} to {} bytes", min, max), field);
  return {};
}

Result<store::Value> serial_group_of(const json::Object& payload) {
  const json::Value* member = json::find(payload, "serial_group");
  if (member == nullptr) return store::Value{};
  if (!member->is_string()) return fail(Code::kInvalid, "must be text", "payload/serial_group");
  std::string group(member->as_string());
  ENTENTE_CHECK_OK(bounded(group, 1, kMaxNameBytes, "payload/serial_group"));
  return store::Value{std::move(group)};
}

Result<Entry> entry_from(const Row& row, Instant now) {
  Entry e;
  e.effect.key = row.text(0);
  e.effect.kind = row.text(1);
  e.effect.act = row.text(2);
  // A row that somebody damaged is shown all the same: hiding it would hide the damage.
  if (auto payload = json::parse_object(row.text(3), kMaxPayloadBytes))
    e.effect.payload = *std::move(payload);
  e.effect.not_before = instant_from_ms(row.integer(4));
  ENTENTE_TRY(state, state_from(row.text(5)));
  e.state = state;
  e.seq = row.integer(6);
  e.attempts = row.integer(7);
  e.next_at = instant_from_ms(row.integer(8));
  e.running = state == State::kPending && row.integer(9) > to_ms(now);
  e.last_error = row.text(10);
  if (!row.is_null(11)) {
    auto result = json::parse_object(row.text(11), kMaxPayloadBytes);
    e.result = result ? *std::move(result) : json::Object();
  }
  e.created_at = instant_from_ms(row.integer(12));
  if (const auto at = row.integer_if(13)) e.done_at = instant_from_ms(*at);
  return e;
}

}  // namespace

std::string_view state_name(State state) {
  return kStates[static_cast<std::size_t>(state)];
}

Result<bool> enqueue(Tx& tx, const Effect& effect, Instant now) {
  ENTENTE_CHECK_OK(bounded(effect.key, 1, kMaxKeyBytes, "key"));
  ENTENTE_CHECK_OK(bounded(effect.kind, 1, kMaxNameBytes, "kind"));
  ENTENTE_CHECK_OK(bounded(effect.act, 0, kMaxNameBytes, "act"));
  ENTENTE_TRY(group, serial_group_of(effect.payload));
  std::string payload = json::canonical(effect.payload);
  if (payload.size() > kMaxPayloadBytes)
    return fail(Code::kTooLarge, "the payload of an effect is at most 1 MiB", "payload");
  // What cannot be read back (nested too deep) must not get in: nobody is there to be told when it
  // is claimed.
  if (!json::parse_object(payload, kMaxPayloadBytes))
    return fail(Code::kInvalid, "the payload of an effect must be readable JSON", "payload");
  const std::int64_t next_at = to_ms(std::max(effect.not_before, now));
  ENTENTE_TRY(
      added,
      tx.exec(
          "INSERT INTO effect_outbox (key, seq, kind, act, serial_group, payload, state, attempts,"
          " not_before, next_at, lease_until, last_error, created_at)"
          " VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM effect_outbox), $2, $3, $4, $5,"
          " 'pending', 0, $6, $7, 0, '', $8) ON CONFLICT (key) DO NOTHING",
          {effect.key, effect.kind, effect.act, group, std::move(payload), to_ms(effect.not_before),
           next_at, to_ms(now)}));
  return added == 1;
}

Result<bool> cancel(Tx& tx, std::string_view key, Instant now) {
  ENTENTE_TRY(changed, tx.exec("UPDATE effect_outbox SET state = 'cancelled', done_at = $2"
                               " WHERE key = $1 AND state = 'pending' AND lease_until <= $2",
                               {std::string(key), to_ms(now)}));
  if (changed == 1) return true;
  ENTENTE_TRY(rows, tx.query("SELECT state FROM effect_outbox WHERE key = $1", {std::string(key)}));
  if (rows.empty()) return fail(Code::kNotFound, "no effect has this key", "key");
  return false;
}

Result<void> retry(Tx& tx, std::string_view key, Instant now) {
  ENTENTE_TRY(rows, tx.query("SELECT state, seq, serial_group FROM effect_outbox WHERE key = $1",
                             {std::string(key)}));
  if (rows.empty()) return fail(Code::kNotFound, "no effect has this key", "key");
  if (rows[0].text(0) != "failed")
    return fail(Code::kConflict,
                fmt::format("only a failed effect is retried, this one is {}", rows[0].text(0)));
  if (const auto group = rows[0].text_if(2)) {
    ENTENTE_TRY(later, tx.query("SELECT key FROM effect_outbox WHERE serial_group = $1"
                                " AND (seq, key) > ($2, $3) AND attempts > 0 LIMIT 1",
                                {*group, rows[0].integer(1), std::string(key)}));
    if (!later.empty()) {
      Error e{Code::kConflict,
              "a later effect of its serial group was already performed or tried",
              {},
              {},
              {}};
      e.mend = "enqueue the effect anew if it is still wanted";
      return fail(std::move(e));
    }
  }
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE effect_outbox SET state = 'pending', attempts = 0, next_at = $2,"
              " lease_until = 0, done_at = NULL WHERE key = $1",
              {std::string(key), to_ms(now)}));
  return {};
}

Result<std::vector<Entry>> list(Tx& tx, const Filter& filter, Instant now) {
  std::string sql = fmt::format("SELECT {} FROM effect_outbox WHERE seq > $1", kColumns);
  Params params = {filter.after_seq};
  if (filter.state) {
    params.emplace_back(std::string(state_name(*filter.state)));
    sql += fmt::format(" AND state = ${}", params.size());
  }
  if (filter.act) {
    params.emplace_back(*filter.act);
    sql += fmt::format(" AND act = ${}", params.size());
  }
  params.emplace_back(static_cast<std::int64_t>(std::min(filter.limit, kMaxListed)));
  sql += fmt::format(" ORDER BY seq, key LIMIT ${}", params.size());
  ENTENTE_TRY(rows, tx.query(sql, params));
  std::vector<Entry> out;
  for (const Row& row : rows) {
    ENTENTE_TRY(entry, entry_from(row, now));
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::optional<Entry>> find(Tx& tx, std::string_view key, Instant now) {
  ENTENTE_TRY(rows, tx.query(fmt::format("SELECT {} FROM effect_outbox WHERE key = $1", kColumns),
                             {std::string(key)}));
  if (rows.empty()) return std::optional<Entry>();
  ENTENTE_TRY(entry, entry_from(rows[0], now));
  return std::optional<Entry>(std::move(entry));
}

Result<Counts> counts(Tx& tx, Instant now) {
  Counts out;
  ENTENTE_TRY(pending, tx.query("SELECT count(*) FROM effect_outbox WHERE state = 'pending'"));
  ENTENTE_TRY(
      overdue,
      tx.query("SELECT count(*) FROM effect_outbox WHERE state = 'pending' AND next_at < $1",
               {to_ms(now)}));
  ENTENTE_TRY(failed, tx.query("SELECT count(*) FROM effect_outbox WHERE state = 'failed'"));
  out.pending = pending[0].integer(0);
  out.overdue = overdue[0].integer(0);
  out.failed = failed[0].integer(0);
  return out;
}

store::Migration outbox_migration() {
  return {"effects", {kVersion1}};
}

}  // namespace entente::effects

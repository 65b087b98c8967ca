// SPDX-License-Identifier: Apache-2.0
//
// The transactional outbox: wanted changes in the real world, committed together with the state
// that wants them.
//
//   store.write([&](store::Tx& tx) -> Result<void> {
//     … append the step, the ledger leaf …
//     ENTENTE_TRY(fresh, enqueue(tx, {.key = "exec:" + act + ":0", .kind = "content.disable", …},
//     clock.now()));
//   });
//
// A row is `pending` until a Dispatcher (dispatcher.h) performed it (`done`), it was refused for
// good (`failed`) or it was called off in time (`cancelled`). Rows are kept: the key of an effect
// is unique for ever, which is what makes asking twice harmless. Errors are those of store::Tx, and
// kInvalid / kTooLarge for an effect that breaks a limit.
//
// Order: effects whose payload has the same `serial_group` (a string member) are performed in the
// order in which they were enqueued, one at a time; a pending one holds back those after it. A
// failed or cancelled one does not: undoing a restriction must not wait for the restriction to
// succeed.
//
// Durability: that of the unit of work the Tx belongs to. Thread-safety: as the Tx.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"
#include "entente/core/time.h"
#include "entente/json/json.h"
#include "entente/store/store.h"

namespace entente::effects {

inline constexpr std::size_t kMaxKeyBytes = 200;  // keys travel in HTTP headers (Idempotency-Key)
inline constexpr std::size_t kMaxNameBytes =
    200;  // kind, act, serial_group: identifiers, not content
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{1}
                                                << 20;  // larger things are blobs, named by hash
inline constexpr std::size_t kMaxListed = 500;          // rows in one answer of `list`

struct Effect {
  std::string key;   // idempotency key, unique for ever; handlers pass it on to the outside
  std::string kind;  // "deliver", "content.disable": selects the handler
  std::string act;   // the act this comes from, empty for none
  json::Object payload;
  Instant not_before{};  // not performed earlier; the epoch means at once
};

enum class State : std::uint8_t { kPending, kDone, kFailed, kCancelled };
// "pending", "done", "failed", "cancelled".
std::string_view state_name(State state);

// A row as operators see it.
struct Entry {
  Effect effect;
  State state = State::kPending;
  std::int64_t seq = 0;       // order of enqueueing
  std::int64_t attempts = 0;  // handler calls begun, crashed ones included, since the last `retry`
  Instant next_at{};          // pending: not tried before
  bool running = false;       // pending and leased at the time asked about
  std::string last_error;     // empty when the last attempt did not fail
  std::optional<json::Object> result;  // done: what the handler returned
  Instant created_at{};
  std::optional<Instant> done_at;  // done, failed, cancelled: since when
};

struct Filter {
  std::optional<State> state;
  std::optional<std::string> act;
  std::int64_t after_seq = 0;  // cursor: the `seq` of the last row of the previous page
  std::size_t limit = 100;     // at most kMaxListed
};

// Rows waiting and rows that need an operator; `overdue` were due before the given instant.
struct Counts {
  std::int64_t pending = 0;
  std::int64_t overdue = 0;
  std::int64_t failed = 0;
};

// False, and nothing is changed, when the key was known, in whatever state its row is.
Result<bool> enqueue(store::Tx& tx, const Effect& effect, Instant now);

// Calls a pending effect off. False when it is too late: it is being performed, or is done, failed
// or cancelled; the caller then enqueues the inverse effect in the same serial group. kNotFound for
// an unknown key.
Result<bool> cancel(store::Tx& tx, std::string_view key, Instant now);

// Puts a failed effect back to pending, due now, attempts counted afresh. kNotFound for an unknown
// key. kConflict when it is not failed, or when a later effect of its serial group was already
// tried: performing it now would turn the order around (a content disabled after it was restored).
Result<void> retry(store::Tx& tx, std::string_view key, Instant now);

// In order of `seq`.
Result<std::vector<Entry>> list(store::Tx& tx, const Filter& filter, Instant now);
Result<std::optional<Entry>> find(store::Tx& tx, std::string_view key, Instant now);
Result<Counts> counts(store::Tx& tx, Instant now);

// Table effect_outbox.
store::Migration outbox_migration();

}  // namespace entente::effects

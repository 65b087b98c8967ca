// SPDX-License-Identifier: Apache-2.0
//
// Carries effects of the outbox out, at least once each: a worker leases a due row, calls the
// handler of its kind and records the outcome. A process that dies in between leaves a lease; the
// row comes back when the lease ends, or at once when its sole owner starts again, and the handler
// sees the same key. Handlers make that harmless by passing the key on (Idempotency-Key) or by
// checking first whether the change is already there.
//
// Outcomes: success marks the row done and calls on_done in the SAME write, so that "it is removed"
// and the step that says so are one. kRefused, kInvalid, kForbidden and a kind without handler are
// final: `failed`, logged as an error, on_failed in the same write, kept for `retry`. Any other
// error is tried again, without end, after `backoff`: a peer that is down for a week still gets its
// order. A follow-up (on_done, on_failed) that fails undoes the record, and the effect is performed
// again later.
//
// Order within a serial group: outbox.h. Durability: every outcome is a write of the store.
// Thread-safety: handle/on_done/on_failed before start; everything else from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "entente/bus/bus.h"
#include "entente/core/random.h"
#include "entente/effects/outbox.h"

namespace entente::effects {

// Performs effects of one kind. `perform` runs on a worker thread, for different effects at once,
// and must end within half the lease (network time-outs are the handler's). An exception counts as
// kInternal: tried again.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Result<json::Object> perform(const Effect& effect) = 0;
};

// A peer that restarts is back within seconds…
inline constexpr Millis kFirstDelay{1'000};
// …and one that comes back after an outage must hear of an order of one hour (Reg. 2021/784 Art. 3)
// well inside it.
inline constexpr Millis kMaxDelay{5 * 60'000};
// The wait before the next attempt after `attempts` (≥ 1) failed: kFirstDelay doubled each time up
// to kMaxDelay, of which `dice` (uniform, 16 bits) keeps between a half and the whole, so that a
// herd of rows does not return as one.
Millis backoff(std::int64_t attempts, std::uint16_t dice);

struct DispatcherOptions {
  int workers = 4;           // handlers mostly wait for peers
  Millis lease{5 * 60'000};  // longer than any handler's time-outs together
  Millis poll{500};          // for rows that become due without a commit (not_before, backoff)
  // One process per store (SQLite): leases found at start belong to a dead predecessor and are
  // released.
  bool sole_owner = true;
};

using OnDone = std::function<Result<void>(store::Tx&, const Effect&, const json::Object& result)>;
using OnFailed = std::function<Result<void>(store::Tx&, const Effect&, const Error& why)>;

class Dispatcher {
 public:
  // The references outlive the dispatcher. With a bus, "effect.done" and "effect.failed" are
  // published after the outcome is durable, with {"act","key","kind"}.
  Dispatcher(store::Store& store, const Clock& clock, Random& random,
             DispatcherOptions options = {}, bus::Bus* bus = nullptr);
  ~Dispatcher();  // stop()
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // One handler per kind; a second one for the same kind is a bug and aborts.
  void handle(std::string kind, Handler& handler);
  void on_done(OnDone follow_up);
  void on_failed(OnFailed follow_up);

  // Releases stale leases (sole_owner) and starts the workers. kConflict when it was started
  // before.
  Result<void> start();
  // Waits for running handlers and gives back rows that were leased and not begun. Idempotent; not
  // from a handler.
  void stop();
  // Something may be due: look now instead of at the next poll. Cheap, never blocks on the store.
  void wake();
  // `wake` for Store::after_commit: harmless after this dispatcher is gone.
  std::function<void()> waker() const;

  // Performs on the calling thread what is due now, until nothing is; returns how many handler
  // calls that were. Works with or without start(): for the CLI and for tests that own the clock.
  Result<std::size_t> run_due();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace entente::effects

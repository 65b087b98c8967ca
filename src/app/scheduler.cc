// SPDX-License-Identifier: Apache-2.0
#include "scheduler.h"

#include <fmt/format.h>

#include "entente/core/log.h"

namespace entente::app {
namespace {

constexpr std::chrono::seconds kTick{1};        // laws count hours; a second late is on time
constexpr std::size_t kBatch = 100;             // acts per transaction
constexpr std::chrono::minutes kRetryAfter{1};  // when a due step was refused

}  // namespace

Scheduler::Scheduler(dossier::Service& service)
    : service_(service), ticker_(kTick, [this] {
        if (const auto done = run_due(); !done)
          log::error("scheduler.failed", {{"why", done.error().detail}});
      }) {}

Result<std::size_t> Scheduler::run_due() {
  const auto& parts = service_.parts();
  const Instant now = parts.clock.now();
  ENTENTE_TRY(due, store::read_returning<std::vector<std::string>>(parts.store, [&](store::Tx& tx) {
                return dossier::acts_due(tx, now, kBatch);
              }));
  std::size_t made = 0;
  for (const auto& act : due) {
    ENTENTE_TRY(n, store::write_returning<std::size_t>(
                       parts.store, [&](store::Tx& tx) { return run_act(tx, act, now); }));
    made += n;
  }
  return made;
}

Result<std::size_t> Scheduler::run_act(store::Tx& tx, const std::string& act, Instant now) {
  ENTENTE_TRY(loaded, service_.load(tx, act));
  const std::string here = service_.position(loaded.state);
  std::size_t made = 0;
  for (const auto& c : acts::clocks(loaded.state, *loaded.regime)) {
    const auto* move = c.then.empty() ? nullptr : loaded.regime->move(c.then);
    if (move == nullptr) continue;
    bool ours = false;
    for (const auto& by : move->by) {
      const auto* role = loaded.regime->role(by);
      ours = ours || (role->position == here && role->key == acts::KeyKind::kNode);
    }
    if (!ours) continue;
    // The clock was started by the addressee's receipt, on the addressee's clock: judge it by that
    // clock.
    Instant judged = now;
    if (const auto it = loaded.state.participants.find("addressee");
        here != "addressee" && it != loaded.state.participants.end()) {
      ENTENTE_TRY(skew, dossier::skew_of(tx, it->second));
      judged = std::min(now, now + Millis(skew));
    }
    if (judged < c.due_1182) continue;
    if (c.then == "erase") {
      effects::Effect e{fmt::format("content.erase:{}:{}", act, to_ms(c.due)),
                        "content.erase",
                        act,
                        {{"act", act}, {"result", "erase"}, {"serial_group", "act:" + act}},
                        {}};
      ENTENTE_TRY(fresh, effects::enqueue(tx, e, now));
      made += fresh ? 1 : 0;
      continue;
    }
    dossier::Wish wish{{}, act, c.then, {}, c.target, c.review, {}};
    ENTENTE_TRY(out, service_.make(tx, wish));
    if (out.status == "applied") {
      ++made;
      log::info("clock.ended", {{"act", act}, {"clock", c.id}, {"move", c.then}});
    }
  }
  // What could not be made is looked at again later, not every second.
  ENTENTE_TRY(n, tx.exec("UPDATE act SET next_at = $2 WHERE act = $1 AND next_at <= $3",
                         {act, to_ms(now + kRetryAfter), to_ms(now)}));
  static_cast<void>(n);
  return made;
}

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
//
// Makes the steps that regimes ask of the node when a clock ends: overdue records, seals that open,
// holds that end. The due times are computed from the acts, never stored as truth; `act.next_at`
// only says where to look. A crash loses nothing: what was due is due again. One thread; start and
// stop once.
#pragma once

#include "entente/dossier/service.h"
#include "ticker.h"

namespace entente::app {

class Scheduler {
 public:
  explicit Scheduler(dossier::Service& service);

  void start() { ticker_.start(); }
  void stop() { ticker_.stop(); }
  // Makes what is due now; returns how many steps. Called by the thread, and by tests that own the
  // clock.
  Result<std::size_t> run_due();

 private:
  Result<std::size_t> run_act(store::Tx& tx, const std::string& act, Instant now);

  dossier::Service& service_;
  Ticker ticker_;
};

}  // namespace entente::app

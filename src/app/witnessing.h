// SPDX-License-Identifier: Apache-2.0
//
// Asks the witnesses among the trusted parties to cosign our ledger, and lets our own witness know
// whose ledgers to cosign. A witness that is away costs nothing but its cosignature. One thread
// calls tick(), again and again.
#pragma once

#include <map>
#include <set>
#include <string>

#include "entente/http/client.h"
#include "entente/ledger/log.h"
#include "entente/ledger/witness.h"
#include "entente/store/store.h"

namespace entente::app {

class Witnessing {
 public:
  Witnessing(store::Store& store, const ledger::Log& log, http::Client& client,
             const ledger::WitnessService* own, std::string self)
      : store_(store), log_(log), client_(client), own_(own), self_(std::move(self)) {}
  void tick();

 private:
  store::Store& store_;
  const ledger::Log& log_;
  http::Client& client_;
  const ledger::WitnessService* own_;
  std::string self_;
  std::set<std::string> trusted_;
  std::map<std::string, std::uint64_t> cosigned_;
  std::set<std::string> contradicted_;
};

}  // namespace entente::app

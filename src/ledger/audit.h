// SPDX-License-Identifier: Apache-2.0
//
// fsck of the node's own ledger: recomputes every hash from the entries and holds against them what
// is stored and what was signed. Says whether this database still is the log that it signed; that
// the log is the one which others saw, only they can say (witnesses, monitors). Reads in batches,
// so that it can run beside a serving node: rows of the log never change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "entente/ledger/log.h"
#include "entente/store/store.h"

namespace entente::ledger {

inline constexpr std::size_t kMaxFaults =
    100;  // the first say what happened; a million say no more

struct AuditReport {
  std::uint64_t size = 0;
  Hash256 root{};                   // recomputed from the entries
  std::vector<std::string> faults;  // for a person, in English; at most kMaxFaults

  bool sound() const { return faults.empty(); }
};

// An Error means that the store could not be read, not that the ledger is bad.
Result<AuditReport> audit(store::Store& store, const Log& log);

}  // namespace entente::ledger

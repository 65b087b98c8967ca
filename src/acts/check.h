// SPDX-License-Identifier: Apache-2.0
//
// Proof that a regime keeps its promises, before it may load (regimes/README.md). The regime's
// moves are explored as a finite machine (one target, one review, every safeguard assumed
// satisfiable, clocks assumed to run out when they may), breadth first, so that each finding
// carries the shortest path that breaks the property.
#pragma once

#include <string>
#include <vector>

#include "entente/acts/regime.h"

namespace entente::acts {

struct Finding {
  std::string property;           // "P1" … "P8", see kProperties in check.cc
  std::string detail;             // one sentence
  std::vector<std::string> path;  // moves from the start to the state at fault, "role:move"
};

struct Report {
  std::string regime;
  std::size_t states = 0;  // explored
  std::vector<Finding> findings;
  bool ok() const { return findings.empty(); }
};

Report check_regime(const Regime& regime);

// "P4 a user … ; path: drafter:compose > signer:sign > …"
std::string to_text(const Finding& finding);
// One line per property with its sentence, for the report of `entente regime check`.
std::vector<std::pair<std::string_view, std::string_view>> properties();

}  // namespace entente::acts

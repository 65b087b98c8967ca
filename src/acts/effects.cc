// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "entente/acts/apply.h"

namespace entente::acts {
namespace {

struct Place {
  StateIndex state = 0;
  std::string by;
};

// The machines of a region: one per target for execution, else one. An act that has not started has
// none.
std::vector<Place> places(const ActState& s, Region region) {
  if (!s.started()) return {};
  if (region == Region::kExecution) {
    std::vector<Place> out;
    for (const auto& t : s.execution) out.push_back({t.state, t.by_step});
    return out;
  }
  const auto i = static_cast<std::size_t>(region);
  return {{s.region[i], s.region_step[i]}};
}

}  // namespace

std::vector<WantedEffect> effects(const ActState& before, const ActState& after,
                                  const Regime& regime) {
  std::vector<WantedEffect> out;
  const auto emit = [&](const EffectRule& rule, const StateSet& enters, bool undo) {
    const auto old = places(before, enters.region);
    const auto now = places(after, enters.region);
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (!enters.has(now[i].state)) continue;
      if (i < old.size() && enters.has(old[i].state)) continue;
      const auto target =
          enters.region == Region::kExecution ? std::optional<std::size_t>(i) : std::nullopt;
      // What limits the wanting of an effect does not limit its undoing: nothing may survive a
      // reversal.
      if (!undo && !std::all_of(rule.when.begin(), rule.when.end(),
                                [&](const Condition& c) { return holds(after, c, target); }))
        continue;
      const std::string& kind = undo ? rule.undo : rule.kind;
      out.push_back(
          {fmt::format("{}:{}:{}:{}", kind, after.act, target ? std::to_string(i) : "-", now[i].by),
           kind, rule.at, after.act, target, undo, undo ? rule.undo_result : rule.result});
    }
  };
  for (const auto& rule : regime.effects) {
    emit(rule, rule.enters, false);
    if (rule.undone) emit(rule, rule.undone_enters, true);
  }
  return out;
}

}  // namespace entente::acts

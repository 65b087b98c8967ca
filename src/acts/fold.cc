// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <queue>

#include "entente/acts/apply.h"

namespace entente::acts {

// Kahn's algorithm with the smallest id first among the steps whose predecessors are all placed:
// the order depends on the set of steps alone, so any two nodes that hold the same set hold the
// same state.
Folded fold(std::span<const Step> steps, const Regime& regime, const OnApplied& on_applied) {
  std::map<std::string, const Step*> by_id;
  for (const auto& s : steps) by_id.emplace(s.id, &s);

  std::map<std::string, std::size_t> missing;
  std::map<std::string, std::vector<std::string>> followers;
  std::priority_queue<std::string, std::vector<std::string>, std::greater<>> ready;
  for (const auto& [id, step] : by_id) {
    missing[id] = step->after.size();
    for (const auto& a : step->after) followers[a].push_back(id);
    if (step->after.empty()) ready.push(id);
  }

  Folded out;
  std::set<std::string> placed;
  while (!ready.empty()) {
    const std::string id = ready.top();
    ready.pop();
    placed.insert(id);
    const Step& step = *by_id[id];
    if (auto next = apply(out.state, step, regime, step.at)) {
      if (on_applied) on_applied(out.state, *next, step);
      out.state = *std::move(next);
    } else {
      // Kept as refused, and seen: steps that build on it are judged on their own merits.
      out.state.refused.push_back({id, step.move, next.error()});
      if (out.state.started()) out.state.seen.insert(id);
    }
    for (const auto& f : followers[id])
      if (--missing[f] == 0) ready.push(f);
  }
  for (const auto& [id, step] : by_id)
    if (!placed.contains(id)) out.waiting.push_back(id);
  return out;
}

}  // namespace entente::acts

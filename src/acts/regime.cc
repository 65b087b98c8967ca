// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/regime.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/acts/check.h"
#include "regime_files.h"

namespace entente::acts {

const Move* Regime::move(std::string_view wanted) const {
  for (const auto& m : moves)
    if (m.name == wanted) return &m;
  return nullptr;
}

const ClockRule* Regime::clock(std::string_view wanted) const {
  for (const auto& c : clocks)
    if (c.id == wanted) return &c;
  return nullptr;
}

const Role* Regime::role(std::string_view wanted) const {
  const auto it = roles.find(std::string(wanted));
  return it == roles.end() ? nullptr : &it->second;
}

Result<StateSet> parse_states(std::string_view text) {
  const auto eq = text.find('=');
  if (eq == std::string_view::npos)
    return fail(Code::kInvalid, fmt::format("\"{}\" is not region=state|state", text));
  const auto region = region_from(text.substr(0, eq));
  if (!region) return fail(Code::kInvalid, fmt::format("\"{}\": no such region", text));
  StateSet out{*region, 0};
  std::string_view rest = text.substr(eq + 1);
  while (true) {
    const auto bar = rest.find('|');
    const auto name = rest.substr(0, bar);
    const auto state = state_from(*region, name);
    if (!state)
      return fail(Code::kInvalid,
                  fmt::format(R"("{}": {} has no state "{}")", text, region_name(*region), name));
    out.mask |= 1U << *state;
    if (bar == std::string_view::npos) return out;
    rest.remove_prefix(bar + 1);
  }
}

Result<Condition> parse_condition(std::string_view text) {
  Condition out;
  out.text = std::string(text);
  if (text.starts_with('!')) {
    out.negated = true;
    text.remove_prefix(1);
  }
  if (text.starts_with("event:")) {
    out.event = std::string(text.substr(6));
    if (out.event.empty()) return fail(Code::kInvalid, "event: without a move");
    return out;
  }
  ENTENTE_TRY(states, parse_states(text));
  out.states = states;
  return out;
}

Result<Consequence> parse_consequence(std::string_view text) {
  const auto arrow = text.find("=>");
  const auto colon = text.find(':');
  if (arrow == std::string_view::npos || colon == std::string_view::npos || colon > arrow)
    return fail(Code::kInvalid, fmt::format("\"{}\" is not region:from|from=>to", text));
  const std::string region(text.substr(0, colon));
  ENTENTE_TRY(from,
              parse_states(region + "=" + std::string(text.substr(colon + 1, arrow - colon - 1))));
  const auto to = state_from(from.region, text.substr(arrow + 2));
  if (!to) return fail(Code::kInvalid, fmt::format("\"{}\": no such state to go to", text));
  return Consequence{from, *to};
}

Result<Catalogue> Catalogue::load(const std::vector<SourceFile>& files) {
  Catalogue out;
  for (const auto& file : files) {
    if (!file.name.ends_with(".toml")) continue;
    ENTENTE_TRY(regime, parse_regime(file, files));
    const Report report = check_regime(regime);
    if (!report.ok()) {
      return fail(Error{
          Code::kRefused,
          fmt::format("regime {} is refused: {}", regime.name(), to_text(report.findings.front())),
          file.name, report.findings.front().property,
          "run `entente regime check` for every finding"});
    }
    std::string name = regime.name();
    if (out.regimes_.contains(name))
      return fail(Code::kConflict, "two regimes are called " + name, file.name);
    out.regimes_.emplace(std::move(name), std::make_shared<const Regime>(std::move(regime)));
  }
  return out;
}

std::vector<SourceFile> Catalogue::builtin_files() {
  std::vector<SourceFile> out;
  for (const auto& f : regime_files::files())
    out.push_back({std::string(f.name), std::string(f.text)});
  return out;
}

Result<Catalogue> Catalogue::builtin() {
  return load(builtin_files());
}

const Regime* Catalogue::find(std::string_view name) const {
  if (const auto it = regimes_.find(name); it != regimes_.end()) return it->second.get();
  const Regime* best = nullptr;
  for (const auto& [key, regime] : regimes_)
    if (regime->id == name && (best == nullptr || regime->version > best->version))
      best = regime.get();
  return best;
}

std::vector<const Regime*> Catalogue::all() const {
  std::vector<const Regime*> out;
  for (const auto& [name, regime] : regimes_) out.push_back(regime.get());
  return out;
}

}  // namespace entente::acts

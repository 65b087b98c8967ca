// SPDX-License-Identifier: Apache-2.0
//
// Safeguards: numbered rules that refuse a step. Each is a pure function; a regime's move lists the
// ones that guard it. The number travels in the refusal (Error::rule). Sources: docs/safeguards.md.
#pragma once

#include "entente/acts/model.h"
#include "entente/acts/regime.h"

namespace entente::acts {

struct SafeguardInput {
  const ActState& state;  // before the step
  const Step& step;
  const Regime& regime;
  const Move& move;
};

using Safeguard = Result<void> (*)(const SafeguardInput&);

// Null for a number nobody has written: a regime that names it does not load.
Safeguard find_safeguard(std::string_view number);
std::vector<std::string_view> known_safeguards();

// Checks `value` against a schema of the regime; a violation becomes a refusal with the safeguard
// that the regime gives for that part of the form.
Result<void> check_form(const Regime& regime, std::string_view schema, const json::Value& value,
                        std::string_view pointer_prefix);

// Canonical form of a target's value: lower-case scheme and host, no default port, no fragment.
// Refuses wildcards, patterns, ranges, credentials and whole sites (SG05).
Result<std::string> canonical_target(std::string_view kind, std::string_view value);

}  // namespace entente::acts

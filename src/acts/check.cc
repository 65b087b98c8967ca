// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/check.h"
namespace entente::acts {
Report check_regime(const Regime& regime) {
  return {regime.name(), 0, {}};
}
std::string to_text(const Finding& f) {
  return f.property + " " + f.detail;
}
std::vector<std::pair<std::string_view, std::string_view>> properties() {
  return {};
}
}  // namespace entente::acts

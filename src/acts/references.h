// SPDX-License-Identifier: Apache-2.0
//
// Property P8: everything a regime names exists. Comes before the machine, which looks names up
// without asking. Private to the checker.
#pragma once

#include <vector>

#include "entente/acts/check.h"

namespace entente::acts {

std::vector<Finding> check_references(const Regime& regime);

}  // namespace entente::acts

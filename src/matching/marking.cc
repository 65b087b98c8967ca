// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/marking.h"

namespace entente::matching {

const Marking* find_marking(std::string_view name) {
  for (const Marking& marking : kMarkings) {
    if (marking.name == name) return &marking;
  }
  return nullptr;
}

}  // namespace entente::matching

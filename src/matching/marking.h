// SPDX-License-Identifier: Apache-2.0
//
// How far what is shared may travel: TLP 2.0 (FIRST, 2022), as data with its meaning.
#pragma once

#include <array>
#include <string_view>

namespace entente::matching {

struct Marking {
  std::string_view name;
  std::string_view en;
  std::string_view fr;
  bool onward = false;     // whoever receives it may pass it to other organisations
  bool exportable = true;  // its source may send it to partners' nodes at all
};
inline constexpr std::array<Marking, 5> kMarkings{{
    {"CLEAR", "may be shared with everyone", "peut être communiqué à tous", true, true},
    {"GREEN", "may be shared within the community, not in public",
     "peut être communiqué au sein de la communauté, pas en public", true, true},
    {"AMBER", "within the receiving organisation and its clients, as far as they need to know",
     "au sein de l'organisation destinataire et de ses clients, selon le besoin d'en connaître",
     false, true},
    {"AMBER+STRICT", "within the receiving organisation only",
     "au sein de l'organisation destinataire uniquement", false, true},
    {"RED", "for the named people only, nobody else",
     "pour les seules personnes destinataires, personne d'autre", false, false},
}};
// Null when there is no such marking.
const Marking* find_marking(std::string_view name);

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// For tests: a valid body for every form that the shipped regimes beyond TCO and the DSA notice
// name. A test changes one thing and looks at the refusal.
#pragma once

#include <string>
#include <string_view>

#include "entente/acts/apply.h"

namespace entente::acts::testing {

inline const std::string kWords = "Reasons of at least twenty characters, given in full.";

inline std::string before(Instant now, Millis by) {
  return format_rfc3339(now - by);
}

// What every order and request says.
inline json::Object common_form(const Regime& regime, Instant now) {
  return {
      {"legal_basis", regime.legal_basis.front()},
      {"territory", regime.territories.front()},
      {"language", "fr"},
      {"reasons",
       "The page calls by name for the killing of passers-by, gives a place and a time, and "
       "praises those who did so last week; it was seen by two officers on the day it is dated."},
      {"provisions", json::Array{"Code pénal, art. 421-2-5"}},
      {"authority", json::Object{{"name", "Authority Example"},
                                 {"representative", "A. Martin"},
                                 {"post", "Commissaire"},
                                 {"reference", "2026/1113-7"},
                                 {"email", "desk@authority.example"}}},
      {"redress", json::Object{{"body", "Tribunal administratif de Paris"},
                               {"period", "P2M"},
                               {"law_url", "https://law.example/cja/r421-1"}}},
      {"deconfliction", json::Object{{"asked_at", before(now, std::chrono::hours(1))},
                                     {"outcome", "no_conflict"},
                                     {"with", "Europol"}}}};
}

inline json::Object source_removal(Instant now) {
  return {{"outcome", "not_removed"},
          {"act", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
          {"requested_at", before(now, std::chrono::hours(25))}};
}

// Null for a form that is not a draft's of these regimes.
inline std::optional<json::Object> draft_form(const Regime& regime, std::string_view schema,
                                              Instant now) {
  json::Object form = common_form(regime, now);
  if (schema == "order") return form;
  if (schema.starts_with("lcen-")) {
    form["ground"] = "terrorism";
    if (schema == "lcen-withdrawal") return form;
    form["source_removal"] = source_removal(now);
    if (schema == "lcen-delisting") return form;
    form["information_page"] = "https://information.example/terrorism";
    form["collateral"] = json::Object{{"public_suffix", false},
                                      {"shared", false},
                                      {"tenants", 1},
                                      {"checked_at", before(now, std::chrono::hours(2))}};
    return form;
  }
  return std::nullopt;
}

// One exact item of a kind.
inline std::string target_value(std::string_view kind, std::size_t i) {
  const std::string n = std::to_string(i + 1);
  if (kind == "url") return "https://platform.example/post/" + n;
  if (kind == "domain" || kind == "host") return "site" + n + ".example-press.net";
  return "account-" + n;
}

inline std::optional<json::Object> move_body(std::string_view schema, Instant now) {
  const std::string at = format_rfc3339(now);
  if (schema == "looked-again")
    return json::Object{
        {"still_active", true}, {"still_illegal", true}, {"checked_at", at}, {"reasons", kWords}};
  if (schema == "applied")
    return json::Object{{"applied_at", at}, {"list_serial", 7}, {"evidence", json::Object{}}};
  if (schema == "approval") return json::Object{{"reasons", kWords}, {"assessment", kWords}};
  if (schema == "report") return json::Object{{"reasons", kWords}, {"seen_at", at}};
  if (schema == "not-executed")
    return json::Object{{"ground", "technically_impossible"},
                        {"explanation", kWords},
                        {"authorised_person", "B. Durand"}};
  return std::nullopt;
}

}  // namespace entente::acts::testing

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

inline json::Object judgment_block(Instant now) {
  return {{"sha256", std::string(64, 'b')},
          {"court", "Tribunal judiciaire de Paris"},
          {"reference", "26/01113"},
          {"decided_at", before(now, std::chrono::hours(48))},
          {"final", true}};
}

inline json::Object until(Instant now, Millis after) {
  return {{"until", format_rfc3339(now + after)}};
}

// What every request for data says.
inline json::Object data_form(const Regime& regime, Instant now) {
  json::Object form = common_form(regime, now);
  form["data"] = json::Object{{"categories", json::Array{regime.data.categories.front()}},
                              {"from", before(now, std::chrono::hours(72))},
                              {"to", before(now, std::chrono::hours(24))},
                              {"necessity", kWords}};
  form["privilege"] = json::Object{{"flag", "none"}};
  form["user_info"] = json::Object{{"delayed", false}};
  form["transfer"] = json::Object{{"recipient", "Unit 7"}, {"channel", "national platform"}};
  return form;
}

inline std::optional<json::Object> data_draft(const Regime& regime, std::string_view schema,
                                              Instant now) {
  json::Object form = data_form(regime, now);
  const json::Object offence{{"provisions", json::Array{"Code pénal, art. 421-1"}},
                             {"maximum_penalty_years", 10}};
  if (schema == "dsa-order-information") {
    form["objective"] = kWords;
    form["already_held"] = true;
    return form;
  }
  if (schema == "fr-requisition") {
    form["framework"] = "77-1-1";
    form["offence"] = "Code pénal, art. 421-1";
    form["maximum_penalty_years"] = 10;
    return form;
  }
  if (schema == "preservation") {
    form.erase("transfer");
    form["term"] = until(now, std::chrono::hours(24 * 30));
    return form;
  }
  if (schema == "eu-epoc" || schema == "eu-epoc-emergency") {
    form["a"] = json::Object{
        {"issuing", "Parquet de Paris"}, {"validating", "Tribunal"}, {"file_no", "26-7"}};
    form["b"] = json::Object{{"addressee", "Platform Example, legal representative"}};
    form["f"] = offence;
    if (schema == "eu-epoc-emergency")
      form["emergency"] = json::Object{{"ground", "life"}, {"danger", kWords}};
    else
      form["m"] = json::Object{{"sha256", std::string(64, 'd')}};
    return form;
  }
  return std::nullopt;
}

inline json::Object no_exemption() {
  json::Object out;
  for (const auto* ground : {"educational", "journalistic", "artistic", "research",
                             "counter_terrorism", "public_debate"})
    out[ground] = json::Object{{"answer", "no"}, {"reason", kWords}};
  return out;
}

// Null for other forms.
inline std::optional<json::Object> measure_draft(const Regime& regime, std::string_view schema,
                                                 Instant now) {
  json::Object form = common_form(regime, now);
  form.erase("deconfliction");
  if (schema == "tco-exposure") {
    form["factors"] = json::Array{
        json::Object{{"kind", "final_order"}, {"reference", "2026/1"}, {"what", kWords}},
        json::Object{{"kind", "final_order"}, {"reference", "2026/2"}, {"what", kWords}}};
    return form;
  }
  form.erase("provisions");
  form.erase("authority");
  if (schema == "crisis") {
    form["crisis"] = json::Object{
        {"trigger", kWords}, {"owner", "Crisis desk"}, {"purpose", kWords}, {"criteria", kWords}};
    form["measures"] = json::Array{"priority_queue"};
    return form;
  }
  form.erase("redress");
  if (schema == "tco-measure") {
    form["types"] = json::Array{"a_incite"};
    form["exemption_assessment"] = no_exemption();
    form["automated_detection"] = true;
    form["verified_by_person"] = true;
    return form;
  }
  return std::nullopt;
}

inline std::optional<json::Object> notice_draft(const Regime& regime, std::string_view schema,
                                                Instant now) {
  json::Object form{{"legal_basis", regime.legal_basis.front()},
                    {"territory", regime.territories.front()},
                    {"reasons", common_form(regime, now).at("reasons")}};
  if (schema == "life-threat") {
    form["aware_at"] = before(now, std::chrono::minutes(10));
    form["link"] = "victim";
    form["relevant_information"] = "The post names a school and an hour.";
    return form;
  }
  form["category"] = "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY";
  if (schema == "dsa-flag") {
    form["bona_fide"] = true;
    form["status"] = json::Object{
        {"coordinator", "Arcom"}, {"decision", "2025-1"}, {"expertise", "hate speech"}};
    return form;
  }
  if (schema == "referral") {
    form["voluntary"] = true;
    form["terms_of_service"] = "Section 4: violent extremism";
    return form;
  }
  return std::nullopt;
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
  if (schema.starts_with("court-order")) {
    form.erase("deconfliction");
    form["judgment"] = judgment_block(now);
    form["term"] = until(now, std::chrono::hours(24 * 365));
    if (schema == "court-order") return form;
    form["source_removal"] = source_removal(now);
    form["collateral"] = json::Object{{"public_suffix", false},
                                      {"shared", false},
                                      {"tenants", 1},
                                      {"checked_at", before(now, std::chrono::hours(2))}};
    return form;
  }
  if (schema == "dsa-order-act") {
    form["scope_reasons"] = kWords;
    form["informed"] = json::Object{{"authority", "Authority"}, {"coordinator", "Arcom"}};
    return form;
  }
  if (auto notice = notice_draft(regime, schema, now)) return notice;
  if (auto measure = measure_draft(regime, schema, now)) return measure;
  return data_draft(regime, schema, now);
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
  if (schema == "produced")
    return json::Object{{"channel", "national platform"},
                        {"recipient", "Unit 7"},
                        {"produced_at", at},
                        {"package_sha256", std::string(64, 'c')}};
  if (schema == "preserved")
    return json::Object{{"preserved_at", at}, {"package_sha256", std::string(64, 'c')}};
  if (schema == "feedback") return json::Object{{"reasons", kWords}};
  if (schema == "tco-measures-report")
    return json::Object{{"measures", json::Array{"More reviewers of the languages concerned"}},
                        {"human_oversight", kWords},
                        {"rights", kWords}};
  if (schema == "crisis-renewal")
    return json::Object{{"criteria_still_met", true}, {"reasons", kWords}};
  if (schema == "crisis-report")
    return json::Object{{"summary", kWords},
                        {"measures", json::Array{"priority queue"}},
                        {"errors", "none known"},
                        {"rights", kWords}};
  if (schema == "call-back")
    return json::Object{{"registered_number", true},
                        {"confirmed", true},
                        {"called_at", at},
                        {"spoke_with", "Duty officer"}};
  return std::nullopt;
}

}  // namespace entente::acts::testing

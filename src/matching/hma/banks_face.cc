// SPDX-License-Identifier: Apache-2.0
//
// /c/banks, /c/bank/<b>.
#include <algorithm>

#include "entente/matching/hma/answers.h"
#include "entente/matching/hma/contents.h"

namespace entente::matching::hma {

namespace {

constexpr std::string_view kReason = "by HMA's interface";

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxBankName) return false;
  if (name.front() >= '0' && name.front() <= '9') return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name.npos;
}

// HMA takes numbers and their text alike.
Result<double> ratio_of(const json::Value& value) {
  double out = -1;
  if (value.is_string()) {
    const std::string text(value.get_string());
    char* end = nullptr;
    out = std::strtod(text.c_str(), &end);
    if (text.empty() || end != text.c_str() + text.size()) out = -1;
  } else if (value.is_number()) {
    out = value.to_number<double>();
  }
  if (!(out >= 0 && out <= 1)) return bad("enabled_ratio must be a number from 0 to 1");
  return out;
}

bool truthy_value(const json::Value& value) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_string()) return truthy(value.get_string());
  return value.is_number() && value.to_number<double>() != 0;
}

// Nothing when the body says nothing of it.
Result<std::optional<double>> ratio_in(const json::Object& body) {
  if (const auto* ratio = json::find(body, "enabled_ratio")) {
    ENTENTE_TRY(value, ratio_of(*ratio));
    return std::optional<double>(value);
  }
  if (const auto* enabled = json::find(body, "enabled"))
    return std::optional<double>(truthy_value(*enabled) ? 1.0 : 0.0);
  return std::optional<double>();
}

Result<http::Response> list_banks(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  ENTENTE_TRY(banks, store::read_returning<std::vector<Bank>>(
                         parts.store, [&](store::Tx& tx) { return face_banks(tx, parts.banks); }));
  json::Array out;
  for (const Bank& bank : banks) out.push_back(bank_json(bank));
  return http::json_response(out);
}

// Our names are small letters; a retired bank keeps its own for ever.
Result<std::string> free_name(store::Tx& tx, const Banks& banks, std::string_view face) {
  std::string base;
  for (const char c : face)
    base += c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  base.resize(std::min(base.size(), kMaxBankName - 8));
  ENTENTE_TRY(all, banks.list(tx));
  for (int i = 1;; ++i) {
    const std::string name = i == 1 ? base : base + "-" + std::to_string(i);
    const bool taken =
        std::any_of(all.begin(), all.end(), [&](const Bank& bank) { return bank.name == name; });
    if (!taken) return name;
  }
}

Result<http::Response> create_bank(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_TRY(body, object_body(request));
  const auto* given = json::find(body, "name");
  if (given == nullptr || !given->is_string()) return bad("name is required");
  const std::string name(given->get_string());
  if (!good_name(name)) return bad("Bank names must be UPPER_WITH_UNDERSCORE");
  ENTENTE_TRY(ratio, ratio_in(body));
  ENTENTE_TRY(bank, store::write_returning<Bank>(parts.store, [&](store::Tx& tx) -> Result<Bank> {
                ENTENTE_TRY(there, find_bank(tx, parts.banks, name));
                if (there) return forbidden("Bank already exists");
                NewBank fresh;
                ENTENTE_TRY(inner, free_name(tx, parts.banks, name));
                fresh.name = std::move(inner);
                fresh.title = name;
                fresh.alias = name;
                // Behind each of its entries is a person: nothing comes in by itself.
                fresh.dry_run = false;
                fresh.enabled_ratio = ratio.value_or(1.0);
                ENTENTE_CHECK_OK(parts.banks.create(
                    tx, fresh, {person, std::string(kReason), parts.clock.now()}));
                return parts.banks.find(tx, fresh.name);
              }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(bank_json(bank), 201);
}

Result<http::Response> show_bank(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  const std::string name(request.param("bank"));
  ENTENTE_TRY(bank, store::read_returning<std::optional<Bank>>(parts.store, [&](store::Tx& tx) {
                return find_bank(tx, parts.banks, name);
              }));
  if (!bank) return missing("bank '" + name + "' not found");
  return http::json_response(bank_json(*bank));
}

Result<http::Response> update_bank(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_TRY(body, object_body(request));
  const std::string name(request.param("bank"));
  ENTENTE_TRY(bank, store::write_returning<Bank>(parts.store, [&](store::Tx& tx) -> Result<Bank> {
                ENTENTE_TRY(there, find_bank(tx, parts.banks, name));
                if (!there) return missing("Bank not found");
                BankChange change;
                if (const auto* to = json::find(body, "name")) {
                  if (!to->is_string() || !good_name(to->get_string()))
                    return bad("Bank names must be UPPER_WITH_UNDERSCORE");
                  const std::string wanted(to->get_string());
                  ENTENTE_TRY(other, find_bank(tx, parts.banks, wanted));
                  if (other && other->name != there->name) return forbidden("Bank already exists");
                  if (wanted != name) change.alias = wanted;
                }
                ENTENTE_TRY(ratio, ratio_in(body));
                change.enabled_ratio = ratio;
                if (ratio && *ratio > 0) change.enabled = true;
                ENTENTE_CHECK_OK(parts.banks.change(
                    tx, there->name, change, {person, std::string(kReason), parts.clock.now()}));
                return parts.banks.find(tx, there->name);
              }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(bank_json(bank));
}

Result<http::Response> delete_bank(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_CHECK_OK(parts.store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(bank, find_bank(tx, parts.banks, request.param("bank")));
    if (!bank) return {};
    ENTENTE_TRY(others, has_others_entries(tx, bank->name));
    if (others || !bank->owner.empty() || bank->alias.empty()) {
      return forbidden(
          "this bank is not curators' own: what acts and partners put there ends with them");
    }
    ENTENTE_CHECK_OK(
        parts.banks.retire(tx, bank->name, {person, std::string(kReason), parts.clock.now()}));
    return {};
  }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(json::Object{{"message", "Done"}});
}

}  // namespace

void add_banks(http::Router& router, const std::shared_ptr<const Parts>& parts) {
  const auto with = [&parts](auto handler) {
    return face(
        parts, [parts, handler](const http::Request& request) { return handler(*parts, request); });
  };
  const std::string one = parts->prefix + "/c/bank/{bank}";
  router.add("GET", parts->prefix + "/c/banks", with(list_banks));
  router.add("POST", parts->prefix + "/c/banks", with(create_bank));
  router.add("GET", one, with(show_bank));
  router.add("PUT", one, with(update_bank));
  router.add("DELETE", one, with(delete_bank));
}

}  // namespace entente::matching::hma

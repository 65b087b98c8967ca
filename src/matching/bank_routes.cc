// SPDX-License-Identifier: Apache-2.0
//
// /v1/labels, /v1/banks.
#include "entente/matching/bank_routes.h"

#include <fmt/format.h>

#include <charconv>

#include "entente/matching/bank_route_tools.h"
#include "entente/matching/list_import.h"

namespace entente::matching {

Result<std::int64_t> number_in(std::string_view text, std::int64_t min, std::int64_t max,
                               const char* field) {
  std::int64_t out = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || out < min || out > max) {
    return fail(Code::kInvalid, fmt::format("must be a whole number from {} to {}", min, max),
                field);
  }
  return out;
}

Result<bool> flag_in_query(const http::Request& request, const char* name) {
  const auto text = request.query_if(name);
  if (!text || *text == "false") return false;
  if (*text != "true") return fail(Code::kInvalid, "must be true or false", name);
  return true;
}

Result<PageAsked> page_asked(const http::Request& request) {
  PageAsked out;
  if (const auto cursor = request.query_if("cursor")) {
    ENTENTE_TRY(value, number_in(*cursor, 0, INT64_MAX, "cursor"));
    out.after = value;
  }
  if (const auto asked = request.query_if("limit")) {
    ENTENTE_TRY(value, number_in(*asked, 1, kMaxPage, "limit"));
    out.limit = value;
  }
  return out;
}

json::Object page_json(json::Array items, std::int64_t last, std::int64_t limit) {
  json::Value next(nullptr);
  if (static_cast<std::int64_t>(items.size()) == limit) next = std::to_string(last);
  return {{"items", std::move(items)}, {"next", std::move(next)}};
}

json::Object bank_json(const Bank& bank) {
  json::Object out{{"name", bank.name},
                   {"title", bank.title},
                   {"radius", bank.radius},
                   {"live", bank.live},
                   {"created_at", format_rfc3339(bank.created_at)},
                   {"kind", bank_kind_name(bank.kind)},
                   {"marking", bank.marking},
                   {"enabled", bank.enabled},
                   {"enabled_ratio", bank.enabled_ratio},
                   {"dry_run", bank.dry_run}};
  if (!bank.alias.empty()) out["alias"] = bank.alias;
  if (!bank.owner.empty()) out["owner"] = bank.owner;
  if (bank.retired_at) out["retired_at"] = format_rfc3339(*bank.retired_at);
  return out;
}

namespace {

// A person's words for the record; whether they are needed is the model's affair.
constexpr json::TextRule kReasonRule{.min = 1, .max = kMaxReason};

Result<http::Response> get_labels(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  json::Array labels;
  for (const Label& label : parts.banks.labels().all()) {
    labels.push_back(json::Object{{"name", label.name},
                                  {"family", label.family},
                                  {"context", label.context},
                                  {"title", {{"en", label.en}, {"fr", label.fr}}}});
  }
  json::Array markings;
  for (const Marking& marking : kMarkings) {
    markings.push_back(json::Object{{"name", marking.name},
                                    {"onward", marking.onward},
                                    {"exportable", marking.exportable},
                                    {"title", {{"en", marking.en}, {"fr", marking.fr}}}});
  }
  return http::json_response(
      json::Object{{"items", std::move(labels)}, {"markings", std::move(markings)}});
}

Result<http::Response> get_banks(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(banks, store::read_returning<std::vector<Bank>>(
                         parts.store, [&](store::Tx& tx) { return parts.banks.list(tx); }));
  json::Array items;
  for (const Bank& bank : banks) items.push_back(bank_json(bank));
  return http::json_response(json::Object{{"items", std::move(items)}});
}

Result<http::Response> get_bank(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(bank, store::read_returning<Bank>(parts.store, [&](store::Tx& tx) {
                return parts.banks.find(tx, request.param("name"));
              }));
  return http::json_response(bank_json(bank));
}

Result<http::Response> post_bank(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  NewBank bank;
  bank.name = r.text("name", {.max = kMaxBankName});
  bank.title = r.text("title", {.max = kMaxProvenance});
  bank.radius = static_cast<int>(
      r.integer_if("radius", 0, fingerprint::kMatchDistance).value_or(fingerprint::kMatchDistance));
  const auto kind = parse_bank_kind(r.text_if("kind").value_or("own"));
  if (!kind) r.fault("kind", "must be own, shared or allow");
  bank.alias = r.text_if("alias", {.min = 0, .max = kMaxBankName}).value_or("");
  bank.marking = r.text_if("marking").value_or(bank.marking);
  const std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  bank.kind = *kind;
  ENTENTE_TRY(made, change<Bank>(parts, person, reason,
                                 [&](store::Tx& tx, const Decision& decision) -> Result<Bank> {
                                   ENTENTE_CHECK_OK(parts.banks.create(tx, bank, decision));
                                   return parts.banks.find(tx, bank.name);
                                 }));
  return http::json_response(bank_json(made), 201);
}

Result<http::Response> patch_bank(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  BankChange wanted;
  wanted.title = r.text_if("title", {.max = kMaxProvenance});
  wanted.alias = r.text_if("alias", {.min = 0, .max = kMaxBankName});
  if (const auto radius = r.integer_if("radius", 0, fingerprint::kMatchDistance))
    wanted.radius = static_cast<int>(*radius);
  if (body.contains("enabled")) wanted.enabled = r.flag("enabled");
  if (const auto* ratio = json::find(body, "enabled_ratio")) {
    r.skip("enabled_ratio");
    if (ratio->is_number()) wanted.enabled_ratio = ratio->to_number<double>();
    if (!wanted.enabled_ratio || !(*wanted.enabled_ratio >= 0 && *wanted.enabled_ratio <= 1))
      r.fault("enabled_ratio", "must be a number from 0 to 1");
  }
  wanted.marking = r.text_if("marking");
  const std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(bank, change<Bank>(parts, person, reason,
                                 [&](store::Tx& tx, const Decision& decision) -> Result<Bank> {
                                   ENTENTE_CHECK_OK(parts.banks.change(tx, request.param("name"),
                                                                       wanted, decision));
                                   return parts.banks.find(tx, request.param("name"));
                                 }));
  return http::json_response(bank_json(bank));
}

Result<http::Response> retire_bank(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(gone, change<std::vector<EntryId>>(
                        parts, person, reason, [&](store::Tx& tx, const Decision& decision) {
                          return parts.banks.retire(tx, request.param("name"), decision);
                        }));
  return http::json_response(json::Object{{"tombstoned", gone.size()}});
}

Result<http::Response> get_changes(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(page, page_asked(request));
  const std::string_view name = request.param("name");
  ENTENTE_TRY(events, store::read_returning<std::vector<BankEvent>>(
                          parts.store, [&](store::Tx& tx) -> Result<std::vector<BankEvent>> {
                            ENTENTE_TRY(bank, parts.banks.find(tx, name));
                            return parts.banks.events(tx, bank.name, page.after, page.limit);
                          }));
  json::Array items;
  for (const BankEvent& event : events) {
    json::Object one{{"id", event.id},
                     {"kind", event.kind},
                     {"by", event.by},
                     {"detail", event.detail},
                     {"at", format_rfc3339(event.at)}};
    if (event.entry) one["entry"] = *event.entry;
    items.push_back(std::move(one));
  }
  return http::json_response(
      page_json(std::move(items), events.empty() ? 0 : events.back().id, page.limit));
}

// The list is the body, text/csv or text/plain; who, why and what holds for lines that do not say
// is in the query.
Result<http::Response> post_list(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  const std::string_view header = request.header("content-type");
  const std::string_view type = header.substr(0, header.find(';'));
  if (type != "text/csv" && type != "text/plain")
    return fail(Code::kUnsupported, "a list is text/csv or text/plain", "content-type");
  if (request.body.empty()) return fail(Code::kInvalid, "the body is empty", "body");
  ListOptions options;
  ENTENTE_TRY(all, flag_in_query(request, "all_or_nothing"));
  options.all_or_nothing = all;
  options.label = request.query_if("label").value_or("");
  if (const auto quality = request.query_if("quality")) {
    ENTENTE_TRY(value, number_in(*quality, 0, 100, "quality"));
    options.quality = static_cast<int>(value);
  }
  const std::string reason = request.query_if("reason").value_or("");
  ENTENTE_TRY(
      done, change<ListImport>(parts, person, reason, [&](store::Tx& tx, const Decision& decision) {
        return import_list(tx, parts.banks, request.param("name"), request.body, options, decision);
      }));
  json::Array faults;
  for (const ListFault& fault : done.faults) {
    faults.push_back(json::Object{
        {"line", fault.line}, {"field", fault.error.field}, {"detail", fault.error.detail}});
  }
  return http::json_response(json::Object{{"added", done.added},
                                          {"known", done.known},
                                          {"bad", done.bad},
                                          {"faults", std::move(faults)}});
}

}  // namespace

void add_bank_routes(http::Router& router, BankRouteParts parts) {
  check(parts.authorise && parts.moderator && parts.partner && parts.key_of,
        "routes without authorisation");
  const auto shared = std::make_shared<const BankRouteParts>(std::move(parts));
  router.add("GET", "/v1/labels", bound(shared, get_labels));
  router.add("GET", "/v1/banks", bound(shared, get_banks));
  router.add("POST", "/v1/banks", bound(shared, post_bank));
  router.add("GET", "/v1/banks/{name}", bound(shared, get_bank));
  router.add("PATCH", "/v1/banks/{name}", bound(shared, patch_bank));
  router.add("POST", "/v1/banks/{name}/retirement", bound(shared, retire_bank));
  router.add("GET", "/v1/banks/{name}/changes", bound(shared, get_changes));
  http::RouteOptions list;
  list.max_body = kMaxListBytes;
  router.add("POST", "/v1/banks/{name}/list", bound(shared, post_list), list);
  add_entry_routes(router, shared);
  add_trial_routes(router, shared);
  add_policy_routes(router, shared);
  add_token_routes(router, shared);
  add_sharing_routes(router, shared);
}

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// Dry runs: a bank is tried before it is trusted.
#include "entente/matching/bank_route_tools.h"

namespace entente::matching {

namespace {

constexpr json::TextRule kReasonRule{.min = 1, .max = kMaxReason};

Result<std::string> reason_in(const http::Request& request) {
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  std::string reason = r.text("reason", kReasonRule);
  ENTENTE_CHECK_OK(r.done());
  return reason;
}

Result<http::Response> post_dry_run(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::int64_t uploads =
      r.integer_if("uploads", 1, kMaxDryRunUploads).value_or(kDefaultDryRunUploads);
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(report,
              dry_run(parts.store, parts.banks, request.param("name"), uploads, parts.clock.now()));
  return http::json_response(to_json(report), 201);
}

Result<http::Response> get_last(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(report, store::read_returning<DryRunReport>(
                          parts.store, [&](store::Tx& tx) -> Result<DryRunReport> {
                            ENTENTE_TRY(bank, parts.banks.find(tx, request.param("name")));
                            return last_report(tx, bank.name);
                          }));
  return http::json_response(to_json(report));
}

// The report is accepted and the bank goes live, in one unit of work.
Result<http::Response> accept(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  const auto id = number_in(request.param("id"), 1, INT64_MAX, "id");
  if (!id) return fail(Code::kNotFound, "there is no such report", "id");
  ENTENTE_TRY(reason, reason_in(request));
  ENTENTE_TRY(report,
              change<DryRunReport>(parts, person, reason,
                                   [&](store::Tx& tx, const Decision& d) -> Result<DryRunReport> {
                                     ENTENTE_TRY(bank, parts.banks.find(tx, request.param("name")));
                                     ENTENTE_TRY(found, find_report(tx, *id));
                                     if (found.bank != bank.name)
                                       return fail(Code::kNotFound,
                                                   "this report is about another bank", "id");
                                     ENTENTE_CHECK_OK(accept_report(tx, *id, d));
                                     ENTENTE_CHECK_OK(go_live(tx, parts.banks, bank.name, d));
                                     return find_report(tx, *id);
                                   }));
  return http::json_response(to_json(report));
}

Result<http::Response> suspend_bank(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(reason, reason_in(request));
  ENTENTE_TRY(bank, change<Bank>(parts, person, reason,
                                 [&](store::Tx& tx, const Decision& d) -> Result<Bank> {
                                   const std::string_view name = request.param("name");
                                   ENTENTE_CHECK_OK(suspend(tx, parts.banks, name, d));
                                   return parts.banks.find(tx, name);
                                 }));
  return http::json_response(bank_json(bank));
}

}  // namespace

void add_trial_routes(http::Router& router, const BankParts& parts) {
  http::RouteOptions work;
  work.pool = http::Pool::kCpu;  // a hundred thousand uploads against a bank take seconds
  router.add("POST", "/v1/banks/{name}/dry-runs", bound(parts, post_dry_run), work);
  router.add("GET", "/v1/banks/{name}/dry-runs/last", bound(parts, get_last));
  router.add("POST", "/v1/banks/{name}/dry-runs/{id}/acceptance", bound(parts, accept));
  router.add("POST", "/v1/banks/{name}/suspension", bound(parts, suspend_bank));
}

}  // namespace entente::matching

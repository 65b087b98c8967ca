// SPDX-License-Identifier: Apache-2.0
//
// Deltas out and in, and sightings back. An envelope says by its signature whose it is, so whoever
// may reach the route may bring it.
#include "entente/matching/bank_route_tools.h"

namespace entente::matching {

namespace {

constexpr std::string_view kEnvelope = "application/vnd.dsse.envelope+json";

json::Array faults_json(const std::vector<LineFault>& faults) {
  json::Array out;
  for (const LineFault& fault : faults) {
    out.push_back(json::Object{
        {"line", fault.line}, {"field", fault.error.field}, {"detail", fault.error.detail}});
  }
  return out;
}

// 204: nothing changed since.
http::Response nothing_new() {
  http::Response out;
  out.status = 204;
  return out;
}

Result<http::Response> get_delta(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.partner(request));
  std::int64_t after = 0;
  if (const auto asked = request.query_if("after")) {
    ENTENTE_TRY(value, number_in(*asked, 0, INT64_MAX, "after"));
    after = value;
  }
  ENTENTE_TRY(delta, store::write_returning<std::optional<Delta>>(parts.store, [&](store::Tx& tx) {
                return export_delta(tx, parts.banks, parts.self, request.param("name"), after,
                                    parts.clock.now());
              }));
  if (!delta) return nothing_new();
  http::Response out = http::text_response(delta->envelope, std::string(kEnvelope));
  return out.with("Entente-Delta-Upto", std::to_string(delta->upto));
}

Result<http::Response> get_feeds(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(all, store::read_returning<std::vector<Feed>>(
                       parts.store, [](store::Tx& tx) { return feeds(tx); }));
  json::Array items;
  for (const Feed& feed : all) {
    items.push_back(json::Object{{"party", feed.party},
                                 {"their_bank", feed.their_bank},
                                 {"bank", feed.bank},
                                 {"number", feed.number},
                                 {"hash", feed.hash},
                                 {"stopped", feed.stopped}});
  }
  return http::json_response(json::Object{{"items", std::move(items)}});
}

Result<http::Response> post_feed(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  Subscription wanted;
  wanted.party = r.text("party", {.max = 253});
  wanted.their_bank = r.text("their_bank", {.max = kMaxBankName});
  wanted.bank = r.text("bank", {.max = kMaxBankName});
  wanted.title = r.text("title", {.max = kMaxProvenance});
  const auto kind = parse_bank_kind(r.text_if("kind").value_or("shared"));
  if (!kind) r.fault("kind", "must be own, shared or allow");
  const std::string reason = r.text("reason", {.max = kMaxReason});
  ENTENTE_CHECK_OK(r.done());
  wanted.kind = *kind;
  ENTENTE_TRY(bank, change<Bank>(parts, person, reason,
                                 [&](store::Tx& tx, const Decision& d) -> Result<Bank> {
                                   ENTENTE_CHECK_OK(parts.key_of(tx, wanted.party));
                                   ENTENTE_CHECK_OK(subscribe(tx, parts.banks, wanted, d));
                                   return parts.banks.find(tx, wanted.bank);
                                 }));
  return http::json_response(bank_json(bank), 201);
}

Result<http::Response> post_delta(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.partner(request));
  ImportOptions options;
  ENTENTE_TRY(all, flag_in_query(request, "all_or_nothing"));
  options.all_or_nothing = all;
  ENTENTE_TRY(done, store::write_returning<DeltaImport>(
                        parts.store, [&](store::Tx& tx) -> Result<DeltaImport> {
                          ENTENTE_TRY(partner, parts.key_of(tx, request.param("party")));
                          return import_delta(tx, parts.banks, parts.self.party, request.body,
                                              partner, options, parts.clock.now());
                        }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(json::Object{{"outcome", import_outcome_name(done.outcome)},
                                          {"number", done.number},
                                          {"wanted", done.wanted},
                                          {"added", done.added},
                                          {"updated", done.updated},
                                          {"tombstoned", done.tombstoned},
                                          {"echoes", done.echoes},
                                          {"expired", done.expired},
                                          {"unknown", done.unknown},
                                          {"faults", faults_json(done.faults)}});
}

Result<http::Response> resume(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string their_bank = r.text("their_bank", {.max = kMaxBankName});
  const std::string hash = r.text("hash", {.min = 64, .max = 64});
  const std::string reason = r.text("reason", {.max = kMaxReason});
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_CHECK_OK(change<Nothing>(
      parts, person, reason, [&](store::Tx& tx, const Decision& d) -> Result<Nothing> {
        ENTENTE_CHECK_OK(resume_feed(tx, request.param("party"), their_bank, hash, d));
        return Nothing{};
      }));
  return nothing_new();
}

Result<http::Response> get_sightings(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.partner(request));
  const auto bank = request.query_if("bank");
  if (!bank) return fail(Code::kInvalid, "which of the party's banks?", "bank");
  ENTENTE_TRY(
      envelope, store::write_returning<std::optional<std::string>>(parts.store, [&](store::Tx& tx) {
        return export_sightings(tx, parts.self, request.param("party"), *bank, parts.clock.now());
      }));
  if (!envelope) return nothing_new();
  return http::text_response(*envelope, std::string(kEnvelope));
}

Result<http::Response> post_sightings(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.partner(request));
  ENTENTE_TRY(done, store::write_returning<SightingsImport>(
                        parts.store, [&](store::Tx& tx) -> Result<SightingsImport> {
                          ENTENTE_TRY(partner, parts.key_of(tx, request.param("party")));
                          return import_sightings(tx, parts.self.party, request.body, partner, {},
                                                  parts.clock.now());
                        }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(
      json::Object{{"repeated", done.repeated},
                   {"entries", done.entries},
                   {"reviews", json::Array(done.reviews.begin(), done.reviews.end())},
                   {"faults", faults_json(done.faults)}});
}

}  // namespace

void add_sharing_routes(http::Router& router, const BankParts& parts) {
  http::RouteOptions large;
  large.max_body = kMaxDeltaEnvelope;
  router.add("GET", "/v1/banks/{name}/deltas", bound(parts, get_delta));
  router.add("GET", "/v1/feeds", bound(parts, get_feeds));
  router.add("POST", "/v1/feeds", bound(parts, post_feed));
  router.add("POST", "/v1/feeds/{party}/deltas", bound(parts, post_delta), large);
  router.add("POST", "/v1/feeds/{party}/resumption", bound(parts, resume));
  router.add("GET", "/v1/feeds/{party}/sightings", bound(parts, get_sightings));
  router.add("POST", "/v1/feeds/{party}/sightings", bound(parts, post_sightings), large);
}

}  // namespace entente::matching

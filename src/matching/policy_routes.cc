// SPDX-License-Identifier: Apache-2.0
//
// The policy in force, the next one, and what it would have done; tokens.
#include "entente/matching/backtest.h"
#include "entente/matching/bank_route_tools.h"
#include "entente/matching/policies.h"
#include "entente/matching/tokens.h"

namespace entente::matching {

namespace {

// How far back a back-test looks when nothing else is said.
constexpr std::chrono::hours kBackTestSince{24 * 30};

Result<json::Object> policy_json(const AdoptedPolicy& adopted) {
  ENTENTE_TRY(document, json::parse_object(adopted.policy.text(), kMaxPolicyBytes));
  json::Object out{
      {"version", adopted.version}, {"sha256", adopted.sha256}, {"policy", std::move(document)}};
  if (adopted.version > 0) {
    out["adopted_by"] = adopted.person;
    out["reason"] = adopted.reason;
    out["adopted_at"] = format_rfc3339(adopted.at);
  }
  return out;
}

Result<http::Response> get_policy(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(adopted, store::read_returning<AdoptedPolicy>(parts.store, [&](store::Tx& tx) {
                return policy_in_force(tx, parts.banks.labels());
              }));
  ENTENTE_TRY(out, policy_json(adopted));
  return http::json_response(out);
}

// The pointers of a policy's faults begin where the document lies in the body.
Result<Policy> policy_in(const json::Object& document, const Labels& labels) {
  auto policy = Policy::parse(json::canonical(json::Value(document)), labels);
  if (policy) return policy;
  Error error = std::move(policy).error();
  error.field = "/policy" + error.field;
  return fail(std::move(error));
}

Result<http::Response> put_policy(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const json::Object& document = r.object("policy");
  const std::string reason = r.text("reason", {.max = kMaxReason});
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(policy, policy_in(document, parts.banks.labels()));
  ENTENTE_TRY(
      adopted,
      change<AdoptedPolicy>(
          parts, person, reason, [&](store::Tx& tx, const Decision& d) -> Result<AdoptedPolicy> {
            ENTENTE_CHECK_OK(adopt_policy(tx, policy.text(), parts.banks.labels(), d));
            return policy_in_force(tx, parts.banks.labels());
          }));
  ENTENTE_TRY(out, policy_json(adopted));
  return http::json_response(out);
}

Result<http::Response> post_back_test(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const json::Object& document = r.object("policy");
  const Instant since = r.time_if("since").value_or(parts.clock.now() - kBackTestSince);
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(policy, policy_in(document, parts.banks.labels()));
  ENTENTE_TRY(checks, store::read_returning<std::vector<CheckRow>>(parts.store, [&](store::Tx& tx) {
                return read_checks(tx, parts.banks, since, kMaxBackTestChecks);
              }));
  return http::json_response(to_json(back_test(checks, policy)));
}

json::Object token_json(const Token& token) {
  json::Object out{{"id", token.id},
                   {"name", token.name},
                   {"roles", json::Array(token.roles.begin(), token.roles.end())},
                   {"created_at", format_rfc3339(token.created_at)}};
  if (token.revoked_at) out["revoked_at"] = format_rfc3339(*token.revoked_at);
  return out;
}

Result<http::Response> post_token(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string name = r.text("name", {.max = 100});
  const auto roles = r.texts("roles", kTokenRoles.size(), {.max = 20});
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(issued, store::write_returning<IssuedToken>(parts.store, [&](store::Tx& tx) {
                return issue_token(tx, person, name, roles, parts.random, parts.clock.now());
              }));
  json::Object out = token_json(issued.token);
  out["token"] = issued.text;
  http::Response response = http::json_response(out, 201);
  return response.with("Cache-Control", "no-store");
}

Result<http::Response> get_tokens(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(tokens, store::read_returning<std::vector<Token>>(
                          parts.store, [&](store::Tx& tx) { return tokens_of(tx, person); }));
  json::Array items;
  for (const Token& token : tokens) items.push_back(token_json(token));
  return http::json_response(json::Object{{"items", std::move(items)}});
}

Result<http::Response> delete_token(const BankRouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_CHECK_OK(parts.store.write([&](store::Tx& tx) {
    return revoke_token(tx, person, request.param("id"), parts.clock.now());
  }));
  http::Response out;
  out.status = 204;
  return out;
}

}  // namespace

void add_policy_routes(http::Router& router, const BankParts& parts) {
  http::RouteOptions large;
  large.max_body = 2 * kMaxPolicyBytes;
  router.add("GET", "/v1/match/policy", bound(parts, get_policy));
  router.add("PUT", "/v1/match/policy", bound(parts, put_policy), large);
  large.pool = http::Pool::kCpu;
  router.add("POST", "/v1/match/policy/back-test", bound(parts, post_back_test), large);
}

void add_token_routes(http::Router& router, const BankParts& parts) {
  router.add("GET", "/v1/match/tokens", bound(parts, get_tokens));
  router.add("POST", "/v1/match/tokens", bound(parts, post_token));
  router.add("DELETE", "/v1/match/tokens/{id}", bound(parts, delete_token));
}

}  // namespace entente::matching

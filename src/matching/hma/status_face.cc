// SPDX-License-Identifier: Apache-2.0
//
// /status, /site-map, the types, the index, and the exchanges, of which there are none.
#include <algorithm>

#include "entente/matching/hma/answers.h"
#include "entente/matching/hma/contents.h"

namespace entente::matching::hma {

namespace {

Result<Tally> tally_of(const Parts& parts) {
  return store::read_returning<Tally>(parts.store,
                                      [&](store::Tx& tx) { return tally(tx, parts.banks); });
}

// `signal_type` of the query, when it is there, is one we have.
Result<void> check_optional_type(const http::Request& request) {
  const auto type = request.query_if("signal_type");
  return type ? check_signal_type(*type) : Result<void>();
}

Result<http::Response> index_status(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kMatcher));
  ENTENTE_CHECK_OK(check_optional_type(request));
  ENTENTE_TRY(now, tally_of(parts));
  // Additions are in the index when they are answered: it is always built to the newest.
  return http::json_response(json::Object{
      {kPdq,
       json::Object{{"present", true}, {"built_to", now.newest}, {"size", parts.matcher.size()}}}});
}

Result<http::Response> index_of_types(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  ENTENTE_CHECK_OK(check_optional_type(request));
  ENTENTE_TRY(now, tally_of(parts));
  const auto held = static_cast<std::int64_t>(parts.matcher.size());
  return http::json_response(
      json::Object{{kPdq, json::Object{{"db_size", now.live},
                                       {"index_size", held},
                                       {"index_out_of_date", held != now.live},
                                       {"newest_db_item", now.newest},
                                       {"index_built_to", now.newest}}}});
}

Result<http::Response> signal_types(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return http::json_response(json::Array{json::Object{{"name", kPdq}, {"enabled_ratio", 1.0}}});
}

Result<http::Response> put_signal_type(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  ENTENTE_CHECK_OK(check_signal_type(request.param("type")));
  ENTENTE_TRY(body, object_body(request));
  const auto* ratio = json::find(body, "enabled_ratio");
  if (ratio == nullptr) return bad("enabled_ratio is required");
  if (!ratio->is_number() || ratio->to_number<double>() != 1.0)
    return bad("pdq is always on here: set enabled_ratio of a bank");
  http::Response out;
  out.status = 204;
  return out;
}

Result<http::Response> content_types(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return http::json_response(json::Array{json::Object{{"name", kPhoto}, {"enabled", true}},
                                         json::Object{{"name", kVideo}, {"enabled", false}}});
}

Result<http::Response> empty_list(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return http::json_response(json::Array());
}

Result<http::Response> no_exchange(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return missing("Exchange '" + std::string(request.param("name")) + "' not found");
}

Result<http::Response> no_exchange_api(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return bad("no such Exchange API '" + std::string(request.param("name")) + "'");
}

Result<http::Response> create_exchange(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  ENTENTE_TRY(body, object_body(request));
  return bad("No such exchange type '" + std::string(json::text_or(body, "api")) + "'");
}

Result<http::Response> delete_exchange(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  return http::json_response(json::Object{{"message", "Exchange deleted"}});
}

}  // namespace

void add_status(http::Router& router, const std::shared_ptr<const Parts>& parts) {
  const auto with = [&parts](auto handler) {
    return face(
        parts, [parts, handler](const http::Request& request) { return handler(*parts, request); });
  };
  const std::string& at = parts->prefix;
  // The index is loaded before the first request is served, and never stale.
  for (const char* path : {"/status", "/status/live"}) {
    router.add("GET", at + path, [](const http::Request&) -> Result<http::Response> {
      return http::text_response("I-AM-ALIVE", "text/html; charset=utf-8");
    });
  }
  router.add("GET", at + "/m/index/status", with(index_status));
  router.add("GET", at + "/c/signal_type", with(signal_types));
  router.add("GET", at + "/c/signal_type/index", with(index_of_types));
  router.add("PUT", at + "/c/signal_type/{type}", with(put_signal_type));
  router.add("GET", at + "/c/content_type", with(content_types));
  router.add("GET", at + "/c/exchanges", with(empty_list));
  router.add("POST", at + "/c/exchanges", with(create_exchange));
  router.add("GET", at + "/c/exchanges/apis", with(empty_list));
  router.add("GET", at + "/c/exchanges/api/{name}", with(no_exchange_api));
  router.add("POST", at + "/c/exchanges/api/{name}", with(no_exchange_api));
  router.add("GET", at + "/c/exchanges/api/{name}/schema", with(no_exchange));
  router.add("GET", at + "/c/exchange/{name}", with(no_exchange));
  router.add("GET", at + "/c/exchange/{name}/status", with(no_exchange));
  router.add("PUT", at + "/c/exchange/{name}", with(no_exchange));
  router.add("DELETE", at + "/c/exchange/{name}", with(delete_exchange));
}

void add_routes(http::Router& router, Parts parts) {
  check(parts.person != nullptr, "routes without authorisation");
  const auto shared = std::make_shared<const Parts>(std::move(parts));
  add_hashing(router, shared);
  add_lookup(router, shared);
  add_banks(router, shared);
  add_content(router, shared);
  add_status(router, shared);
  json::Array map;
  for (const auto& route : router.routes()) {
    for (const char* part : {"/h/", "/m/", "/c/", "/status"}) {
      if (route.second.starts_with(shared->prefix + part)) map.push_back(json::Value(route.second));
    }
  }
  map.push_back(json::Value(shared->prefix + "/site-map"));
  std::sort(map.begin(), map.end(), [](const json::Value& a, const json::Value& b) {
    return a.get_string() < b.get_string();
  });
  map.erase(std::unique(map.begin(), map.end()), map.end());
  router.add(
      "GET", shared->prefix + "/site-map",
      [map](const http::Request&) -> Result<http::Response> { return http::json_response(map); });
}

}  // namespace entente::matching::hma

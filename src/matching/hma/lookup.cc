// SPDX-License-Identifier: Apache-2.0
//
// GET /m/raw_lookup, GET and POST /m/lookup, POST /m/compare.
#include <fmt/format.h>

#include "entente/matching/hma/answers.h"
#include "entente/matching/uploads.h"

namespace entente::matching::hma {

namespace {

// In [0, 1): from the seed the same each time, else from chance. HMA seeds Python's generator,
// whose numbers are not ours: a client may rely on repetition, never on which banks a seed draws.
double toss(const Parts& parts, const http::Request& request) {
  const auto seed = request.query_if("seed");
  const Bytes bytes =
      seed ? from_hex(file_sha256(as_bytes(*seed))).value_or(Bytes(4, 0)) : parts.random.bytes(4);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[i];
  return static_cast<double>(value) / 4294967296.0;
}

// Which banks: those of `banks` that exist. Nothing: none of them does.
Result<std::optional<LookUp>> look_up_of(const Parts& parts, const http::Request& request) {
  LookUp out;
  out.per_bank = kMaxExamined;
  const auto names = request.query_if("banks");
  if (!names) return std::optional<LookUp>(out);
  for (const std::string& name : list_of(*names)) {
    ENTENTE_TRY(bank, store::read_returning<std::optional<Bank>>(parts.store, [&](store::Tx& tx) {
                  return find_bank(tx, parts.banks, name);
                }));
    if (bank) out.banks.push_back(bank->name);
  }
  if (out.banks.empty()) return std::optional<LookUp>();
  return std::optional<LookUp>(std::move(out));
}

json::Object match_json(const Match& match) {
  return {{"bank_content_id", match.entry.id}, {"distance", std::to_string(match.facts.distance)}};
}

// {BANK: [{…}]}; {} when nothing matches.
Result<json::Object> look_up(const Parts& parts, const http::Request& request,
                             const fingerprint::Pdq& pdq) {
  ENTENTE_TRY(how, look_up_of(parts, request));
  json::Object out;
  if (!how) return out;
  const auto bypass = request.query_if("bypass_coinflip");
  how->coin = bypass && truthy(*bypass) ? 0.0 : toss(parts, request);
  ENTENTE_TRY(answer, parts.matcher.match_hash({pdq, 100, {}}, *how));
  if (answer.matches.empty()) return out;
  ENTENTE_TRY(banks, store::read_returning<std::vector<Bank>>(
                         parts.store, [&](store::Tx& tx) { return face_banks(tx, parts.banks); }));
  std::map<std::string, std::string> names;
  for (const Bank& bank : banks) names[bank.name] = face_name(bank);
  for (const Match& match : answer.matches) {
    json::Value& list = out[names[match.facts.bank]];
    if (!list.is_array()) list = json::Array();
    list.as_array().push_back(match_json(match));
  }
  return out;
}

Result<json::Object> look_up_hashed(const Parts& parts, const http::Request& request,
                                    const Hashed& hashed) {
  if (hashed.hash.empty()) {
    return bad(
        fmt::format("invalid signal: the picture has too little detail to be told from "
                    "another (quality {} of 100, {} is needed)",
                    hashed.quality, fingerprint::kMinQuality));
  }
  ENTENTE_TRY(pdq, parse_signal(hashed.hash));
  ENTENTE_TRY(found, look_up(parts, request, pdq));
  return json::Object{{kPdq, std::move(found)}};
}

Result<http::Response> raw_lookup(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kMatcher));
  ENTENTE_TRY(signal, required(request, "signal"));
  ENTENTE_TRY(type, required(request, "signal_type"));
  ENTENTE_CHECK_OK(check_signal_type(type));
  ENTENTE_TRY(pdq, parse_signal(signal));
  const auto wanted = request.query_if("include_distance");
  const bool distances = wanted && truthy(*wanted);
  ENTENTE_TRY(how, look_up_of(parts, request));
  json::Array matches;
  if (how) {
    how->raw = true;
    ENTENTE_TRY(answer, parts.matcher.match_hash({pdq, 100, {}}, *how));
    for (const Match& match : answer.matches) {
      if (distances) {
        matches.push_back(match_json(match));
      } else {
        matches.push_back(match.entry.id);
      }
    }
  }
  return http::json_response(json::Object{{"matches", std::move(matches)}});
}

Result<http::Response> get_lookup(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kMatcher));
  if (const auto url = request.query_if("url"); url && !url->empty()) {
    ENTENTE_CHECK_OK(parts.person(request, kHasher));
    ENTENTE_TRY(hashed, hash_url(parts, request));
    ENTENTE_TRY(found, look_up_hashed(parts, request, hashed));
    return http::json_response(found);
  }
  ENTENTE_TRY(signal, required(request, "signal"));
  ENTENTE_TRY(type, required(request, "signal_type"));
  ENTENTE_CHECK_OK(check_signal_type(type));
  ENTENTE_TRY(pdq, parse_signal(signal));
  ENTENTE_TRY(found, look_up(parts, request, pdq));
  return http::json_response(found);
}

Result<http::Response> post_lookup(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kMatcher));
  ENTENTE_CHECK_OK(parts.person(request, kHasher));
  ENTENTE_TRY(hashed, hash_form(parts, request));
  ENTENTE_TRY(found, look_up_hashed(parts, request, hashed));
  return http::json_response(found);
}

Result<http::Response> compare(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kMatcher));
  ENTENTE_TRY(body, object_body(request));
  json::Object out;
  for (const auto& member : body) {
    ENTENTE_CHECK_OK(check_signal_type(member.key()));
    const auto* pair = member.value().if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string())
      return bad("two hashes are compared for each signal type");
    ENTENTE_TRY(first, parse_signal((*pair)[0].get_string()));
    ENTENTE_TRY(second, parse_signal((*pair)[1].get_string()));
    const int distance = first.distance(second);
    out[member.key()] =
        json::Array{distance <= fingerprint::kMatchDistance, json::Object{{"distance", distance}}};
  }
  return http::json_response(out);
}

}  // namespace

void add_lookup(http::Router& router, const std::shared_ptr<const Parts>& parts) {
  const auto with = [&parts](auto handler) {
    return face(
        parts, [parts, handler](const http::Request& request) { return handler(*parts, request); });
  };
  http::RouteOptions work;
  work.pool = http::Pool::kCpu;
  const std::string& at = parts->prefix;
  router.add("GET", at + "/m/raw_lookup", with(raw_lookup), work);
  router.add("GET", at + "/m/lookup", with(get_lookup), work);
  router.add("POST", at + "/m/compare", with(compare));
  work.max_body = kMaxUpload;
  router.add("POST", at + "/m/lookup", with(post_lookup), work);
}

}  // namespace entente::matching::hma

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/routes.h"

#include <charconv>
#include <memory>

#include "entente/core/log.h"

namespace entente::matching {

namespace {

using Parts = std::shared_ptr<const RouteParts>;

bool is_picture_type(std::string_view type) {
  return type.substr(0, 6) == "image/" || type == "application/octet-stream";
}

Result<std::int64_t> number(std::string_view text, std::int64_t min, std::int64_t max,
                            const char* field) {
  std::int64_t out = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || out < min || out > max) {
    return fail(Code::kInvalid, "not a number in range", field);
  }
  return out;
}

Result<http::Response> post_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  const std::string_view header = request.header("content-type");
  if (!is_picture_type(header.substr(0, header.find(';')))) {
    return fail(Code::kUnsupported,
                "send the picture itself as image/* or application/octet-stream", "content-type");
  }
  const ByteView file = as_bytes(request.body);
  ENTENTE_TRY(answer, parts.matcher.match(file));
  const UploadCheck check = make_check(answer, file_sha256(file), parts.clock.now(), parts.random);
  ENTENTE_CHECK_OK(parts.store.write([&](store::Tx& tx) { return record(tx, check); }));
  if (check.proposal == Proposal::kReview) {
    log::info("match.review_opened", {{"check", check.id}, {"matches", check.matches.size()}});
    if (parts.review_opened) parts.review_opened(check);
  }
  return http::json_response(to_json(check));
}

Result<http::Response> get_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(check, store::read_returning<UploadCheck>(parts.store, [&](store::Tx& tx) {
                return find_check(tx, request.param("id"));
              }));
  return http::json_response(to_json(check));
}

// A person closes the task: the upload goes online, or stays out. What the platform then does is
// its own affair.
Result<http::Response> decide_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string decision = r.text("decision", {.max = 10});
  if (decision != "kept" && decision != "removed") r.fault("decision", "must be kept or removed");
  ENTENTE_CHECK_OK(r.done());
  const ReviewState state = decision == "kept" ? ReviewState::kKept : ReviewState::kRemoved;
  ENTENTE_TRY(
      check,
      store::write_returning<UploadCheck>(parts.store, [&](store::Tx& tx) -> Result<UploadCheck> {
        ENTENTE_CHECK_OK(decide(tx, request.param("id"), state, person, parts.clock.now()));
        return find_check(tx, request.param("id"));
      }));
  return http::json_response(to_json(check));
}

Result<http::Response> get_banks(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(banks, store::read_returning<std::vector<Bank>>(
                         parts.store, [&](store::Tx& tx) { return parts.banks.list(tx); }));
  json::Array items;
  for (const Bank& bank : banks) {
    items.push_back(json::Object{{"name", bank.name},
                                 {"title", bank.title},
                                 {"radius", bank.radius},
                                 {"live", bank.live},
                                 {"created_at", format_rfc3339(bank.created_at)}});
  }
  return http::json_response(json::Object{{"items", std::move(items)}});
}

json::Object entry_json(const Entry& entry, bool context) {
  json::Object out{{"id", entry.id},
                   {"pdq", entry.pdq.hex()},
                   {"quality", entry.quality},
                   {"label", entry.label},
                   {"context", context},
                   {"act", entry.act},
                   {"added_by_step", entry.added_by_step},
                   {"added_at", format_rfc3339(entry.added_at)},
                   {"tombstoned_at", nullptr}};
  // `target` stays inside: it is the address of the content, which no answer repeats (SG15).
  if (entry.tombstoned_at) out["tombstoned_at"] = format_rfc3339(*entry.tombstoned_at);
  return out;
}

Result<http::Response> get_entries(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  EntryId after = 0;
  std::int64_t limit = kMaxPage;
  if (const auto cursor = request.query_if("cursor")) {
    ENTENTE_TRY(value, number(*cursor, 0, INT64_MAX, "cursor"));
    after = value;
  }
  if (const auto asked = request.query_if("limit")) {
    ENTENTE_TRY(value, number(*asked, 1, kMaxPage, "limit"));
    limit = value;
  }
  ENTENTE_TRY(entries, store::read_returning<std::vector<Entry>>(parts.store, [&](store::Tx& tx) {
                return parts.banks.entries(tx, request.param("name"), after, limit);
              }));
  json::Array items;
  for (const Entry& entry : entries) {
    items.push_back(entry_json(entry, parts.banks.in_context_only(entry.label)));
  }
  json::Value next(nullptr);
  if (static_cast<std::int64_t>(entries.size()) == limit) next = std::to_string(entries.back().id);
  return http::json_response(json::Object{{"items", std::move(items)}, {"next", std::move(next)}});
}

}  // namespace

void add_routes(http::Router& router, RouteParts parts) {
  check(parts.authorise != nullptr && parts.moderator != nullptr, "routes without authorisation");
  const auto shared = std::make_shared<const RouteParts>(std::move(parts));
  const auto with = [&shared](auto handler) {
    return [shared, handler](const http::Request& request) { return handler(*shared, request); };
  };
  http::RouteOptions picture;
  picture.max_body = media::kMaxInputBytes;
  picture.pool = http::Pool::kCpu;
  router.add("POST", "/v1/match", with(post_match), picture);
  router.add("GET", "/v1/match/{id}", with(get_match));
  router.add("POST", "/v1/match/{id}/decision", with(decide_match));
  router.add("GET", "/v1/banks", with(get_banks));
  router.add("GET", "/v1/banks/{name}/entries", with(get_entries));
}

}  // namespace entente::matching

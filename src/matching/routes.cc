// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "entente/matching/sharing.h"

namespace entente::matching {

namespace {

using Parts = std::shared_ptr<const RouteParts>;

std::string media_type(const http::Request& request) {
  std::string out(request.header("content-type"));
  out = out.substr(0, out.find(';'));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

Result<std::int64_t> number(std::string_view text, std::int64_t min, std::int64_t max,
                            const char* field) {
  std::int64_t out = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || out < min || out > max) {
    return fail(Code::kInvalid, fmt::format("must be a whole number from {} to {}", min, max),
                field);
  }
  return out;
}

Result<LookUp> look_up_of(const http::Request& request) {
  LookUp out;
  if (const auto turned = request.query_if("turned")) {
    if (*turned != "true" && *turned != "false")
      return fail(Code::kInvalid, "must be true or false", "turned");
    out.turned = *turned == "true";
  }
  if (const auto radius = request.query_if("radius")) {
    ENTENTE_TRY(value, number(*radius, 0, fingerprint::kMatchDistance, "radius"));
    out.radius = static_cast<int>(value);
  }
  if (const auto banks = request.query_if("banks")) {
    std::string_view rest = *banks;
    for (;;) {
      const std::size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      if (name.empty()) return fail(Code::kInvalid, "a list of banks has no empty name", "banks");
      out.banks.emplace_back(name);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return out;
}

// A fault of a picture that came as the body is a fault of the body.
Unexpected at_body(Error error) {
  if (error.field.empty()) error.field = "body";
  return fail(std::move(error));
}

json::Object problem_json(const Error& error) {
  auto body = json::parse_object(http::problem(error).body);
  return body ? *std::move(body) : json::Object{};
}

// Refused at once, and told when those who wait now should be served.
http::Response busy(const RouteParts& parts, const Error& error) {
  http::Response out = http::problem(error);
  for (auto& [name, value] : out.headers) {
    if (name == "Retry-After")
      value = std::to_string(parts.road.parts().matcher.retry_after().count());
  }
  return out;
}

// One item's answer: the check, or its problem, with where it stood and what the caller calls it.
json::Object answer_json(std::size_t index, const Result<Item>& item,
                         const Result<UploadCheck>& check, Instant now) {
  json::Object out{{"index", index}};
  if (item && !item->ref.empty()) out["ref"] = item->ref;
  if (check) {
    out["answer"] = to_json(*check, now);
  } else {
    out["problem"] = problem_json(check.error());
  }
  return out;
}

// Only so many addresses in one request.
void bound_urls(std::vector<Result<Item>>& items) {
  std::size_t urls = 0;
  for (Result<Item>& item : items) {
    if (item && item->url && ++urls > kMaxUrls) {
      item = fail(Code::kTooLarge, fmt::format("at most {} addresses in one request", kMaxUrls),
                  "url");
    }
  }
}

Result<http::Response> post_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(how, look_up_of(request));
  const std::string type = media_type(request);
  const bool picture = type.starts_with("image/") || type == "application/octet-stream";
  if (!picture && type != "application/json") {
    return fail(Error{Code::kUnsupported, "this media type is not understood here", "content-type",
                      "",
                      "send the picture itself as image/* or application/octet-stream, or one item "
                      "as application/json"});
  }
  if (request.body.empty()) return fail(Code::kInvalid, "the body is empty", "body");
  const Instant now = parts.road.parts().clock.now();
  if (picture) {
    auto check = parts.road.picture(as_bytes(request.body), how);
    if (!check && check.error().code == Code::kBusy) return busy(parts, check.error());
    if (!check) return at_body(std::move(check).error());
    return http::json_response(to_json(*check, now));
  }
  ENTENTE_TRY(body, json::parse(request.body, request.body.size()));
  ENTENTE_TRY(item, parse_item(body));
  auto checks = parts.road.items({Result<Item>(std::move(item))}, how);
  if (!checks.front() && checks.front().error().code == Code::kBusy)
    return busy(parts, checks.front().error());
  if (!checks.front()) return fail(std::move(checks.front()).error());
  return http::json_response(to_json(*checks.front(), now));
}

Result<http::Response> post_batch(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(how, look_up_of(request));
  if (media_type(request) != "application/json")
    return fail(Code::kUnsupported, "a batch is a JSON array", "content-type");
  if (request.body.empty()) return fail(Code::kInvalid, "the body is empty", "body");
  ENTENTE_TRY(body, json::parse(request.body, request.body.size()));
  if (!body.is_array()) return fail(Code::kInvalid, "a batch is a JSON array of items", "body");
  const json::Array& array = body.get_array();
  if (array.empty()) return fail(Code::kInvalid, "a batch has at least one item", "body");
  if (array.size() > kMaxBatch) {
    return fail(Code::kTooLarge, fmt::format("a batch has at most {} items", kMaxBatch), "body");
  }
  std::vector<Result<Item>> items;
  for (std::size_t i = 0; i < array.size(); ++i)
    items.push_back(parse_item(array[i], fmt::format("/{}", i)));
  bound_urls(items);
  const auto checks = parts.road.items(items, how);
  json::Array answers;
  for (std::size_t i = 0; i < items.size(); ++i)
    answers.push_back(answer_json(i, items[i], checks[i], parts.road.parts().clock.now()));
  return http::json_response(json::Object{{"items", std::move(answers)}});
}

// The lines of an NDJSON body; the last needs no end of line. Empty lines are skipped but counted.
struct Line {
  std::size_t number = 0;  // from 1
  std::string_view text;
};
std::vector<Line> lines_of(std::string_view body) {
  std::vector<Line> out;
  std::size_t number = 0;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == body.npos ? body.size() : end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != line.npos) out.push_back({number, line});
  }
  return out;
}

Result<Item> parse_line(const Line& line) {
  ENTENTE_TRY(value, json::parse(line.text, line.text.size()));
  return parse_item(value);
}

Result<http::Response> post_stream(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(how, look_up_of(request));
  if (media_type(request) != "application/x-ndjson")
    return fail(Code::kUnsupported, "a stream is application/x-ndjson", "content-type");
  const std::vector<Line> lines = lines_of(request.body);
  if (lines.empty()) return fail(Code::kInvalid, "the body is empty", "body");
  if (lines.size() > kMaxStreamLines) {
    return fail(Code::kTooLarge, fmt::format("a stream has at most {} lines", kMaxStreamLines),
                "body");
  }
  std::vector<Result<Item>> items;
  items.reserve(lines.size());
  for (const Line& line : lines) items.push_back(parse_line(line));
  bound_urls(items);
  std::string out;
  for (std::size_t from = 0; from < items.size(); from += kMaxBatch) {
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(from);
    const auto n = std::min(kMaxBatch, items.size() - from);
    const std::vector<Result<Item>> part(
        std::make_move_iterator(first),
        std::make_move_iterator(first + static_cast<std::ptrdiff_t>(n)));
    const auto checks = parts.road.items(part, how);
    for (std::size_t i = 0; i < n; ++i) {
      json::Object answer = answer_json(0, part[i], checks[i], parts.road.parts().clock.now());
      answer.erase("index");
      answer["line"] = lines[from + i].number;
      out += json::canonical(json::Value(std::move(answer))) + "\n";
    }
  }
  return http::text_response(std::move(out), "application/x-ndjson");
}

Result<http::Response> get_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.authorise(request));
  ENTENTE_TRY(check, parts.road.parts().checks.find(request.param("id")));
  return http::json_response(to_json(check, parts.road.parts().clock.now()));
}

// What the person said of each entry that the upload matched, for the entry's source.
Result<void> record_verdicts(store::Tx& tx, const UploadCheck& check, Verdict verdict,
                             std::string_view reason, Instant now) {
  for (const json::Value& match : check.matches) {
    const auto* entry = match.is_object() ? json::find(match.get_object(), "entry") : nullptr;
    if (entry == nullptr || !entry->is_int64()) continue;
    ENTENTE_CHECK_OK(record_verdict(tx, entry->get_int64(), verdict, reason, now));
  }
  return {};
}

// A person closes the task: the upload goes online, or stays out. What the platform then does is
// its own affair.
Result<http::Response> decide_match(const RouteParts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.moderator(request));
  ENTENTE_TRY(body, http::json_body(request));
  json::Reader r(body);
  const std::string decision = r.text("decision", {.max = 10});
  if (decision != "kept" && decision != "removed") r.fault("decision", "must be kept or removed");
  const auto dispute = r.text_if("dispute", {.max = 40});
  if (dispute && decision != "kept") r.fault("dispute", "only what is kept is disputed");
  if (dispute &&
      std::find(kReasonClasses.begin(), kReasonClasses.end(), *dispute) == kReasonClasses.end()) {
    r.fault("dispute", "must be one of the classes");
  }
  ENTENTE_CHECK_OK(r.done());
  const bool removed = decision == "removed";
  const Instant now = parts.road.parts().clock.now();
  ENTENTE_TRY(
      check,
      store::write_returning<UploadCheck>(parts.store, [&](store::Tx& tx) -> Result<UploadCheck> {
        ENTENTE_TRY(before, find_check(tx, request.param("id")));
        ENTENTE_CHECK_OK(decide(tx, before.id, removed ? ReviewState::kRemoved : ReviewState::kKept,
                                person, now));
        const bool repeated = before.review_state != ReviewState::kOpen;
        if (!repeated && removed)
          ENTENTE_CHECK_OK(record_verdicts(tx, before, Verdict::kConfirmed, "", now));
        if (!repeated && dispute)
          ENTENTE_CHECK_OK(record_verdicts(tx, before, Verdict::kDisputed, *dispute, now));
        return find_check(tx, before.id);
      }));
  return http::json_response(to_json(check, now));
}

}  // namespace

void add_routes(http::Router& router, RouteParts parts) {
  check(parts.authorise != nullptr && parts.moderator != nullptr, "routes without authorisation");
  const auto shared = std::make_shared<const RouteParts>(std::move(parts));
  const auto with = [&shared](auto handler) {
    return [shared, handler](const http::Request& request) { return handler(*shared, request); };
  };
  http::RouteOptions work;
  work.pool = http::Pool::kCpu;
  work.max_body = media::kMaxInputBytes;
  router.add("POST", "/v1/match", with(post_match), work);
  work.max_body = kMaxStreamBody;
  router.add("POST", "/v1/match/batch", with(post_batch), work);
  router.add("POST", "/v1/match/stream", with(post_stream), work);
  router.add("GET", "/v1/match/{id}", with(get_match));
  router.add("POST", "/v1/match/{id}/decision", with(decide_match));
}

}  // namespace entente::matching

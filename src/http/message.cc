// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "entente/http/api.h"
#include "entente/http/wire.h"

namespace entente::http {
namespace {

// Seconds a refused caller waits: a queue of max_queued drains in well under one.
constexpr const char* kRetryAfterSeconds = "1";

std::string_view title_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "The request breaks a rule of its form";
    case Code::kUnauthorised:
      return "Authentication is needed";
    case Code::kForbidden:
      return "This is not allowed to you";
    case Code::kNotFound:
      return "There is nothing here";
    case Code::kConflict:
      return "The present state does not allow this";
    case Code::kGone:
      return "This is no longer here";
    case Code::kTooLarge:
      return "The request is too large";
    case Code::kUnsupported:
      return "This media type or algorithm is not supported";
    case Code::kRefused:
      return "A safeguard or a regime refuses this";
    case Code::kBusy:
      return "Too much work at the moment";
    case Code::kTimeout:
      return "The answer took too long";
    case Code::kUnavailable:
      return "A service behind this one failed";
    case Code::kCorrupt:
      return "Stored or received data contradicts itself";
    case Code::kInternal:
      return "The server met an error";
  }
  return "The server met an error";
}

Response problem_response(int status, const json::Object& body) {
  return text_response(json::bj::serialize(body), "application/problem+json", status);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

std::string_view Request::header(std::string_view lower_name) const {
  const auto it = headers.find(std::string(lower_name));
  return it == headers.end() ? std::string_view{} : std::string_view(it->second);
}

std::string_view Request::param(std::string_view name) const {
  const auto it = params.find(std::string(name));
  return it == params.end() ? std::string_view{} : std::string_view(it->second);
}

std::optional<std::string> Request::query_if(std::string_view name) const {
  const auto it = query.find(std::string(name));
  if (it == query.end()) return std::nullopt;
  return it->second;
}

Response json_response(const json::Value& body, int status) {
  return text_response(json::bj::serialize(body), "application/json", status);
}

Response text_response(std::string body, std::string content_type, int status) {
  Response out;
  out.status = status;
  out.body = std::move(body);
  out.with("Content-Type", std::move(content_type));
  return out;
}

Response bytes_response(std::string body, std::string content_type) {
  return text_response(std::move(body), std::move(content_type));
}

int status_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return 400;
    case Code::kUnauthorised:
      return 401;
    case Code::kForbidden:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kConflict:
      return 409;
    case Code::kGone:
      return 410;
    case Code::kTooLarge:
      return 413;
    case Code::kUnsupported:
      return 415;
    case Code::kRefused:
      return 422;
    case Code::kBusy:
      return 503;
    case Code::kTimeout:
      return 504;
    case Code::kUnavailable:
      return 502;
    case Code::kCorrupt:
    case Code::kInternal:
      return 500;
  }
  return 500;
}

Response problem(const Error& error) {
  const int status = status_of(error.code);
  json::Object body;
  body["type"] = "urn:entente:problem:" + std::string(code_name(error.code));
  body["title"] = title_of(error.code);
  body["status"] = status;
  body["detail"] = error.detail;
  if (!error.field.empty()) body["field"] = error.field;
  if (!error.rule.empty()) body["rule"] = error.rule;
  if (!error.mend.empty()) body["mend"] = error.mend;
  Response out = problem_response(status, body);
  if (error.code == Code::kUnauthorised) out.with("WWW-Authenticate", "Bearer realm=\"entente\"");
  if (error.code == Code::kBusy) out.with("Retry-After", kRetryAfterSeconds);
  return out;
}

Response protocol_problem(int status, std::string_view name, std::string_view detail) {
  json::Object body;
  body["type"] = "urn:entente:problem:" + std::string(name);
  body["title"] = reason_phrase(status);
  body["status"] = status;
  body["detail"] = detail;
  return problem_response(status, body);
}

Result<json::Object> json_body(const Request& request) {
  std::string type = lower(request.header("content-type"));
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  if (type != "application/json" && !(type.starts_with("application/") && type.ends_with("+json")))
    return fail(Error{Code::kUnsupported, "the body is not JSON", "Content-Type", "",
                      "send it as application/json"});
  return json::parse_object(request.body, request.body.size());
}

}  // namespace entente::http

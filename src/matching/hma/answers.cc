// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/hma/answers.h"

#include <algorithm>

namespace entente::matching::hma {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

int hma_status(Code code) {
  switch (code) {
    case Code::kUnauthorised:
      return 401;
    case Code::kForbidden:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kTooLarge:
      return 413;
    case Code::kBusy:
      return 503;
    case Code::kTimeout:
    case Code::kUnavailable:
    case Code::kInvalid:
    case Code::kUnsupported:
    case Code::kConflict:
    case Code::kGone:
    case Code::kRefused:
      return 400;
    case Code::kCorrupt:
    case Code::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace

http::Response message(int status, std::string_view text) {
  return http::json_response(json::Object{{"message", text}}, status);
}

http::Response message(const Error& error) {
  const std::string text = error.mend.empty() ? error.detail : error.detail + ": " + error.mend;
  http::Response out = message(hma_status(error.code), text);
  if (error.code == Code::kUnauthorised) out.with("WWW-Authenticate", "Bearer realm=\"entente\"");
  return out;
}

http::Handler face(const std::shared_ptr<const Parts>& parts,
                   std::function<Result<http::Response>(const http::Request&)> handler) {
  return [parts,
          handler = std::move(handler)](const http::Request& request) -> Result<http::Response> {
    auto out = handler(request);
    if (out) return *std::move(out);
    http::Response answer = message(out.error());
    if (out.error().code == Code::kBusy)
      answer.with("Retry-After", std::to_string(parts->matcher.retry_after().count()));
    return answer;
  };
}

Unexpected bad(std::string why) {
  return fail(Code::kInvalid, std::move(why));
}
Unexpected missing(std::string why) {
  return fail(Code::kNotFound, std::move(why));
}
Unexpected forbidden(std::string why) {
  return fail(Code::kForbidden, std::move(why));
}

bool truthy(std::string_view text) {
  const std::string value = lower(trim(text));
  return value == "true" || value == "1" || value == "yes" || value == "on";
}

Result<std::string> required(const http::Request& request, std::string_view name) {
  const auto value = request.query_if(name);
  if (!value) return bad(std::string(name) + " is required");
  return *value;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = trim(text.substr(0, comma));
    if (!one.empty()) out.emplace_back(one);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return out;
}

Result<json::Object> object_body(const http::Request& request) {
  auto value = json::parse(request.body);
  if (!value || !value->is_object()) return bad("this endpoint expects a json object payload");
  return std::move(value->as_object());
}

std::string face_name(const Bank& bank) {
  if (!bank.alias.empty()) return bank.alias;
  std::string out;
  if (!bank.name.empty() && bank.name.front() >= '0' && bank.name.front() <= '9') out += '_';
  for (const char c : bank.name)
    out += c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  return out;
}

Result<std::vector<Bank>> face_banks(store::Tx& tx, const Banks& banks) {
  ENTENTE_TRY(all, banks.list(tx));
  std::vector<Bank> out;
  for (Bank& bank : all) {
    if (!bank.retired_at) out.push_back(std::move(bank));
  }
  return out;
}

Result<std::optional<Bank>> find_bank(store::Tx& tx, const Banks& banks, std::string_view name) {
  ENTENTE_TRY(all, face_banks(tx, banks));
  for (Bank& bank : all) {
    if (face_name(bank) == name) return std::optional<Bank>(std::move(bank));
  }
  return std::optional<Bank>();
}

json::Object bank_json(const Bank& bank) {
  return {{"name", face_name(bank)},
          {"matching_enabled_ratio", bank.matches() ? bank.enabled_ratio : 0.0}};
}

Result<fingerprint::Pdq> parse_signal(std::string_view text) {
  const auto pdq = fingerprint::Pdq::parse(trim(text));
  if (!pdq) return bad("invalid signal: a PDQ hash is 64 lower-case hexadecimal digits");
  return *pdq;
}

Result<void> check_signal_type(std::string_view name) {
  if (name != kPdq) return bad("No such signal type '" + std::string(name) + "'");
  return {};
}

}  // namespace entente::matching::hma

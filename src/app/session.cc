// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <fmt/format.h>

#include "entente/acts/model.h"
#include "entente/crypto/envelope.h"
#include "entente/identity/sessions.h"

namespace entente::app {

http::Client make_client() {
  return http::Client({.allow_private_addresses = true, .allow_plain_http = true});
}

std::string quote_problem(const http::ClientResponse& answer) {
  const auto body = json::parse_object(answer.body);
  if (!body) return fmt::format("status {}", answer.status);
  std::string out(json::text_or(*body, "detail", json::text_or(*body, "title", "refused")));
  if (const auto rule = json::text_or(*body, "rule"); !rule.empty())
    out = fmt::format("[{}] {}", rule, out);
  if (const auto field = json::text_or(*body, "field"); !field.empty())
    out += fmt::format(" ({})", field);
  if (const auto mend = json::text_or(*body, "mend"); !mend.empty())
    out += fmt::format("; mend: {}", mend);
  return out;
}

Result<Session> Session::open(const Remote& remote) {
  ENTENTE_TRY(key, crypto::PrivateKey::load(remote.key));
  Session s(remote.node, std::move(key));
  ENTENTE_TRY(challenge,
              s.call("POST", "/v1/sessions", json::Object{{"keyid", s.key_.public_key().id()}}));
  ENTENTE_TRY(bytes, from_base64(json::text_or(challenge.as_object(), "challenge")));
  const auto signature = s.key_.sign(crypto::pae(identity::kSessionType, bytes));
  ENTENTE_TRY(
      user,
      s.call("PUT", fmt::format("/v1/sessions/{}", json::text_or(challenge.as_object(), "session")),
             json::Object{{"signature", to_base64(signature)}}));
  s.token_ = json::text_or(user.as_object(), "token");
  return s;
}

Result<json::Value> Session::call(const std::string& method, const std::string& path,
                                  const std::optional<json::Value>& body) {
  http::Client client = make_client();
  http::ClientRequest request;
  request.method = method;
  request.url = node_ + path;
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  if (body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = boost::json::serialize(*body);
  }
  ENTENTE_TRY(answer, client.send(request));
  if (answer.status >= 300) return fail(Code::kRefused, quote_problem(answer));
  if (answer.body.empty()) return json::Value();
  return json::parse(answer.body, 64 << 20);
}

Result<json::Value> Session::sign_and_post(const json::Object& prepared, std::string_view move) {
  ENTENTE_TRY(payload, from_base64(json::text_or(prepared, "payload")));
  ENTENTE_TRY(step, acts::parse_step(as_text(payload), std::string(64, '0')));
  if ((!move.empty() && step.move != move) || step.author().keyid != key_.public_key().id())
    return fail(Code::kForbidden,
                "the node prepared another step than the one asked for; not signed");
  crypto::Envelope envelope{std::string(acts::kStepType), payload, {}};
  ENTENTE_CHECK_OK(crypto::sign(envelope, key_));
  ENTENTE_TRY(json_envelope, json::parse(crypto::to_json(envelope)));
  return call("POST", "/v1/steps", json_envelope);
}

}  // namespace entente::app

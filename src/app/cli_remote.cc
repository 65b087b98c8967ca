// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "commands.h"
#include "entente/acts/model.h"
#include "entente/core/id.h"
#include "entente/core/random.h"
#include "entente/crypto/envelope.h"
#include "entente/http/client.h"
#include "entente/identity/sessions.h"
#include "entente/json/json.h"

namespace entente::app {
namespace fs = std::filesystem;
namespace {

// The operator names the node: any address and plain http on loopback are theirs to choose.
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

class Session {
 public:
  static Result<Session> open(const Remote& remote) {
    ENTENTE_TRY(key, crypto::PrivateKey::load(remote.key));
    Session s(remote.node, std::move(key));
    ENTENTE_TRY(challenge,
                s.call("POST", "/v1/sessions", json::Object{{"keyid", s.key_.public_key().id()}}));
    ENTENTE_TRY(bytes, from_base64(json::text_or(challenge.as_object(), "challenge")));
    const auto signature = s.key_.sign(crypto::pae(identity::kSessionType, bytes));
    ENTENTE_TRY(user, s.call("PUT",
                             fmt::format("/v1/sessions/{}",
                                         json::text_or(challenge.as_object(), "session")),
                             json::Object{{"signature", to_base64(signature)}}));
    s.token_ = json::text_or(user.as_object(), "token");
    return s;
  }

  Result<json::Value> call(const std::string& method, const std::string& path,
                           const std::optional<json::Value>& body = {}) {
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

  // Signs what the node prepared, after checking that it is what was asked for, and submits it.
  Result<json::Value> sign_and_post(const json::Object& prepared, std::string_view move) {
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

 private:
  Session(std::string node, crypto::PrivateKey key)
      : node_(std::move(node)), key_(std::move(key)) {}

  std::string node_;
  crypto::PrivateKey key_;
  std::string token_;
};

Result<std::string> text_or_file(const std::string& given) {
  if (!given.starts_with('@')) return given;
  std::ifstream in(given.substr(1), std::ios::binary);
  if (!in) return fail(Code::kNotFound, "cannot read " + given.substr(1));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void print(const json::Value& v) {
  fmt::print("{}\n", boost::json::serialize(v));
}

}  // namespace

Result<void> remote_get(const Remote& remote, const std::string& path) {
  if (remote.key.empty()) {
    http::Client client = make_client();
    http::ClientRequest request;
    request.url = remote.node + path;
    ENTENTE_TRY(answer, client.send(request));
    if (answer.status >= 300) return fail(Code::kRefused, quote_problem(answer));
    fmt::print("{}{}", answer.body, answer.body.ends_with('\n') ? "" : "\n");
    return {};
  }
  ENTENTE_TRY(session, Session::open(remote));
  ENTENTE_TRY(value, session.call("GET", path));
  print(value);
  return {};
}

Result<void> remote_compose(const Remote& remote, const std::string& role, const fs::path& draft) {
  ENTENTE_TRY(text, text_or_file("@" + draft.string()));
  ENTENTE_TRY(body, json::parse_object(text));
  body["role"] = role;
  ENTENTE_TRY(session, Session::open(remote));
  ENTENTE_TRY(prepared, session.call("POST", "/v1/acts/prepare", body));
  ENTENTE_TRY(done, session.sign_and_post(prepared.as_object(), {}));
  print(done);
  return {};
}

Result<void> remote_move(const Remote& remote, const MoveOptions& o) {
  ENTENTE_TRY(text, text_or_file(o.body));
  ENTENTE_TRY(body, json::parse_object(text));
  ENTENTE_TRY(session, Session::open(remote));
  // A signature is always over the draft in force; the node tells which, the act's page shows it.
  if (o.move == "sign" && !body.contains("draft")) {
    ENTENTE_TRY(act, session.call("GET", "/v1/acts/" + o.act));
    body["draft"] = json::text_or(act.as_object(), "draft");
  }
  json::Object wish{{"move", o.move}, {"role", o.role}, {"body", body}};
  if (o.target) wish["target"] = *o.target;
  if (!o.review.empty()) wish["review"] = o.review;
  ENTENTE_TRY(prepared, session.call("POST", fmt::format("/v1/acts/{}/prepare", o.act), wish));
  ENTENTE_TRY(done, session.sign_and_post(prepared.as_object(), o.move));
  print(done);
  return {};
}

Result<void> remote_match(const std::string& node, const fs::path& token_file,
                          const fs::path& image) {
  ENTENTE_TRY(token, text_or_file("@" + token_file.string()));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  ENTENTE_TRY(bytes, text_or_file("@" + image.string()));
  http::Client client = make_client();
  http::ClientRequest request;
  request.method = "POST";
  request.url = node + "/v1/match";
  request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "image/jpeg"}};
  request.body = std::move(bytes);
  request.timeout = std::chrono::seconds(30);
  ENTENTE_TRY(answer, client.send(request));
  if (answer.status >= 300) return fail(Code::kRefused, quote_problem(answer));
  fmt::print("{}\n", answer.body);
  return {};
}

}  // namespace entente::app

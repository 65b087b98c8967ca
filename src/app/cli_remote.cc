// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "commands.h"
#include "entente/http/client.h"
#include "entente/json/json.h"
#include "session.h"

namespace entente::app {
namespace fs = std::filesystem;
namespace {

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

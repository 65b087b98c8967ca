// SPDX-License-Identifier: Apache-2.0
//
// A login at a node over HTTP, for the sub-commands. The key signs here and never leaves this
// machine. Errors: what the node answered, as one line with the rule and the way to mend it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands.h"
#include "entente/crypto/keys.h"
#include "entente/http/client.h"
#include "entente/json/json.h"

namespace entente::app {

// The operator names the node: any address and plain http on loopback are theirs to choose.
http::Client make_client();
std::string quote_problem(const http::ClientResponse& answer);

class Session {
 public:
  static Result<Session> open(const Remote& remote);

  Result<json::Value> call(const std::string& method, const std::string& path,
                           const std::optional<json::Value>& body = {});
  // Signs what the node prepared, after checking that it is what was asked for, and submits it.
  Result<json::Value> sign_and_post(const json::Object& prepared, std::string_view move);

 private:
  Session(std::string node, crypto::PrivateKey key)
      : node_(std::move(node)), key_(std::move(key)) {}

  std::string node_;
  crypto::PrivateKey key_;
  std::string token_;
};

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
//
// Outgoing HTTP over libcurl, for worker threads (calls block). Connections are kept and reused.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "entente/core/error.h"

namespace entente::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};
  std::size_t max_body = 8 << 20;  // of the answer; kTooLarge beyond
};

struct ClientResponse {
  int status = 0;
  std::map<std::string, std::vector<std::string>> headers;  // names in lower case
  std::string body;
};

struct ClientOptions {
  // Private, loopback and link-local addresses are refused (kForbidden) after name resolution, so
  // that a peer or a reporter cannot make a node call into its own network. Nodes on one machine or
  // one private network set this.
  bool allow_private_addresses = false;
  // Plain http is refused unless set (a node behind a TLS proxy, or loopback).
  bool allow_plain_http = false;
};

// Thread-safe. Redirects are never followed: they come back as what they are.
// Errors: kUnavailable (no connection, TLS failure), kTimeout, kTooLarge, kForbidden (address or
// scheme), kInvalid (URL).
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<ClientResponse> send(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entente::http

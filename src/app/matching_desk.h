// SPDX-License-Identifier: Apache-2.0
//
// Matching as a running platform has it: the matcher with its snapshot in the node's folder, the
// record of checks, the breaker, the fetcher, the upload road, and who may ask for what.
//
// Who: the platform's own software with keys/upload.token, people with their session, and any
// program with a token that a moderator issued (matching/tokens.h), as long as that person is still
// a moderator here.
#pragma once

#include <memory>
#include <string>

#include "config.h"
#include "entente/crypto/keys.h"
#include "entente/http/client.h"
#include "entente/matching/caretaker.h"
#include "entente/matching/road.h"
#include "entente/matching/routes.h"

namespace entente::app {

class MatchingDesk {
 public:
  struct Parts {
    const Config& config;
    store::Store& store;
    const matching::Banks& banks;
    media::DecoderPool& pool;
    http::Client& client;
    const Clock& clock;
    Random& random;
    const crypto::PrivateKey& node_key;
    std::string upload_token;
  };
  // The parts must outlive the desk.
  static Result<std::unique_ptr<MatchingDesk>> open(Parts parts);

  matching::Matcher& matcher() { return *matcher_; }
  void add_routes(http::Router& router);
  void start() { caretaker_->start(); }
  void stop() { caretaker_->stop(); }

  static std::vector<store::Migration> migrations();
  // Decoders side by side: one for each core, and never fewer than two.
  static media::SandboxOptions sandbox();
  // Requests that may wait for a decoder, an address or the index at once, one thread each.
  static unsigned workers();

 private:
  explicit MatchingDesk(Parts parts) : parts_(std::move(parts)) {}
  // Software with a token of `role`, or a person with a session.
  Result<void> may(const http::Request& request, std::string_view role);
  Result<std::string> moderator(const http::Request& request);
  // The person behind the token, if it has the role and they are still a moderator.
  Result<std::string> token_holder(store::Tx& tx, const http::Request& request,
                                   std::string_view role);

  Parts parts_;
  std::unique_ptr<matching::Matcher> matcher_;
  std::unique_ptr<matching::CheckLog> checks_;
  std::unique_ptr<matching::Breaker> breaker_;
  std::unique_ptr<matching::Fetcher> fetcher_;
  std::unique_ptr<matching::Road> road_;
  std::unique_ptr<matching::Caretaker> caretaker_;
};

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
#include "matching_desk.h"

#include <algorithm>
#include <thread>

#include "entente/identity/sessions.h"
#include "entente/matching/bank_routes.h"
#include "entente/matching/hma/face.h"
#include "entente/matching/tokens.h"

namespace entente::app {
namespace {

// Pictures fetched side by side: each holds a thread for seconds, and uploads must not wait for
// them.
constexpr unsigned kFetches = 2;

unsigned cores() {
  return std::max(2U, std::thread::hardware_concurrency());
}

}  // namespace

std::vector<store::Migration> MatchingDesk::migrations() {
  return {matching::migration(), matching::uploads_migration(), matching::tokens_migration(),
          matching::hma::migration()};
}

media::SandboxOptions MatchingDesk::sandbox() {
  media::SandboxOptions out;
  out.workers = static_cast<int>(cores());
  return out;
}

unsigned MatchingDesk::workers() {
  return cores() + kFetches;
}

Result<std::unique_ptr<MatchingDesk>> MatchingDesk::open(Parts parts) {
  std::unique_ptr<MatchingDesk> out(new MatchingDesk(std::move(parts)));
  const Parts& p = out->parts_;
  const auto folder = p.config.folder / "matching";
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return fail(Code::kUnavailable, "cannot create " + folder.string());
  ENTENTE_TRY(matcher, matching::Matcher::load(p.store, p.pool, p.banks, p.clock,
                                               folder / "index.snapshot"));
  out->matcher_ = std::move(matcher);
  out->checks_ = std::make_unique<matching::CheckLog>(p.store);
  out->breaker_ = std::make_unique<matching::Breaker>();
  if (!p.config.fetch_hosts.empty()) {
    out->fetcher_ = std::make_unique<matching::Fetcher>(p.client, p.config.fetch_hosts,
                                                        static_cast<int>(kFetches));
  }
  out->road_ = std::make_unique<matching::Road>(matching::Road::Parts{p.store,
                                                                      p.banks,
                                                                      *out->matcher_,
                                                                      *out->checks_,
                                                                      *out->breaker_,
                                                                      out->fetcher_.get(),
                                                                      p.clock,
                                                                      p.random,
                                                                      {}});
  out->caretaker_ = std::make_unique<matching::Caretaker>(
      matching::Caretaker::Parts{p.store, p.banks, *out->matcher_, *out->breaker_, p.clock});
  return out;
}

Result<std::string> MatchingDesk::token_holder(store::Tx& tx, const http::Request& request,
                                               std::string_view role) {
  ENTENTE_TRY(token, matching::token_of(tx, request.header("authorization")));
  if (!token.has(role))
    return fail(Code::kForbidden, "this token does not have the role " + std::string(role));
  ENTENTE_TRY(people, identity::officials_of(tx, parts_.config.party));
  const bool here = std::any_of(people.begin(), people.end(), [&](const identity::Official& o) {
    return o.person == token.person && !o.revoked_at &&
           std::find(o.roles.begin(), o.roles.end(), "moderator") != o.roles.end();
  });
  if (!here) return fail(Code::kUnauthorised, "a valid bearer token is needed");
  return token.person;
}

Result<void> MatchingDesk::may(const http::Request& request, std::string_view role) {
  const auto given = request.header("authorization");
  const std::string wanted = "Bearer " + parts_.upload_token;
  const bool own = role != "partner" && !parts_.upload_token.empty() &&
                   equal_secret(as_bytes(given), as_bytes(wanted));
  if (own) return {};
  return parts_.store.read([&](store::Tx& tx) -> Result<void> {
    if (given.starts_with("Bearer " + std::string(matching::kTokenPrefix))) {
      ENTENTE_CHECK_OK(token_holder(tx, request, role));
      return {};
    }
    ENTENTE_CHECK_OK(identity::session_of(tx, request, parts_.clock.now()));
    return {};
  });
}

Result<std::string> MatchingDesk::moderator(const http::Request& request) {
  return store::read_returning<std::string>(
      parts_.store, [&](store::Tx& tx) -> Result<std::string> {
        ENTENTE_TRY(user, identity::session_of(tx, request, parts_.clock.now()));
        if (!user.has("moderator")) return fail(Code::kForbidden, "only moderators decide");
        return user.person;
      });
}

void MatchingDesk::add_routes(http::Router& router) {
  const auto may_match = [this](const http::Request& q) { return may(q, "matcher"); };
  const auto who = [this](const http::Request& q) { return moderator(q); };
  matching::add_routes(router, {parts_.store, *road_, may_match, who});
  matching::add_bank_routes(
      router, {parts_.store,
               parts_.banks,
               *matcher_,
               parts_.clock,
               parts_.random,
               {parts_.config.party, parts_.node_key},
               may_match,
               who,
               [this](const http::Request& q) { return may(q, "partner"); },
               [](store::Tx& tx, std::string_view party) -> Result<matching::Partner> {
                 ENTENTE_TRY(row, identity::find_party(tx, party));
                 if (!row)
                   return fail(Code::kNotFound, "this node does not know such a party", "party");
                 return matching::Partner{row->party, row->node_key};
               }});
  if (!parts_.config.hma) return;
  matching::hma::add_routes(
      router, {parts_.store, parts_.banks, *matcher_, fetcher_.get(), parts_.clock, parts_.random,
               [this](const http::Request& q, std::string_view role) {
                 return store::read_returning<std::string>(
                     parts_.store, [&](store::Tx& tx) { return token_holder(tx, q, role); });
               },
               parts_.config.hma_prefix});
}

}  // namespace entente::app

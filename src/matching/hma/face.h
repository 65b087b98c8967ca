// SPDX-License-Identifier: Apache-2.0
//
// HMA's face: the hashing, look-up, bank and status calls of hasher-matcher-actioner (Meta's "Open
// Media Match", MIT-licensed server of ThreatExchange), with its shapes and codes, over our banks.
// A platform swaps the server and keeps its client; README.md lists what differs and why. Errors
// are
// {"message": text}.
//
// Every call but /status, /status/live and /site-map needs a bearer token with the role it is for:
// hasher, matcher or curator (tokens.h). What a curator adds is that person's own decision (SG22).
//
// The parts' references must outlive the router.
#pragma once

#include <functional>
#include <string>

#include "entente/core/random.h"
#include "entente/http/api.h"
#include "entente/matching/fetch.h"
#include "entente/matching/matcher.h"

namespace entente::matching::hma {

struct Parts {
  store::Store& store;
  const Banks& banks;
  Matcher& matcher;
  Fetcher* fetcher;  // null: no URL is fetched
  const Clock& clock;
  Random& random;
  // The person behind the request's token, if it has `role`; kUnauthorised, kForbidden.
  std::function<Result<std::string>(const http::Request&, std::string_view role)> person;
  std::string prefix;  // "" or "/hma": before every path
};

// HMA's metadata that our banks have no room for.
store::Migration migration();

void add_routes(http::Router& router, Parts parts);

}  // namespace entente::matching::hma

// SPDX-License-Identifier: Apache-2.0
//
// The HTTP face of banks (api/openapi.yaml, tag `matching`):
//
//   /v1/labels                                what content may be said to do; markings
//   /v1/banks, /v1/banks/{name}               list, create, read, change; …/retirement
//   /v1/banks/{name}/entries, …/changes       entries with their provenance; who did what
//   /v1/banks/{name}/list                     a plain list of fingerprints, errors by line
//   /v1/banks/{name}/dry-runs, …/acceptance   tried before it is trusted; …/suspension
//   /v1/entries/{id}, …/contest, …/tombstone  one entry; "this is lawful here"
//   /v1/entry-reviews, …/decision             contests, breaker, disagreement: a person closes each
//   /v1/match/policy, …/back-test             what a match proposes, as data
//   /v1/match/tokens                          for the platform's own software
//   /v1/banks/{name}/deltas, /v1/feeds…       sharing between nodes; sightings back to the source
//
// Reading asks `authorise`, changing asks `moderator` and records that person with their reason
// (SG21, SG22), both before anything else is looked at. No answer holds the address of content
// (SG15).
#pragma once

#include <functional>

#include "entente/core/random.h"
#include "entente/http/api.h"
#include "entente/matching/matcher.h"
#include "entente/matching/sharing.h"

namespace entente::matching {

struct BankRouteParts {
  store::Store& store;
  const Banks& banks;
  Matcher& matcher;
  const Clock& clock;
  Random& random;
  Self self;  // whose deltas we sign
  std::function<Result<void>(const http::Request&)> authorise;
  std::function<Result<std::string>(const http::Request&)> moderator;
  // A partner's software, or whoever may read: for deltas and sightings.
  std::function<Result<void>(const http::Request&)> partner;
  // The key of a party that this node trusts; kNotFound.
  std::function<Result<Partner>(store::Tx&, std::string_view party)> key_of;
};

// The parts' references must outlive the router.
void add_bank_routes(http::Router& router, BankRouteParts parts);

}  // namespace entente::matching

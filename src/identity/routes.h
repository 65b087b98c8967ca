// SPDX-License-Identifier: Apache-2.0
//
// /v1/sessions, /v1/me, /v1/parties, /.well-known/entente.json, /v1/node.
#pragma once

#include "entente/core/random.h"
#include "entente/http/api.h"
#include "entente/identity/directory.h"
#include "entente/identity/sessions.h"

namespace entente::identity {

// This node's own identity; outlives the router.
struct Self {
  Entry entry;  // without officials: they are read from the store
  const crypto::PrivateKey& node_key;
  std::string version;
};

void add_routes(http::Router& router, store::Store& store, const Self& self, const Clock& clock,
                Random& random);

// A party as answers show it.
json::Object party_json(const PartyRow& party);

}  // namespace entente::identity

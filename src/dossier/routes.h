// SPDX-License-Identifier: Apache-2.0
//
// /v1/regimes, /v1/acts, /v1/steps, /v1/queue, /v1/refusals, /v1/notices, /v1/cases, /v1/record.
#pragma once

#include "entente/dossier/service.h"
#include "entente/dossier/view.h"
#include "entente/http/api.h"
#include "entente/identity/sessions.h"

namespace entente::dossier {

struct RouteParts {
  Service& service;
  store::Store& store;
  const Clock& clock;
  Random& random;
  // Whether, and how, this node can show an item. Empty on nodes that host nothing.
  std::function<bool(const std::string& url)> has_content;
  std::function<Result<Bytes>(const std::string& url)> read_content;
  // Items of the queue that are not acts (upload matches); appended after the acts. May be empty.
  std::function<Result<json::Array>(store::Tx&)> more_queue_items;
  bool takes_notices = false;
};

void add_routes(http::Router& router, RouteParts parts);

// Topic of the server-sent events that say "the queue changed".
inline constexpr std::string_view kQueueTopic = "queue";

}  // namespace entente::dossier

// SPDX-License-Identifier: Apache-2.0
//
// The HTTP face of matching (api/openapi.yaml, tag `matching`):
//   POST /v1/match                  the picture as it is, image/* or application/octet-stream, up
//   to 32 MiB GET  /v1/match/{id}             an earlier answer GET  /v1/banks                  the
//   banks GET  /v1/banks/{name}/entries   ?cursor=&limit=: entries with their provenance,
//   tombstoned ones too
// Every route asks `authorise` first, before it looks at anything else.
#pragma once

#include <functional>

#include "entente/http/api.h"
#include "entente/matching/uploads.h"

namespace entente::matching {

struct RouteParts {
  store::Store& store;
  const Matcher& matcher;
  const Banks& banks;
  const Clock& clock;
  Random& random;
  std::function<Result<void>(const http::Request&)> authorise;
  // Which moderator asks; an Error for everybody else. For decisions on review tasks (SG21).
  std::function<Result<std::string>(const http::Request&)> moderator;
  // After a check is recorded that asks for a review: wakes the queue's screens. May be empty.
  std::function<void(const UploadCheck&)> review_opened;
};

// The parts' references must outlive the router.
void add_routes(http::Router& router, RouteParts parts);

}  // namespace entente::matching

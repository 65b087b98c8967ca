// SPDX-License-Identifier: Apache-2.0
//
// The HTTP face of the upload road (api/openapi.yaml, tag `matching`; the banks' is bank_routes.h):
//
//   POST /v1/match                a picture as it is (image/*, application/octet-stream, up to 32
//                                 MiB), or one item as JSON: {"url"}, {"pdq"}, {"image"}
//   POST /v1/match/batch          a JSON array of such items, at most kMaxBatch
//   POST /v1/match/stream         application/x-ndjson: an item a line, an answer a line; a line
//   that
//                                 is none is answered by its number and costs the others nothing
//   GET  /v1/match/{id}           an earlier answer
//   POST /v1/match/{id}/decision  a person closes the task
//
// The first three take ?turned=true, ?radius=n and ?banks=a,b. Every route asks `authorise` (or
// `moderator`) first, before it looks at anything else. Beyond capacity: 503 with Retry-After.
#pragma once

#include <functional>

#include "entente/http/api.h"
#include "entente/matching/road.h"

namespace entente::matching {

// Items of a batch: what the index answers together at its best, and near 0.5 MiB of answer.
inline constexpr std::size_t kMaxBatch = 1'024;
// Lines of one stream request; the client sends the next request on the same connection. The
// engine hands a body over whole, so a stream is bounded: this, and kMaxStreamBody.
inline constexpr std::size_t kMaxStreamLines = 16'384;
inline constexpr std::size_t kMaxStreamBody = 32U << 20;
// Addresses in one request: each may take the whole of kFetchTime.
inline constexpr std::size_t kMaxUrls = 8;

struct RouteParts {
  store::Store& store;
  const Road& road;
  std::function<Result<void>(const http::Request&)> authorise;
  // Which moderator asks; an Error for everybody else. For decisions on review tasks (SG21).
  std::function<Result<std::string>(const http::Request&)> moderator;
};

// The parts' references must outlive the router.
void add_routes(http::Router& router, RouteParts parts);

}  // namespace entente::matching

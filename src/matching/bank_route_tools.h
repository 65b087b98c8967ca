// SPDX-License-Identifier: Apache-2.0
//
// Inside bank_routes.h: what its units share. Forms on the wire, and one way to change something:
// the person first, then the body, a unit of work, then the index hears of it.
#pragma once

#include <memory>

#include "entente/matching/bank_routes.h"
#include "entente/matching/entry_reviews.h"

namespace entente::matching {

using BankParts = std::shared_ptr<const BankRouteParts>;

// "?cursor=" of the lists that count upwards, and "?limit=" up to kMaxPage.
struct PageAsked {
  std::int64_t after = 0;
  std::int64_t limit = kMaxPage;
};
Result<PageAsked> page_asked(const http::Request& request);
json::Object page_json(json::Array items, std::int64_t last, std::int64_t limit);
Result<std::int64_t> number_in(std::string_view text, std::int64_t min, std::int64_t max,
                               const char* field);
Result<bool> flag_in_query(const http::Request& request, const char* name);

json::Object bank_json(const Bank& bank);
json::Object entry_json(const Entry& entry, bool context);
json::Object review_json(const EntryReview& review);

// Runs `work(tx, decision)` in a write; `reason` is read from the body by the caller.
template <class T, class F>
Result<T> change(const BankRouteParts& parts, const std::string& person, const std::string& reason,
                 F&& work) {
  const Decision decision{person, reason, parts.clock.now()};
  ENTENTE_TRY(out, store::write_returning<T>(parts.store,
                                             [&](store::Tx& tx) { return work(tx, decision); }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return out;
}
// For work that answers nothing.
struct Nothing {};

// Each binds one handler to the parts.
template <class Handler>
http::Handler bound(const BankParts& parts, Handler handler) {
  return [parts, handler](const http::Request& request) { return handler(*parts, request); };
}

void add_entry_routes(http::Router& router, const BankParts& parts);
void add_trial_routes(http::Router& router, const BankParts& parts);
void add_policy_routes(http::Router& router, const BankParts& parts);
void add_token_routes(http::Router& router, const BankParts& parts);
void add_sharing_routes(http::Router& router, const BankParts& parts);

}  // namespace entente::matching

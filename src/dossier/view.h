// SPDX-License-Identifier: Apache-2.0
//
// What people see, as JSON: shapes of api/openapi.yaml (ActView, QueuePage, Regime, Record, Case).
// Pure translations of what the fold says; nothing here decides.
#pragma once

#include "entente/dossier/service.h"
#include "entente/identity/sessions.h"

namespace entente::dossier {

json::Object text_json(const acts::Text& text);
json::Object regime_head_json(const acts::Regime& regime);
json::Object regime_json(const acts::Regime& regime);
json::Object clock_json(const acts::ClockInstance& clock, const acts::Regime& regime);
json::Object outcome_json(const Outcome& outcome);

// For the people of a participant. `has_content(target)` says whether this node can show the item
// itself.
Result<json::Object> act_view(store::Tx& tx, Service& service, std::string_view act,
                              const identity::SessionUser& user,
                              const std::function<bool(const std::string& url)>& has_content);

Result<json::Object> queue_page(store::Tx& tx, Service& service, std::string_view cursor,
                                std::size_t limit);
Result<json::Object> act_page(store::Tx& tx, Service& service, std::string_view cursor,
                              std::size_t limit);

// The public record: never the address of an item, never a person. A sealed act shows that it
// exists, under which regime, and until when the seal lasts (SG12, SG13). kNotFound before the act
// was signed.
Result<json::Object> public_record(store::Tx& tx, Service& service, std::string_view act);

// For the holder of a private link.
Result<json::Object> case_view(store::Tx& tx, Service& service, const CaseLink& link);

// Where the public record of an act lives: at the issuer's node, or at the addressee's when nobody
// issued it.
Result<std::string> record_url(store::Tx& tx, Service& service, const acts::ActState& state);

}  // namespace entente::dossier

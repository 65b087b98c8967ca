// SPDX-License-Identifier: Apache-2.0
//
// The organisation's own directory, changed while its node serves: who may act for it, and which
// organisations it trusts. Two may do so: a person with the role `administrator`, by session, and
// whoever holds the node's folder, by a session of the node's key (what `entente person` and
// `entente party` use beside a running node).
//
// An administrator grants roles to others only, never to the own key, and cannot make
// administrators: only the folder can. A machine that holds an administrator's key can therefore
// not become a signer (SG03, SG38). Every change is one row of `admin_change` in the same
// transaction, and a line of the log.
//
//   GET  /v1/admin/people                    people of this organisation, revoked ones too
//   POST /v1/admin/people                    {name, key, roles}: enrol, or change roles
//   POST /v1/admin/people/{keyid}/revocation for ever; their sessions end with it
//   POST /v1/admin/parties                   {entry, fingerprint}: trust, as read aloud
//   GET  /v1/admin/changes?before=           who changed what, newest first
//
// Errors: kUnauthorised without a session, kForbidden for other people and for what is said above,
// else those of directory.h.
#pragma once

#include "entente/identity/routes.h"

namespace entente::identity {

inline constexpr std::string_view kAdministrator = "administrator";
inline constexpr std::int64_t kMaxChangesPage = 200;

// Of this node's party, or the node's own key.
Result<SessionUser> administrator_of(store::Tx& tx, const http::Request& request, const Self& self,
                                     Instant now);

void add_admin_routes(http::Router& router, store::Store& store, const Self& self,
                      const Clock& clock);

}  // namespace entente::identity

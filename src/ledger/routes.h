// SPDX-License-Identifier: Apache-2.0
//
// The public face of the ledger: C2SP tlog-tiles under the prefix "/ledger", receipts, and
// witnessing. All of it is public by design: no session, no secret.
//
//   GET  /ledger/checkpoint                 the newest signed head; ?cosigned=1 the newest cosigned
//   GET  /ledger/tile/{path...}             tiles and entry bundles; immutable
//   GET  /ledger/proof/{index}              a .tlog-proof receipt; ?cosigned=1 as above
//   POST /witness/add-checkpoint            when this node is a witness
//   GET  /witness/{origin}/checkpoint       by hex SHA-256 of the log's origin
#pragma once

#include "entente/http/api.h"
#include "entente/ledger/log.h"
#include "entente/ledger/witness.h"
#include "entente/store/store.h"

namespace entente::ledger {

// `witness` may be null: the node then has no witness routes. All must outlive the router.
void add_routes(http::Router& router, store::Store& store, const WitnessService* witness);

}  // namespace entente::ledger

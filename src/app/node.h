// SPDX-License-Identifier: Apache-2.0
//
// The composition root: the one place where adapters meet ports. Opens a node's folder, wires every
// part and serves until stopped. Order matters and is explained in node.cc.
#pragma once

#include "config.h"
#include "entente/core/error.h"

namespace entente::app {

// Serves until SIGTERM or SIGINT, then drains. Prints one line on stdout when ready: "ready <url>".
Result<void> serve(const Config& config);

// One line "METHOD /pattern" for each route of such a node, sorted; the screens' files are left
// out. The node must not be serving: its folder has one owner.
Result<void> print_routes(Config config);

}  // namespace entente::app

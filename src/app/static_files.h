// SPDX-License-Identifier: Apache-2.0
//
// The built screens (web/dist), served by the node itself: read once at start, sent with a content
// security policy that allows this origin only. Unknown paths without a dot get index.html (the
// screens route by history).
#pragma once

#include <filesystem>

#include "entente/http/api.h"

namespace entente::app {

inline constexpr std::size_t kMaxStaticBytes = 16
                                               << 20;  // all files together: the screens are small

Result<void> add_static_routes(http::Router& router, const std::filesystem::path& folder);

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a TOML file before toml++ sees it (toml_safe.h says why). Pure.
#pragma once

#include <string_view>

namespace entente::acts {

// False when the file has a byte beyond ASCII where TOML allows none: outside of strings and
// comments.
bool plain_outside_texts(std::string_view toml);

}  // namespace entente::acts

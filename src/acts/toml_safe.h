// SPDX-License-Identifier: Apache-2.0
//
// toml++, whose assertions refuse instead of ending the process: version 3 asserts that a table's
// header begins with a key, and "[é]" in a file does not. Include this and not toml++ itself, and
// catch std::exception around a parse.
#pragma once

#ifdef TOMLPLUSPLUS_H
#error "toml++ was included before toml_safe.h"
#endif

#include <stdexcept>

namespace entente::acts {

constexpr void refuse_unless(bool expected) {
  if (!expected) throw std::logic_error("not TOML");
}

}  // namespace entente::acts

#define TOML_ASSERT(expr) ::entente::acts::refuse_unless(static_cast<bool>(expr))
#include <toml++/toml.h>

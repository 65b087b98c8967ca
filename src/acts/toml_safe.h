// SPDX-License-Identifier: Apache-2.0
//
// toml++ 3.3 (Debian 12) without its two traps: it asserts that a table's header begins with a key,
// which "[ .a]" does not, and its table of white space is undefined for most letters beyond ASCII
// outside of texts and comments, such as "[é]". Include this and not toml++ itself, ask
// plain_outside_texts() first, and catch std::logic_error around a parse.
#pragma once

#ifdef TOMLPLUSPLUS_H
#error "toml++ was included before toml_safe.h"
#endif

#include <stdexcept>

#include "entente/acts/toml_text.h"

namespace entente::acts {

constexpr void refuse_unless(bool expected) {
  if (!expected) throw std::logic_error("not TOML");
}

}  // namespace entente::acts

#define TOML_ASSERT(expr) ::entente::acts::refuse_unless(static_cast<bool>(expr))
#include <toml++/toml.h>

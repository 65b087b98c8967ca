// SPDX-License-Identifier: Apache-2.0
//
// The request target of RFC 9112 §3.2 (origin-form and absolute-form) as values. Strict, so that no
// two layers can read one target differently: NUL and other control characters, "..", encoded
// slashes, half an escape, bytes that are not UTF-8 and a query name given twice are kInvalid.
// Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "entente/core/error.h"

namespace entente::http {

inline constexpr std::size_t kMaxQueryNames = 64;  // our routes take fewer than ten

struct Target {
  std::string path;  // decoded; starts with '/'
  std::map<std::string, std::string>
      query;  // decoded; '+' is a space (as HTML forms and URLSearchParams write it)
};

Result<Target> parse_target(std::string_view raw);

bool is_utf8(std::string_view text);

}  // namespace entente::http

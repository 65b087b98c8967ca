// SPDX-License-Identifier: Apache-2.0
//
// multipart/form-data (RFC 7578), as browsers, curl and Python's clients send it. Strict about what
// two readers could take apart in two ways, and bounded before anything is believed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente::matching::hma {

// One file and a few fields.
inline constexpr std::size_t kMaxParts = 16;
inline constexpr std::size_t kMaxPartHeader = 4 * 1024;

struct Part {
  std::string name;
  std::optional<std::string> filename;  // present: this part is a file
  std::string content_type;             // lower case, without parameters; may be empty
  std::string_view body;                // points into what was parsed
};

// The boundary of a Content-Type header; empty when it is not multipart/form-data with one.
std::string boundary_of(std::string_view content_type);
// kInvalid: not this form, truncated, a part without a name. kTooLarge: a limit
// above.
Result<std::vector<Part>> parse_multipart(std::string_view body, std::string_view boundary);

}  // namespace entente::matching::hma

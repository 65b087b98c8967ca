// SPDX-License-Identifier: Apache-2.0
//
// What every safeguard is written with. Private to safeguards*.cc.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "entente/acts/safeguards.h"

namespace entente::acts {

using In = SafeguardInput;

inline Unexpected refuse(std::string_view rule, std::string detail, std::string field = {},
                         std::string mend = {}) {
  return fail(Error{Code::kRefused, std::move(detail), std::move(field), std::string(rule),
                    std::move(mend)});
}

inline std::string form_text(const In& in, std::string_view pointer) {
  const auto* v = json::at_pointer(in.state.form, pointer);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

inline std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

inline bool one_of(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

inline constexpr std::size_t kFewWords = 20;  // characters: less cannot be a reason

using NamedSafeguard = std::pair<std::string_view, Safeguard>;
// Of blocks, requests for data and crises: safeguards_grave.cc.
std::span<const NamedSafeguard> grave_safeguards();

}  // namespace entente::acts

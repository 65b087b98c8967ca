// SPDX-License-Identifier: Apache-2.0
//
// What every target declares and uses. A target ends the process when a promise is broken;
// replay.cc or libFuzzer calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace entente::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void promise(bool kept) {
  if (!kept) std::abort();
}

}  // namespace entente::fuzz

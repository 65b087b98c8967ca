// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/toml_text.h"

namespace entente::acts {
namespace {

// What is left after a string that `rest` begins with; a basic string ends at its line at the
// latest.
std::string_view after_string(std::string_view rest) {
  const char quote = rest.front();
  const bool escapes = quote == '"';
  const std::string_view fence = escapes ? R"(""")" : "'''";
  const bool lines = rest.starts_with(fence);
  for (std::size_t i = lines ? fence.size() : 1; i < rest.size(); ++i) {
    if (escapes && rest[i] == '\\') {
      ++i;
    } else if (lines ? rest.substr(i).starts_with(fence) : rest[i] == quote || rest[i] == '\n') {
      i += lines ? fence.size() : 1;
      // Of five quotes the last three end the string.
      for (int extra = 0; lines && extra < 2 && i < rest.size() && rest[i] == quote; ++extra) ++i;
      return rest.substr(i);
    }
  }
  return {};
}

}  // namespace

bool plain_outside_texts(std::string_view toml) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";  // a byte order mark may begin a file
  if (toml.starts_with(kMark)) toml.remove_prefix(kMark.size());
  while (!toml.empty()) {
    const char c = toml.front();
    if ((static_cast<unsigned char>(c) & 0x80U) != 0) return false;
    if (c == '#') {
      const auto end = toml.find('\n');
      toml = end == std::string_view::npos ? std::string_view() : toml.substr(end);
    } else if (c == '"' || c == '\'') {
      toml = after_string(toml);
    } else {
      toml.remove_prefix(1);
    }
  }
  return true;
}

}  // namespace entente::acts

// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/blocked_map.h"

#include <fmt/format.h>

#include <map>

namespace entente::effects::site {

namespace {

// As nginx folds: ASCII only.
std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A double-quoted token: nginx takes \" and \\ for the character itself.
Result<std::string> quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      return fail(Code::kInvalid, "a control character cannot be written", "url");
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  if (out.size() > kMaxMapToken)
    return fail(Code::kInvalid, "the address does not fit nginx's configuration", "url");
  return out;
}

// In a value a dollar begins a variable; this one holds a dollar.
std::string without_variables(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '$') {
      out += "${entente_dollar}";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// Matches these bytes and no others.
std::string as_regex(std::string_view text) {
  std::string out = "~^";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
    if (!plain) out.push_back('\\');
    out.push_back(c);
  }
  return out + "\\z";
}

}  // namespace

Result<void> check_fits(const Blocked& entry) {
  const std::string address = entry.host + entry.path;
  ENTENTE_CHECK_OK(quoted(address));
  ENTENTE_CHECK_OK(quoted(as_regex(address)));
  ENTENTE_CHECK_OK(quoted(without_variables(address + " " + entry.record)));
  return {};
}

Result<std::string> render_map(const std::vector<Blocked>& entries) {
  std::map<std::string, std::string> lines;  // address -> record
  std::map<std::string, int> twins;
  for (const Blocked& entry : entries) {
    const std::string address = entry.host + entry.path;
    if (lines.emplace(address, entry.record).second) ++twins[folded(address)];
  }
  std::string out = "# Written by entente. Changes are lost.\n";
  for (const auto& [address, record] : lines) {
    ENTENTE_TRY(key, quoted(twins[folded(address)] > 1 ? as_regex(address) : address));
    ENTENTE_TRY(value, quoted(without_variables(fmt::format("{} {}", address, record))));
    out += fmt::format("{} {};\n", key, value);
  }
  return out;
}

}  // namespace entente::effects::site

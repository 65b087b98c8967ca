// SPDX-License-Identifier: Apache-2.0
#include "entente/http/target.h"

#include <optional>

namespace entente::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

enum class Part { kPath, kQuery };

Result<std::string> decode(std::string_view text, Part part) {
  const char* where = part == Part::kPath ? "path" : "query";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(Code::kInvalid, "an escape is not %XX", where);
      c = static_cast<char>(high * 16 + low);
      i += 2;
      // A decoded slash would be a separator for one layer and a character for another.
      if (part == Part::kPath && c == '/') return fail(Code::kInvalid, "an encoded slash", where);
    } else if (c == '+' && part == Part::kQuery) {
      c = ' ';
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return fail(Code::kInvalid, "a byte beyond ASCII that is not escaped", where);
    }
    if (c == '\0' || (part == Part::kPath && is_control(static_cast<unsigned char>(c))))
      return fail(Code::kInvalid, "a control character", where);
    out += c;
  }
  if (!is_utf8(out)) return fail(Code::kInvalid, "not UTF-8", where);
  return out;
}

// "http://host/path" → "/path"; nullopt when it is neither absolute-form nor origin-form.
std::optional<std::string_view> origin_form(std::string_view raw) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!raw.starts_with(scheme)) continue;
    raw.remove_prefix(scheme.size());
    const std::size_t end = raw.find_first_of("/?");
    if (end == 0 || end == raw.npos || raw[end] != '/') return std::nullopt;
    return raw.substr(end);
  }
  if (!raw.starts_with('/')) return std::nullopt;
  return raw;
}

Result<void> parse_query(std::string_view text, std::map<std::string, std::string>& out) {
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    ENTENTE_TRY(name, decode(pair.substr(0, equals), Part::kQuery));
    std::string value;
    if (equals != pair.npos) {
      ENTENTE_TRY(decoded, decode(pair.substr(equals + 1), Part::kQuery));
      value = std::move(decoded);
    }
    if (out.size() == kMaxQueryNames) return fail(Code::kInvalid, "too many names", "query");
    if (!out.emplace(name, std::move(value)).second)
      return fail(Code::kInvalid, "this name is given twice", name);
  }
  return {};
}

// Length of the UTF-8 sequence at the start of `text` by the table of RFC 3629 §4, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  const unsigned char second = at(1);
  const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return bad ? 0 : length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = sequence_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

Result<Target> parse_target(std::string_view raw) {
  const std::optional<std::string_view> origin = origin_form(raw);
  if (!origin) return fail(Code::kInvalid, "the request target is neither a path nor a URL");
  if (origin->find('#') != origin->npos)
    return fail(Code::kInvalid, "a fragment in the request target");
  const std::size_t mark = origin->find('?');
  Target out;
  ENTENTE_TRY(path, decode(origin->substr(0, mark), Part::kPath));
  if (path.find("..") != path.npos) return fail(Code::kInvalid, "\"..\" in the path", "path");
  out.path = std::move(path);
  if (mark != origin->npos) ENTENTE_CHECK_OK(parse_query(origin->substr(mark + 1), out.query));
  return out;
}

}  // namespace entente::http

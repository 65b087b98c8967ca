// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/hma/multipart.h"

#include <algorithm>

namespace entente::matching::hma {

namespace {

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 §5.1.1
constexpr std::size_t kMaxNameBytes = 200;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Unexpected broken(std::string why) {
  return fail(Code::kInvalid, std::move(why), "body");
}

// The value of `wanted` in `; a=b; c="d"`, unquoted. An escaped quote keeps its escape: names with
// quotes are nobody's field here, and file names are not used.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != header.npos) {
    header.remove_prefix(at + 1);
    const std::size_t equals = header.find('=');
    if (equals == header.npos) return std::nullopt;
    const std::string name = lower(trim(header.substr(0, equals)));
    header = trim(header.substr(equals + 1));
    std::string_view value;
    if (header.starts_with('"')) {
      std::size_t end = 1;
      while (end < header.size() && header[end] != '"') end += header[end] == '\\' ? 2 : 1;
      if (end >= header.size()) return std::nullopt;
      value = header.substr(1, end - 1);
      header.remove_prefix(end + 1);
      at = header.find(';');
    } else {
      at = header.find(';');
      value = trim(header.substr(0, at));
    }
    if (name == wanted) return std::string(value);
  }
  return std::nullopt;
}

Result<Part> parse_head(std::string_view head) {
  Part out;
  bool disposed = false;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == head.npos ? head.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return broken("a part with a header that is none");
    const std::string name = lower(trim(line.substr(0, colon)));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-disposition") {
      if (disposed || lower(trim(value.substr(0, value.find(';')))) != "form-data")
        return broken("a part that is not form-data");
      disposed = true;
      const auto field = parameter(value, "name");
      if (!field || field->empty() || field->size() > kMaxNameBytes)
        return broken("a part without a name");
      out.name = *field;
      out.filename = parameter(value, "filename");
      if (!out.filename) out.filename = parameter(value, "filename*");
    } else if (name == "content-type") {
      out.content_type = lower(trim(value.substr(0, value.find(';'))));
    } else if (name == "content-transfer-encoding" && lower(value) != "binary" &&
               lower(value) != "8bit" && lower(value) != "7bit") {
      return broken("a part in a transfer encoding");
    }
  }
  if (!disposed) return broken("a part without a name");
  return out;
}

}  // namespace

std::string boundary_of(std::string_view content_type) {
  if (lower(trim(content_type.substr(0, content_type.find(';')))) != "multipart/form-data")
    return {};
  const auto value = parameter(content_type, "boundary");
  if (!value || value->empty() || value->size() > kMaxBoundary) return {};
  const bool plain = std::all_of(value->begin(), value->end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\\';
  });
  return plain ? *value : std::string();
}

Result<std::vector<Part>> parse_multipart(std::string_view body, std::string_view boundary) {
  if (boundary.empty()) return broken("no multipart/form-data");
  const std::string first = "--" + std::string(boundary);
  const std::string next = "\r\n" + first;
  // A preamble is allowed by the letter and sent by nobody; it would hide a part from one reader.
  if (!body.starts_with(first)) return broken("the body does not begin with its boundary");
  body.remove_prefix(first.size());
  std::vector<Part> out;
  for (;;) {
    if (body.starts_with("--")) break;
    if (!body.starts_with("\r\n")) return broken("a boundary that does not end its line");
    body.remove_prefix(2);
    if (out.size() == kMaxParts) return fail(Code::kTooLarge, "too many parts", "body");
    const std::size_t head = body.substr(0, kMaxPartHeader).find("\r\n\r\n");
    if (head == body.npos) return broken("a part without an end of its header");
    ENTENTE_TRY(part, parse_head(body.substr(0, head)));
    body.remove_prefix(head + 4);
    const std::size_t end = body.find(next);
    if (end == body.npos) return broken("the body ends inside a part");
    part.body = body.substr(0, end);
    body.remove_prefix(end + next.size());
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace entente::matching::hma

// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/public_url.h"

#include <fmt/format.h>

namespace entente::effects::site {

namespace {

Unexpected bad(std::string detail) {
  return fail(Code::kInvalid, std::move(detail), "url");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Parts {
  std::string origin;
  std::string host;
  std::string_view path;  // as written
};

Result<Parts> split(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return bad("not an http or https address");
  const std::string scheme = lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https") return bad("not an http or https address");
  const std::string_view rest = url.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string authority = lower(rest.substr(0, end));
  const std::string_view standard = scheme == "http" ? ":80" : ":443";
  if (authority.ends_with(standard)) authority.resize(authority.size() - standard.size());
  if (authority.empty() || authority.find_first_not_of(
                               "abcdefghijklmnopqrstuvwxyz0123456789.-:[]_") != std::string::npos) {
    return bad("not a host name");
  }
  std::string host = authority;
  const std::size_t port = host.rfind(':');
  if (port != std::string::npos && (host[0] != '[' || host.rfind(']') < port)) host.resize(port);
  if (host.empty()) return bad("not a host name");
  std::string_view path = rest.substr(end);
  path = path.substr(0, std::min(path.find_first_of("?#"), path.size()));
  return Parts{scheme + "://" + authority, host, path};
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return bad("a broken percent-encoding");
      c = static_cast<char>(16 * high + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return bad("a control character in the path");
    out.push_back(c);
  }
  return out;
}

std::string encode(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_unreserved(c) || c == '/') {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

Result<std::vector<std::string>> segments_of(std::string_view path) {
  std::vector<std::string> out;
  std::size_t at = 1;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment.empty() || segment == "." || segment == "..")
      return bad("not the canonical path of a file");
    if (segment.starts_with(kOwnPrefix)) return bad("this name is the connector's own");
    out.emplace_back(segment);
    at = end + 1;
  }
  if (out.empty()) return bad("an address of the site as a whole, not of a file");
  return out;
}

}  // namespace

Result<PublicBase> parse_base(std::string_view text) {
  ENTENTE_TRY(parts, split(text));
  if (!parts.path.empty() && parts.path != "/") return bad("the public base has no path");
  if (text.find_first_of("?#") != std::string_view::npos)
    return bad("the public base has no query");
  return PublicBase{parts.origin, parts.host};
}

Result<PublicUrl> parse_public_url(const PublicBase& base, std::string_view url) {
  // Percent-encoding triples a path at most; the rest is for host and query.
  if (url.size() > 4 * kMaxPathBytes) return bad("the address is too long");
  ENTENTE_TRY(parts, split(url));
  if (parts.origin != base.origin)
    return fail(Code::kNotFound, "the address is not on this site", "url");
  if (parts.path.empty()) return bad("an address of the site as a whole, not of a file");
  PublicUrl out;
  out.host = base.host;
  ENTENTE_TRY(path, decode(parts.path));
  out.path = std::move(path);
  if (out.path.size() > kMaxPathBytes)
    return bad(fmt::format("a path is at most {} bytes", kMaxPathBytes));
  ENTENTE_TRY(segments, segments_of(out.path));
  out.segments = std::move(segments);
  out.canonical = base.origin + encode(out.path);
  return out;
}

Result<void> check_plain_url(std::string_view url, std::string_view field) {
  constexpr std::string_view kHarmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#@!*+,=%&[]";
  const bool scheme = url.starts_with("https://") || url.starts_with("http://");
  if (!scheme || url.size() > kMaxRecordBytes ||
      url.find_first_not_of(kHarmless) != std::string_view::npos) {
    return fail(Code::kInvalid, "an http or https address of plain characters is needed",
                std::string(field));
  }
  return {};
}

}  // namespace entente::effects::site

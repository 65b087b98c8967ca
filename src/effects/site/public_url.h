// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: a public address as nginx reads it. One file has one canonical address:
// scheme and host in lower case, the default port left out, query and fragment dropped (a static
// file does not depend on them), every byte that is not unreserved (RFC 3986) percent-encoded.
// Paths that nginx would rewrite ("//", ".", "..", a slash at the end) are refused rather than
// guessed at. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente::effects::site {

// Longer paths would overflow nginx's tokens and hash buckets, and with them every later reload of
// the map.
inline constexpr std::size_t kMaxPathBytes = 1024;
// A record's address goes into a header, a page and the map.
inline constexpr std::size_t kMaxRecordBytes = 512;
// Names that this connector makes for itself inside the content root.
inline constexpr std::string_view kOwnPrefix = ".entente-";

struct PublicBase {
  std::string origin;  // "https://photos.example"
  std::string host;    // nginx's $host: lower case, without the port
};
// An http or https origin without a path.
Result<PublicBase> parse_base(std::string_view text);

struct PublicUrl {
  std::string canonical;
  std::string host;
  std::string path;                   // decoded, with the slash in front: nginx's $uri
  std::vector<std::string> segments;  // of the path; at least one, none empty
};
// kInvalid: not an address, or one that cannot be blocked safely; kNotFound: another site's.
Result<PublicUrl> parse_public_url(const PublicBase& base, std::string_view url);

// An http or https address of harmless characters only: it is printed into a header, a page and a
// configuration.
Result<void> check_plain_url(std::string_view url, std::string_view field);

}  // namespace entente::effects::site

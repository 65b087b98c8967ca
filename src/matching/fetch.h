// SPDX-License-Identifier: Apache-2.0
//
// Fetches a picture from an address somebody else chose: the door through which a matching server
// is made to call into its own network. So: only hosts of a list (none by default), only
// https unless the client allows plain http, no private address after name resolution
// (http/client), redirects followed by hand and only to hosts of the list, limits on bytes, time
// and fetches side by side. What comes back goes to the sandbox as hostile as an upload.
//
// Thread-safe. Errors, with the field `url`: kForbidden (host not on the list, private address,
// scheme), kInvalid (no URL), kTooLarge, kTimeout, kUnavailable (no connection, or the answer was
// no 200), kBusy (kMaxFetches at work).
#pragma once

#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/http/client.h"

namespace entente::matching {

// For the whole fetch, redirects included: a caller waits, and so does one of its workers.
inline constexpr std::chrono::milliseconds kFetchTime{8'000};
// A content host behind a shortener or a new path; more is a loop.
inline constexpr int kMaxRedirects = 3;

class Fetcher {
 public:
  struct Picture {
    std::string bytes;
    std::string content_type;  // as the host says, lower case, without parameters
  };

  // `hosts`: names as in URLs, or "*.example.org" for every name below it; a port only where it is
  // not the scheme's own ("127.0.0.1:8080"). `at_once`: fetches side by side; each holds a worker.
  Fetcher(http::Client& client, const std::vector<std::string>& hosts, int at_once = 2);

  Result<Picture> fetch(std::string_view url);
  bool allows(std::string_view host) const;

 private:
  Result<Picture> follow(std::string url);

  http::Client& client_;
  std::set<std::string, std::less<>> exact_;
  std::vector<std::string> below_;  // ".example.org"
  const int at_once_;
  std::atomic<int> running_{0};
};

// The host of an absolute http(s) URL, with a port when it is not the scheme's own; nothing when
// it is none, or when it could be read in two ways (user, backslash, control character).
std::string host_of(std::string_view url);
// `location` seen from `base`: absolute, "//host/path" or "/path"; empty when it is none of these.
std::string resolve_redirect(std::string_view base, std::string_view location);

}  // namespace entente::matching

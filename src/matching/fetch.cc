// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/fetch.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/media/decode.h"

namespace entente::matching {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

Unexpected at_url(Code code, std::string why) {
  return fail(code, std::move(why), "url");
}

std::string_view first_header(const http::ClientResponse& response, const std::string& name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() || found->second.empty() ? std::string_view()
                                                                  : found->second.front();
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// One of the fetches that may run side by side.
class Seat {
 public:
  Seat(std::atomic<int>& running, int most) : running_(running), taken_(++running <= most) {}
  ~Seat() { --running_; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  bool taken() const { return taken_; }

 private:
  std::atomic<int>& running_;
  const bool taken_;
};

}  // namespace

std::string host_of(std::string_view url) {
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return {};
  }
  const std::size_t colon = url.find("://");
  if (colon == url.npos) return {};
  const std::string scheme = lower(url.substr(0, colon));
  if (scheme != "https" && scheme != "http") return {};
  std::string_view rest = url.substr(colon + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.empty() || rest.find('@') != rest.npos) return {};
  std::string host = lower(rest);
  const std::string usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return host;
}

std::string resolve_redirect(std::string_view base, std::string_view location) {
  const std::size_t colon = base.find("://");
  if (colon == base.npos) return {};
  if (!host_of(location).empty()) return std::string(location);
  if (location.starts_with("//"))
    return std::string(base.substr(0, colon + 1)) + std::string(location);
  if (!location.starts_with('/')) return {};
  const std::size_t end = base.find_first_of("/?#", colon + 3);
  return std::string(base.substr(0, end)) + std::string(location);
}

Fetcher::Fetcher(http::Client& client, const std::vector<std::string>& hosts, int at_once)
    : client_(client), at_once_(at_once) {
  for (const std::string& host : hosts) {
    if (host.starts_with("*.")) {
      below_.push_back(lower(host.substr(1)));
    } else {
      exact_.insert(lower(host));
    }
  }
}

bool Fetcher::allows(std::string_view host) const {
  if (exact_.find(host) != exact_.end()) return true;
  return std::any_of(below_.begin(), below_.end(), [&](const std::string& tail) {
    return host.size() > tail.size() && host.ends_with(tail);
  });
}

Result<Fetcher::Picture> Fetcher::fetch(std::string_view url) {
  const Seat seat(running_, at_once_);
  if (!seat.taken()) return at_url(Code::kBusy, "too many pictures are being fetched");
  return follow(std::string(url));
}

Result<Fetcher::Picture> Fetcher::follow(std::string url) {
  const auto end = std::chrono::steady_clock::now() + kFetchTime;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    const std::string host = host_of(url);
    if (host.empty()) return at_url(Code::kInvalid, "this is no absolute http(s) URL");
    if (!allows(host)) {
      return fail(Error{Code::kForbidden, "pictures are not fetched from this host", "url", "",
                        "send the picture itself, or let the host be added to fetch_hosts"});
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return at_url(Code::kTimeout, "the host did not answer in time");
    http::ClientRequest request;
    request.url = url;
    request.headers = {{"Accept", "image/*"}};
    request.timeout = left;
    request.max_body = media::kMaxInputBytes;
    auto answer = client_.send(request);
    if (!answer) {
      Error error = std::move(answer).error();
      error.field = "url";
      return fail(std::move(error));
    }
    if (is_redirect(answer->status)) {
      url = resolve_redirect(url, first_header(*answer, "location"));
      continue;
    }
    if (answer->status != 200) {
      return at_url(Code::kUnavailable, fmt::format("the host answered {}", answer->status));
    }
    const std::string type = lower(first_header(*answer, "content-type"));
    return Picture{std::move(answer->body), type.substr(0, type.find_first_of("; "))};
  }
  return at_url(Code::kUnavailable, "too many redirects");
}

}  // namespace entente::matching

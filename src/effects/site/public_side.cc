// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/public_side.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <thread>

#include "entente/effects/site/content.h"

namespace entente::effects::site {

namespace {

using SteadyClock = std::chrono::steady_clock;

// The site's own address is the operator's word, not a peer's: loopback and plain http are as good
// as any.
http::ClientOptions own_site() {
  http::ClientOptions out;
  out.allow_private_addresses = true;
  out.allow_plain_http = true;
  return out;
}

bool has_link(const http::ClientResponse& answer, const std::string& wanted) {
  const auto links = answer.headers.find("link");
  if (links == answer.headers.end()) return false;
  for (const std::string& link : links->second) {
    if (link.find(wanted) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

PublicSide::PublicSide() : client_(own_site()) {}

Result<http::ClientResponse> PublicSide::look(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  request.headers.emplace_back("Connection", "close");
  request.headers.emplace_back("Cache-Control", "no-cache");
  request.timeout = std::chrono::milliseconds(5'000);
  request.max_body = kMaxContentBytes;
  return client_.send(request);
}

Result<http::ClientResponse> PublicSide::wait_for(const std::string& url, int status,
                                                  std::chrono::milliseconds wait,
                                                  std::chrono::milliseconds settle) {
  const auto end = SteadyClock::now() + wait;
  auto since = SteadyClock::now();
  int last = 0;
  for (;;) {
    auto answer = look(url);
    const auto now = SteadyClock::now();
    const int seen = answer ? answer->status : -1;
    if (seen != status || last != status) since = now;
    if (seen == status && now - since >= settle) return *std::move(answer);
    last = seen;
    if (now >= end) {
      return fail(
          Code::kTimeout,
          answer ? fmt::format("the public side answers {} where {} was expected", seen, status)
                 : "the public side does not answer: " + answer.error().detail);
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

Result<void> check_451(const http::ClientResponse& answer, std::string_view platform_url,
                       std::string_view record) {
  if (answer.status != 451) {
    return fail(Code::kUnavailable,
                fmt::format("the public side answers {}, not 451", answer.status));
  }
  if (!has_link(answer, fmt::format("<{}>; rel=\"blocked-by\"", platform_url)) ||
      !has_link(answer, fmt::format("<{}>; rel=\"describedby\"", record))) {
    return fail(Code::kUnavailable,
                "the public side answers 451 without saying who blocks and why (Link)");
  }
  if (answer.body.find(record) == std::string::npos) {
    return fail(Code::kUnavailable, "the public side's page does not lead to the record");
  }
  return {};
}

Result<void> reload_nginx(const std::filesystem::path& pid_file) {
  const auto bytes = read_whole(pid_file, 64);
  if (!bytes)
    return fail(Code::kUnavailable, "nginx's pid file cannot be read: " + bytes.error().detail);
  const std::string_view text = as_text(*bytes);
  int pid = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), pid);
  const bool rest_is_space =
      std::string_view(end.ptr, text.data() + text.size()).find_first_not_of("\r\n ") ==
      std::string_view::npos;
  if (end.ec != std::errc() || !rest_is_space || pid <= 1) {
    return fail(Code::kUnavailable, "nginx's pid file holds no process id");
  }
  if (::kill(pid, SIGHUP) != 0) return fail(system_error("nginx cannot be told", errno));
  return {};
}

}  // namespace entente::effects::site

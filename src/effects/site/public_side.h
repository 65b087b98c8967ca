// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: what anyone sees. Requests carry no cookie, no token and no mark of ours,
// over a new connection each, so that they meet the nginx worker a stranger would meet.
// Thread-safe.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "entente/core/error.h"
#include "entente/http/client.h"

namespace entente::effects::site {

// A reload starts new workers about 100 ms before it stops the old ones, and meanwhile both answer:
// an answer counts when every one for this long was the same.
inline constexpr std::chrono::milliseconds kSettle{300};
inline constexpr std::chrono::milliseconds kPollEvery{30};

// The first right answer will do.
inline constexpr std::chrono::milliseconds kAtOnce{0};

class PublicSide {
 public:
  PublicSide();

  Result<http::ClientResponse> look(const std::string& url);
  // Until `url` has answered `status` for `settle`: the last answer. kTimeout after `wait`.
  Result<http::ClientResponse> wait_for(const std::string& url, int status,
                                        std::chrono::milliseconds wait,
                                        std::chrono::milliseconds settle = kSettle);

 private:
  http::Client client_;
};

// The answer says 451, who blocks and why: both links of legal.md §7 and the record's address in
// the page.
Result<void> check_451(const http::ClientResponse& answer, std::string_view platform_url,
                       std::string_view record);

// SIGHUP to the process that the file names. kUnavailable when there is none.
Result<void> reload_nginx(const std::filesystem::path& pid_file);

}  // namespace entente::effects::site

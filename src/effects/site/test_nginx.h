// SPDX-License-Identifier: Apache-2.0
//
// For the tests of this folder: a real nginx on a free loopback port over a folder of its own, and
// a Site beside it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include "entente/effects/site/site.h"
#include "entente/http/client.h"

namespace entente::effects::site {

class TestSite {
 public:
  // Without nginx-light on the machine the test program ends here: there is nothing else to test.
  TestSite();
  ~TestSite();
  TestSite(const TestSite&) = delete;
  TestSite& operator=(const TestSite&) = delete;

  void put(const std::string& name, std::string_view bytes);
  bool has(const std::string& name) const { return std::filesystem::exists(root / name); }
  std::string url(const std::string& path) const { return options.public_base + path; }
  // As a stranger.
  http::ClientResponse get(const std::string& path, const std::string& host = {});
  // A new connector over the same folders, as after a restart.
  std::unique_ptr<Site> reopen(std::function<void(std::string_view)> at_point = {});
  // Lines of this effect really carried out under these keys (not "found").
  int done(const std::string& effect, const std::vector<std::string>& keys);

  std::filesystem::path folder;
  std::filesystem::path root;
  SiteOptions options;
  std::unique_ptr<Site> site;
  SystemRandom random;
  SystemClock clock;

 private:
  void start_nginx(std::uint16_t port);

  pid_t nginx_ = 0;
  http::Client client_;
};

inline constexpr const char* kRecord = "https://node.example/record/01J";

}  // namespace entente::effects::site

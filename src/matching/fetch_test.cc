// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/fetch.h"

#include <gtest/gtest.h>

#include <thread>

#include "entente/http/server.h"
#include "entente/media/decode.h"

namespace entente::matching {
namespace {

// A content host on loopback, with everything that may go wrong there.
struct Host {
  http::Router router;
  std::unique_ptr<http::Server> server;
  std::thread thread;
  std::string at;  // host:port

  Host() {
    const auto picture = [](const http::Request&) -> Result<http::Response> {
      return http::bytes_response("picture", "Image/JPEG; q=1");
    };
    const auto to = [](std::string where) {
      return [where](const http::Request&) -> Result<http::Response> {
        http::Response out;
        out.status = 302;
        return out.with("Location", where);
      };
    };
    router.add("GET", "/a.jpg", picture);
    router.add("GET", "/moved", to("/a.jpg"));
    router.add("GET", "/loop", to("/loop"));
    router.add("GET", "/out", to("http://other.example/a.jpg"));
    router.add("GET", "/odd", to("a.jpg"));
    router.add("GET", "/inner", to("//169.254.169.254/latest/meta-data"));
    router.add("GET", "/gone", [](const http::Request&) -> Result<http::Response> {
      return fail(Code::kGone, "gone");
    });
    router.add("GET", "/large", [](const http::Request&) -> Result<http::Response> {
      return http::bytes_response(std::string(media::kMaxInputBytes + 1, 'x'), "image/jpeg");
    });
    auto made = http::Server::create(router, {});
    check(made.has_value(), "no server");
    server = *std::move(made);
    thread = std::thread([this] { server->run(); });
    at = "127.0.0.1:" + std::to_string(server->port());
  }
  ~Host() {
    server->stop();
    thread.join();
  }
};

struct FetchTest : testing::Test {
  Host host;
  http::Client client{{true, true}};
  Fetcher fetcher{client, {host.at, "*.cdn.example"}};
  Code refused(const std::string& url) {
    const auto out = fetcher.fetch(url);
    if (out) return Code::kInternal;
    EXPECT_EQ(out.error().field, "url") << url;
    return out.error().code;
  }
};

TEST_F(FetchTest, RefusesHostsThatAreNotOnTheList) {
  for (const char* url :
       {"https://evil.example/a.jpg", "https://cdn.example/a.jpg", "https://evilcdn.example/",
        "https://169.254.169.254/", "http://127.0.0.1/", "https://a.cdn.example.evil.example/"}) {
    EXPECT_EQ(refused(url), Code::kForbidden) << url;
  }
  EXPECT_TRUE(fetcher.allows("a.cdn.example"));
  EXPECT_TRUE(fetcher.allows("a.b.cdn.example"));
  const Fetcher none(client, {});
  EXPECT_FALSE(none.allows("a.cdn.example"));
}

TEST_F(FetchTest, RefusesUrlsThatCanBeReadInTwoWays) {
  for (const std::string& url :
       {std::string("a.jpg"), std::string("ftp://a.cdn.example/"), std::string("https://"),
        std::string("https:///a"), std::string("https://a.cdn.example\\@evil.example/"),
        std::string("https://user@a.cdn.example/"), std::string("https://a.cdn.example/ x"),
        std::string("https://evil.example#@a.cdn.example/").substr(0, 8)}) {
    EXPECT_EQ(refused(url), Code::kInvalid) << url;
  }
  EXPECT_EQ(host_of("https://evil.example#.cdn.example"), "evil.example");
  EXPECT_EQ(host_of("HTTPS://A.CDN.example:443?x"), "a.cdn.example");
}

TEST_F(FetchTest, FollowsRedirectsOnlyWithinTheListAndNotForEver) {
  EXPECT_EQ(refused("http://" + host.at + "/out"), Code::kForbidden);
  EXPECT_EQ(refused("http://" + host.at + "/inner"), Code::kForbidden);
  EXPECT_EQ(refused("http://" + host.at + "/odd"), Code::kInvalid);
  EXPECT_EQ(refused("http://" + host.at + "/loop"), Code::kUnavailable);
  const auto moved = fetcher.fetch("http://" + host.at + "/moved");
  ASSERT_TRUE(moved.has_value()) << to_string(moved.error());
  EXPECT_EQ(moved->bytes, "picture");
  EXPECT_EQ(moved->content_type, "image/jpeg");
}

TEST_F(FetchTest, AnAnswerThatIsNoPictureIsNone) {
  EXPECT_EQ(refused("http://" + host.at + "/gone"), Code::kUnavailable);
  EXPECT_EQ(refused("http://" + host.at + "/large"), Code::kTooLarge);
}

TEST_F(FetchTest, PrivateAddressesStayClosedEvenWhenTheirNameIsOnTheList) {
  http::Client strict({false, true});
  Fetcher listed(strict, {host.at});
  EXPECT_EQ(listed.fetch("http://" + host.at + "/a.jpg").error().code, Code::kForbidden);
}

TEST_F(FetchTest, BeyondItsSeatsItSaysBusyAtOnce) {
  Fetcher nobody(client, {host.at}, 0);
  EXPECT_EQ(nobody.fetch("http://" + host.at + "/a.jpg").error().code, Code::kBusy);
}

}  // namespace
}  // namespace entente::matching

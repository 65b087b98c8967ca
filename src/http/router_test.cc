// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "entente/http/api.h"
#include "entente/http/target.h"

namespace entente::http {
namespace {

Handler nothing() {
  return [](const Request&) -> Result<Response> { return Response{}; };
}

Router router_of(std::initializer_list<std::pair<const char*, const char*>> routes) {
  Router router;
  for (const auto& route : routes) router.add(route.first, route.second, nothing());
  return router;
}

TEST(Router, FindsNothingOnAPathNobodyServes) {
  const Router router = router_of({{"GET", "/v1/acts"}, {"GET", "/v1/acts/{id}"}});
  for (const char* path :
       {"/", "/v1", "/v1/acts/", "/v1/acts/1/2", "/V1/acts", "//", "", "v1/acts"}) {
    const auto match = router.find("GET", path);
    EXPECT_EQ(match.handler, nullptr) << path;
    EXPECT_TRUE(match.allowed.empty()) << path;
  }
}

TEST(Router, SaysWhichMethodsAPathHas) {
  const Router router =
      router_of({{"GET", "/acts/{id}"}, {"DELETE", "/acts/{id}"}, {"POST", "/acts/new"}});
  const auto match = router.find("PUT", "/acts/new");
  EXPECT_EQ(match.handler, nullptr);
  EXPECT_EQ(match.allowed, (std::vector<std::string>{"DELETE", "GET", "HEAD", "OPTIONS", "POST"}));
}

TEST(Router, PrefersLiteralThenOneThenRest) {
  const Router router = router_of({{"GET", "/a/{rest...}"}, {"GET", "/a/{one}"}, {"GET", "/a/b"}});
  EXPECT_EQ(router.find("GET", "/a/b").pattern, "/a/b");
  EXPECT_EQ(router.find("GET", "/a/c").pattern, "/a/{one}");
  EXPECT_EQ(router.find("GET", "/a/b/c").pattern, "/a/{rest...}");
  EXPECT_EQ(router.find("GET", "/a/").pattern, "/a/{rest...}");
  EXPECT_EQ(router.find("GET", "/a").handler, nullptr);
}

TEST(Router, GoesBackWhenASpecificBranchEnds) {
  const Router router = router_of({{"GET", "/a/b/c"}, {"GET", "/a/{x}/d"}, {"GET", "/{all...}"}});
  const auto match = router.find("GET", "/a/b/d");
  EXPECT_EQ(match.pattern, "/a/{x}/d");
  EXPECT_EQ(match.params.at("x"), "b");
  const auto rest = router.find("GET", "/a/b/e");
  EXPECT_EQ(rest.pattern, "/{all...}");
  EXPECT_EQ(rest.params, (std::map<std::string, std::string>{{"all", "a/b/e"}}));
}

TEST(Router, TakesALessSpecificRouteThatHasTheMethod) {
  const Router router = router_of({{"POST", "/a/b"}, {"GET", "/a/{x}"}});
  EXPECT_EQ(router.find("GET", "/a/b").pattern, "/a/{x}");
}

TEST(Router, RunsGetForHeadUnlessHeadIsThere) {
  const Router router = router_of({{"GET", "/a"}, {"GET", "/b"}, {"HEAD", "/b"}, {"POST", "/c"}});
  EXPECT_NE(router.find("HEAD", "/a").handler, nullptr);
  EXPECT_NE(router.find("HEAD", "/b").handler, router.find("GET", "/b").handler);
  EXPECT_EQ(router.find("HEAD", "/c").handler, nullptr);
}

TEST(Router, BoundsTheDepthItWalks) {
  const Router router = router_of({{"GET", "/{all...}"}});
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/a";
  EXPECT_EQ(router.find("GET", deep).handler, nullptr);
}

TEST(Router, ListsItsRoutesSorted) {
  const Router router = router_of({{"POST", "/b"}, {"GET", "/{all...}"}, {"GET", "/b/{id}"}});
  EXPECT_EQ(router.routes(), (std::vector<std::pair<std::string, std::string>>{
                                 {"GET", "/b/{id}"}, {"GET", "/{all...}"}, {"POST", "/b"}}));
}

TEST(RouterDeathTest, AbortsOnARouteThatCannotBeMeant) {
  Router router = router_of({{"GET", "/a/{x}"}});
  EXPECT_DEATH(router.add("GET", "/a/{y}", nothing()), "twice");
  EXPECT_DEATH(router.add("GET", "a", nothing()), "start with");
  EXPECT_DEATH(router.add("GET", "/{x}/{x}", nothing()), "twice");
  EXPECT_DEATH(router.add("GET", "/{x...}/b", nothing()), "last");
  EXPECT_DEATH(router.add("GET", "/{}", nothing()), "without a name");
  EXPECT_DEATH(router.add("GET", "/{x", nothing()), "half a brace");
  EXPECT_DEATH(router.add("GET", "/b", nullptr), "handler");
}

TEST(Target, RefusesWhatTwoLayersCouldReadDifferently) {
  for (const char* raw :
       {"",         "acts",        "http://host",  "http:///x",     "ftp://host/x",
        "host:80",  "/a%00b",      "/a%0ab",       "/a%7f",         "/..",
        "/a/../b",  "/%2e%2e/etc", "/a%2fb",       "/a%2Fb",        "/a%",
        "/a%4",     "/a%zz",       "/a#b",         "/caf\xc3\xa9",  "/%c3%28",
        "/%ff",     "/%c0%af",     "/%ed%a0%80",   "/%f5%80%80%80", "/a?x=%00",
        "/a?x=%g1", "/a?x=1&x=2",  "/a?x=1&%78=2", "/a?x=%ff"}) {
    const auto target = parse_target(raw);
    ASSERT_FALSE(target.has_value()) << raw;
    EXPECT_EQ(target.error().code, Code::kInvalid) << raw;
  }
}

TEST(Target, RefusesMoreQueryNamesThanARouteCouldWant) {
  std::string raw = "/a?";
  for (std::size_t i = 0; i <= kMaxQueryNames; ++i) raw += "n" + std::to_string(i) + "=&";
  EXPECT_FALSE(parse_target(raw).has_value());
}

TEST(Target, DecodesPathAndQuery) {
  const auto target = parse_target("/caf%C3%A9/a+b?q=a+b%2Bc&empty=&flag&x=%F0%9F%98%80");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/café/a+b");
  EXPECT_EQ(target->query, (std::map<std::string, std::string>{
                               {"q", "a b+c"}, {"empty", ""}, {"flag", ""}, {"x", "😀"}}));
}

TEST(Target, TakesTheAbsoluteFormAProxySends) {
  const auto target = parse_target("http://node.example:8080/v1?x=1");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/v1");
  EXPECT_EQ(target->query.at("x"), "1");
}

}  // namespace
}  // namespace entente::http

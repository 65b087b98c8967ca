// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "entente/http/address.h"
#include "entente/http/api.h"
#include "entente/http/wire.h"

namespace entente::http {
namespace {

json::Object body_of(const Response& response) {
  return json::parse_object(response.body).value_or(json::Object{});
}

std::string header_of(const Response& response, std::string_view name) {
  for (const auto& header : response.headers)
    if (header.first == name) return header.second;
  return "(none)";
}

TEST(Problem, CarriesRuleFieldAndMend) {
  const Response out = problem(Error{Code::kRefused, "no reasons", "/reasons", "SG04", "add them"});
  EXPECT_EQ(out.status, 422);
  EXPECT_EQ(header_of(out, "Content-Type"), "application/problem+json");
  const json::Object body = body_of(out);
  EXPECT_EQ(json::text_or(body, "type"), "urn:entente:problem:refused");
  EXPECT_EQ(json::text_or(body, "detail"), "no reasons");
  EXPECT_EQ(json::text_or(body, "field"), "/reasons");
  EXPECT_EQ(json::text_or(body, "rule"), "SG04");
  EXPECT_EQ(json::text_or(body, "mend"), "add them");
  EXPECT_EQ(body.at("status").as_int64(), 422);
}

TEST(Problem, LeavesOutWhatIsEmpty) {
  const json::Object body = body_of(problem(Error{Code::kNotFound, "none", "", "", ""}));
  EXPECT_FALSE(body.contains("field"));
  EXPECT_FALSE(body.contains("rule"));
  EXPECT_FALSE(body.contains("mend"));
}

TEST(Problem, TellsHowToAuthenticateAndWhenToComeBack) {
  EXPECT_NE(header_of(problem(Error{Code::kUnauthorised, "", "", "", ""}), "WWW-Authenticate"),
            "(none)");
  EXPECT_EQ(header_of(problem(Error{Code::kBusy, "", "", "", ""}), "Retry-After"), "1");
  EXPECT_EQ(header_of(problem(Error{Code::kInvalid, "", "", "", ""}), "Retry-After"), "(none)");
}

TEST(JsonBody, WantsJsonAndSaysSo) {
  Request request;
  request.body = R"({"a":1})";
  EXPECT_EQ(json_body(request).error().code, Code::kUnsupported);
  request.headers["content-type"] = "text/plain";
  EXPECT_EQ(json_body(request).error().code, Code::kUnsupported);
  request.headers["content-type"] = "application/jsonp";
  EXPECT_EQ(json_body(request).error().code, Code::kUnsupported);
  request.headers["content-type"] = "Application/JSON ; charset=utf-8";
  EXPECT_TRUE(json_body(request).has_value());
  request.headers["content-type"] = "application/dsse+json";
  EXPECT_TRUE(json_body(request).has_value());
  request.body = "[1]";
  EXPECT_EQ(json_body(request).error().code, Code::kInvalid);
  request.body = "";
  EXPECT_EQ(json_body(request).error().code, Code::kInvalid);
}

TEST(Wire, RefusesAHeaderThatWouldSplitTheAnswer) {
  const WireOptions options{"now", true, false};
  std::string out = "kept";
  for (const char* value : {"a\r\nSet-Cookie: x", "a\nb", "a\x01", "a\x7f"})
    EXPECT_FALSE(append_head(Response{}.with("X-A", value), options, out)) << value;
  for (const char* name : {"", "X A", "X:A", "X\r\nA", "X\xc3\xa9"})
    EXPECT_FALSE(append_head(Response{}.with(name, "v"), options, out)) << name;
  for (const int status : {0, 100, 199, 600, -1}) {
    Response bad;
    bad.status = status;
    EXPECT_FALSE(append_head(bad, options, out)) << status;
  }
  EXPECT_EQ(out, "kept");
}

TEST(Wire, KeepsFramingForItself) {
  Response response = text_response("hello");
  response.with("content-length", "9999")
      .with("Transfer-Encoding", "chunked")
      .with("CONNECTION", "upgrade")
      .with("Server", "x")
      .with("X-Kept", "1");
  std::string out;
  ASSERT_TRUE(append_head(response, {"Sun, 06 Nov 1994 08:49:37 GMT", false, false}, out));
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "X-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: 5\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nX-Kept: 1\r\n\r\n");
}

TEST(Wire, GivesNoLengthToAnAnswerWithoutBody) {
  Response response;
  response.status = 204;
  std::string out;
  ASSERT_TRUE(append_head(response, {"now", true, false}, out));
  EXPECT_EQ(out.find("Content-Length"), out.npos);
}

TEST(Wire, WritesDatesAsRfc9110) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(Wire, KeepsAnEventInItsFrame) {
  EXPECT_EQ(event_frame(7, "act\r\nid: 9", "a\nb\r\nc\rd"),
            "id: 7\nevent: actid: 9\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(event_frame(1, "e", ""), "id: 1\nevent: e\ndata: \n\n");
}

bool is_public(const char* text) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(Address, RefusesEverythingThatIsNotThePublicInternet) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.1.2.3",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.9",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "fc00::1",
                           "fd12::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "2001::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "2002:a00:1::",
                           "3fff::1",
                           "4000::1"})
    EXPECT_FALSE(is_public(text)) << text;
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(local)));
}

TEST(Address, AcceptsNeighboursOfTheRanges) {
  for (const char* text : {"1.1.1.1",     "9.255.255.255",   "11.0.0.0",         "100.63.255.255",
                           "100.128.0.0", "126.255.255.255", "128.0.0.0",        "172.15.255.255",
                           "172.32.0.0",  "192.167.255.255", "192.169.0.0",      "198.17.0.0",
                           "198.20.0.0",  "223.255.255.255", "2001:200::1",      "2606:4700::1111",
                           "2a00::1",     "::ffff:8.8.8.8",  "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(is_public(text)) << text;
}

}  // namespace
}  // namespace entente::http

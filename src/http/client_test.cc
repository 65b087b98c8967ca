// SPDX-License-Identifier: Apache-2.0
#include "entente/http/client.h"

#include <atomic>

#include "entente/http/test_server.h"

namespace entente::http {
namespace {

using std::chrono::milliseconds;

Router far_side() {
  Router router;
  router.add("GET", "/hello", [](const Request& request) -> Result<Response> {
    return text_response("hi " + std::string(request.header("x-from")))
        .with("X-Many", "1")
        .with("X-Many", "2");
  });
  router.add("GET", "/moved", [](const Request&) -> Result<Response> {
    Response out;
    out.status = 302;
    return out.with("Location", "/hello");
  });
  router.add("GET", "/large", [](const Request&) -> Result<Response> {
    return bytes_response(std::string(100'000, 'z'), "application/octet-stream");
  });
  router.add("GET", "/endless", [](const Request&) -> Result<Response> {
    Response out;
    out.event_topic = "never";
    return out;
  });
  router.add("GET", "/long-header", [](const Request&) -> Result<Response> {
    return text_response("x").with("X-Long", std::string(90'000, 'x'));
  });
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"})
    router.add(method, "/echo", [](const Request& request) -> Result<Response> {
      return text_response(request.method + "|" + std::string(request.header("content-type")) +
                           "|" + std::string(request.header("expect")) + "|" + request.body);
    });
  router.add("GET", "/refused",
             [](const Request&) -> Result<Response> { return fail(Code::kRefused, "no"); });
  return router;
}

class ClientTest : public testing::Test {
 protected:
  const Router router_ = far_side();
  RunningServer server_{router_};
  Client client_{{.allow_private_addresses = true, .allow_plain_http = true}};

  ClientRequest to(std::string_view path) {
    ClientRequest out;
    out.url = server_.url(path);
    return out;
  }
};

TEST_F(ClientTest, RefusesPrivateAddressesByDefault) {
  Client careful{{.allow_private_addresses = false, .allow_plain_http = true}};
  const std::string port = ":" + std::to_string(server_.port()) + "/hello";
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
                           "2130706433", "0x7f.1", "017700000001"}) {
    ClientRequest request;
    request.url = "http://" + std::string(host) + port;
    const auto answer = careful.send(request);
    ASSERT_FALSE(answer.has_value()) << host;
    EXPECT_EQ(answer.error().code, Code::kForbidden) << host;
  }
}

TEST_F(ClientTest, RefusesOtherSchemes) {
  Client strict{{.allow_private_addresses = true, .allow_plain_http = false}};
  EXPECT_EQ(strict.send(to("/hello")).error().code, Code::kForbidden);
  for (const char* url :
       {"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "scp://a/b"}) {
    ClientRequest request;
    request.url = url;
    EXPECT_EQ(client_.send(request).error().code, Code::kForbidden) << url;
  }
}

TEST_F(ClientTest, RefusesWhatIsNotARequest) {
  for (const char* url :
       {"", "hello", "/hello", "http://", "http://a b/", "http://user:pw@127.0.0.1/"}) {
    ClientRequest request;
    request.url = url;
    EXPECT_EQ(client_.send(request).error().code, Code::kInvalid) << url;
  }
  ClientRequest split = to("/hello");
  split.headers.emplace_back("X-From", "a\r\nX-Forged: b");
  EXPECT_EQ(client_.send(split).error().code, Code::kInvalid);
  ClientRequest method = to("/hello");
  method.method = "GET / HTTP/1.1\r\nX: y";
  EXPECT_EQ(client_.send(method).error().code, Code::kInvalid);
}

TEST_F(ClientTest, BringsARedirectBackInsteadOfFollowing) {
  const auto answer = client_.send(to("/moved"));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->headers.at("location"), std::vector<std::string>{"/hello"});
}

TEST_F(ClientTest, StopsAtAnAnswerThatIsTooLarge) {
  ClientRequest request = to("/large");
  request.max_body = 99'999;
  EXPECT_EQ(client_.send(request).error().code, Code::kTooLarge);
  request.max_body = 100'000;
  EXPECT_EQ(client_.send(request)->body.size(), 100'000U);
  EXPECT_EQ(client_.send(to("/long-header")).error().code, Code::kTooLarge);
}

TEST_F(ClientTest, GivesUpAfterTheTimeout) {
  ClientRequest request = to("/endless");
  request.timeout = milliseconds(200);
  EXPECT_EQ(client_.send(request).error().code, Code::kTimeout);
}

TEST_F(ClientTest, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const RunningServer gone(router_);
    port = gone.port();
  }
  ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  EXPECT_EQ(client_.send(request).error().code, Code::kUnavailable);
}

TEST_F(ClientTest, DoesNotTalkTlsToWhatIsNot) {
  ClientRequest request;
  request.url = "https://127.0.0.1:" + std::to_string(server_.port()) + "/hello";
  EXPECT_EQ(client_.send(request).error().code, Code::kUnavailable);
}

TEST_F(ClientTest, SendsWhatItWasGivenAndNothingOfItsOwn) {
  ClientRequest get_request = to("/hello");
  get_request.headers.emplace_back("X-From", "judge");
  const auto got = client_.send(get_request);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "hi judge");
  EXPECT_EQ(got->headers.at("x-many"), (std::vector<std::string>{"1", "2"}));

  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    ClientRequest request = to("/echo");
    request.method = method;
    request.body = std::string("a\0b", 3) + std::string(5'000, 'c');
    EXPECT_EQ(client_.send(request)->body, std::string(method) + "|||" + request.body);
    request.body.clear();
    request.headers.emplace_back("Content-Type", "application/json");
    EXPECT_EQ(client_.send(request)->body, std::string(method) + "|application/json||");
  }
}

TEST_F(ClientTest, BringsErrorsOfTheOtherSideAsAnswers) {
  const auto answer = client_.send(to("/refused"));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 422);
}

TEST_F(ClientTest, AsksForAHeadWithoutWaitingForABody) {
  ClientRequest request = to("/hello");
  request.method = "HEAD";
  const auto answer = client_.send(request);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "");
}

TEST_F(ClientTest, ServesManyThreadsAndReusesConnections) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto answer = client_.send(to("/hello"));
        if (answer && answer->status == 200) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

// Only one connection is allowed: a second request arrives because it uses the first one's.
TEST(ClientConnections, AreReused) {
  const Router router = far_side();
  ServerLimits limits;
  limits.max_connections_per_ip = 1;
  const RunningServer server(router, limits);
  Client client{{.allow_private_addresses = true, .allow_plain_http = true}};
  ClientRequest request;
  request.url = server.url("/hello");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client.send(request).has_value()) << i;
}

}  // namespace
}  // namespace entente::http

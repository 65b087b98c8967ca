// SPDX-License-Identifier: Apache-2.0
//
// What the server says on the wire, and how it ends.
#include "entente/http/server.h"

#include <atomic>
#include <stdexcept>

#include "entente/http/test_server.h"

namespace entente::http {
namespace {

Router echo_router() {
  Router router;
  router.add("GET", "/hello",
             [](const Request&) -> Result<Response> { return text_response("hi"); });
  router.add("GET", "/acts/{id}", [](const Request& request) -> Result<Response> {
    return text_response(std::string(request.param("id")) + "|" +
                         request.query_if("q").value_or("-") + "|" +
                         std::string(request.header("x-two")) + "|" + request.peer);
  });
  router.add("POST", "/echo",
             [](const Request& request) -> Result<Response> { return text_response(request.body); },
             {.max_body = 64 << 10, .pool = Pool::kCpu});
  router.add("GET", "/refused", [](const Request&) -> Result<Response> {
    return fail(Error{Code::kRefused, "no reasons", "/reasons", "SG04", ""});
  });
  router.add("GET", "/throws", [](const Request&) -> Result<Response> {
    throw std::runtime_error("table secret_sources");
  });
  router.add("GET", "/throws-int", [](const Request&) -> Result<Response> { throw 7; });
  router.add("GET", "/splits", [](const Request&) -> Result<Response> {
    return text_response("x").with("X-A", "1\r\nSet-Cookie: stolen=1");
  });
  router.add("GET", "/large", [](const Request&) -> Result<Response> {
    return bytes_response(std::string(3 << 20, 'z'), "application/octet-stream");
  });
  return router;
}

class ServerTest : public testing::Test {
 protected:
  const Router router_ = echo_router();
  RunningServer server_{router_};

  RawAnswer ask(std::string_view request) {
    RawSocket socket(server_.port());
    socket.send(request);
    return socket.answer(request.starts_with("HEAD"));
  }
};

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  EXPECT_EQ(
      ask("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS hello on a plain port\r\n\r\n").status,
      400);
  EXPECT_EQ(ask("GET\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/2.0\r\nHost: a\r\n\r\n").status, 505);
  EXPECT_EQ(ask("G(T /hello HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\nHost : a\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n").status, 400);
}

TEST_F(ServerTest, RefusesWhatCouldSmuggleASecondRequest) {
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  for (const char* framing :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999999999999999\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        "Host: b\r\nContent-Length: 0\r\n\r\n"}) {
    const RawAnswer answer = ask(post + framing);
    EXPECT_EQ(answer.status, 400) << framing;
    EXPECT_EQ(answer.header("Connection"), "close") << framing;
  }
  EXPECT_EQ(ask(post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n").status, 501);
  EXPECT_EQ(ask(post + "Transfer-Encoding: gzip\r\n\r\n").status, 501);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status, 400);
}

TEST_F(ServerTest, NeverShowsTrailersToAHandler) {
  const RawAnswer answer =
      ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\n0\r\nAuthorization: forged\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
}

TEST_F(ServerTest, RefusesAHostileTarget) {
  for (const char* target :
       {"/acts/..%2f..", "/acts/../hello", "/acts/a%00", "/acts/%zz", "/hello?a=1&a=2"})
    EXPECT_EQ(ask(get(target)).status, 400) << target;
}

TEST_F(ServerTest, AnswersUnknownPathsAndMethods) {
  const RawAnswer missing = ask(get("/nowhere"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Content-Type"), "application/problem+json");
  const RawAnswer wrong = ask("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
  const RawAnswer options = ask("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "OPTIONS, POST");
  EXPECT_EQ(ask("OPTIONS /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status, 204);
}

TEST_F(ServerTest, TurnsErrorsIntoProblems) {
  const RawAnswer answer = ask(get("/refused"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_NE(answer.body.find("\"urn:entente:problem:refused\""), answer.body.npos);
  EXPECT_NE(answer.body.find("SG04"), answer.body.npos);
}

TEST_F(ServerTest, KeepsTheTextOfAnExceptionForTheLog) {
  testing::internal::CaptureStderr();
  const RawAnswer answer = ask(get("/throws"));
  EXPECT_EQ(ask(get("/throws-int")).status, 500);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("secret_sources"), std::string::npos);
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ((answer.head + answer.body).find("secret_sources"), std::string::npos);
  EXPECT_EQ(ask(get("/hello")).status, 200);
}

TEST_F(ServerTest, DoesNotSendAHeaderThatSplitsTheAnswer) {
  const RawAnswer answer = ask(get("/splits"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.head.find("stolen"), std::string::npos);
}

TEST_F(ServerTest, PutsTheSameHeadersOnEveryAnswer) {
  for (const std::string& request :
       {get("/hello"), get("/nowhere"), std::string("nonsense\r\n\r\n")}) {
    const RawAnswer answer = ask(request);
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.header("Date").size(), 29U);
    EXPECT_EQ(answer.header("Server"), "(none)");
  }
}

TEST_F(ServerTest, GivesHandlersTheDecodedRequest) {
  const RawAnswer answer =
      ask("GET http://node.example/acts/a%20b?q=x+y HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: "
          "2\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "a b|x y|1, 2|127.0.0.1");
}

TEST_F(ServerTest, AnswersHeadWithoutTheBody) {
  RawSocket socket(server_.port());
  socket.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
  const RawAnswer head = socket.answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "2");
  EXPECT_EQ(socket.answer().body, "hi");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  RawSocket socket(server_.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += get("/acts/" + std::to_string(i));
    requests += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
  }
  socket.send(requests);
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(socket.answer().body.starts_with(std::to_string(i) + "|"));
    EXPECT_EQ(socket.answer().body, "ok");
  }
}

TEST_F(ServerTest, ReadsABodyInPiecesAndChunks) {
  RawSocket socket(server_.port());
  socket.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string wanted;
  for (int i = 0; i < 300; ++i) {
    socket.send("4;ext=1\r\nabcd\r\n");
    wanted += "abcd";
  }
  socket.send("0\r\n\r\n");
  EXPECT_EQ(socket.answer().body, wanted);
  socket.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
  socket.send(std::string(65536, 'q'));
  EXPECT_EQ(socket.answer().body, std::string(65536, 'q'));
}

TEST_F(ServerTest, SaysContinueOnlyToABodyItWants) {
  RawSocket socket(server_.port());
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
  socket.send(post + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(socket.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("hello");
  EXPECT_EQ(socket.answer().body, "hello");
  EXPECT_EQ(ask(post + "Content-Length: 999999\r\n\r\n").status, 413);
  EXPECT_EQ(ask("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n").status, 417);
}

TEST_F(ServerTest, KeepsOrClosesTheConnectionAsAsked) {
  RawSocket kept(server_.port());
  for (int i = 0; i < 3; ++i) {
    kept.send(get("/hello"));
    EXPECT_EQ(kept.answer().header("Connection"), "(none)");
  }
  kept.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(kept.answer().header("Connection"), "close");
  EXPECT_TRUE(kept.ended());
  RawSocket old(server_.port());
  old.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.answer().status, 200);
  EXPECT_TRUE(old.ended());
}

TEST_F(ServerTest, SendsALargeAnswerWhole) {
  RawSocket socket(server_.port());
  for (int i = 0; i < 2; ++i) {
    socket.send(get("/large"));
    EXPECT_EQ(socket.answer().body, std::string(3 << 20, 'z'));
  }
}

TEST_F(ServerTest, SurvivesClientsThatLeave) {
  for (int i = 0; i < 20; ++i) {
    RawSocket(server_.port()).send("GET /la");
    RawSocket(server_.port()).send(get("/large"));
    RawSocket(server_.port())
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nab");
  }
  EXPECT_EQ(ask(get("/hello")).status, 200);
}

TEST(ServerCreate, RefusesAnAddressThatIsTakenOrNone) {
  const Router router;
  const RunningServer first(router);
  ServerOptions options;
  options.port = first.port();
  EXPECT_EQ(Server::create(router, options).error().code, Code::kUnavailable);
  options.address = "not an address";
  EXPECT_EQ(Server::create(router, options).error().code, Code::kInvalid);
}

TEST(ServerStop, LetsARequestFinishAndTakesNoOther) {
  Gate entered;
  Gate leave;
  Router router;
  router.add("GET", "/slow", [&](const Request&) -> Result<Response> {
    entered.open();
    leave.wait();
    return text_response("done");
  });
  RunningServer server(router);  // ends after the sockets, or it would linger for them
  RawSocket idle(server.port());
  RawSocket busy(server.port());
  busy.send(get("/slow"));
  entered.wait();
  server->stop();
  EXPECT_TRUE(idle.ended());  // closed by the drain, which also closed the listener before
  EXPECT_FALSE(RawSocket(server.port()).connected());
  leave.open();
  const RawAnswer answer = busy.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(busy.ended());
}

TEST(ServerStop, DoesNotWaitForEverForAHandler) {
  Gate entered;
  Gate leave;
  Router router;
  router.add("GET", "/stuck", [&](const Request&) -> Result<Response> {
    entered.open();
    leave.wait();
    return Response{};
  });
  ServerLimits limits;
  limits.drain_time = std::chrono::seconds(0);
  {
    RunningServer server(router, limits);
    RawSocket busy(server.port());
    busy.send(get("/stuck"));
    entered.wait();
    server.stop();  // returns although the handler has not
    EXPECT_TRUE(busy.ended());
    EXPECT_EQ(busy.pending(), "");
    leave.open();
  }
}

TEST(ServerStop, MayComeBeforeRunOrTwice) {
  const Router router;
  auto server = Server::create(router, {});
  ASSERT_TRUE(server.has_value());
  (*server)->stop();
  (*server)->stop();
  (*server)->run();
  (*server)->stop();
}

}  // namespace
}  // namespace entente::http

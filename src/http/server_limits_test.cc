// SPDX-License-Identifier: Apache-2.0
//
// One hostile client per limit.
#include <atomic>
#include <chrono>
#include <vector>

#include "entente/http/server.h"
#include "entente/http/test_server.h"

namespace entente::http {
namespace {

using std::chrono::seconds;

Router plain_router() {
  Router router;
  router.add("GET", "/hello",
             [](const Request&) -> Result<Response> { return text_response("hi"); });
  router.add("POST", "/small",
             [](const Request& request) -> Result<Response> {
               return text_response(std::to_string(request.body.size()));
             },
             {.max_body = 1000});
  router.add("GET", "/page", [](const Request&) -> Result<Response> {
    return bytes_response(std::string(60'000, 'z'), "application/octet-stream");
  });
  return router;
}

// Feeds `piece` until the server cuts the connection; the server has to do it, the loop is only
// bounded.
bool dribble_until_cut(RawSocket& socket, std::string_view piece) {
  for (int i = 0; i < 200; ++i) {
    if (!socket.send(piece)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

TEST(Limits, TooLargeHeaderIsRefused) {
  const Router router = plain_router();
  const RunningServer server(router);
  RawSocket one(server.port());
  one.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(one.answer().status, 431);
  EXPECT_TRUE(one.ended());
  RawSocket line(server.port());
  line.send("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(line.answer().status, 431);
}

// Beast counts only what it has not consumed yet: it would take these 18 KiB, of which the first
// packet's are gone.
TEST(Limits, HeaderIsCountedAsAWhole) {
  const Router router = plain_router();
  const RunningServer server(router);
  std::string request = "GET /hello HTTP/1.1\r\nHost: a\r\n";
  while (request.size() < 18 * 1024) request += "X-Line: " + std::string(90, 'x') + "\r\n";
  RawSocket socket(server.port());
  socket.send(request + "\r\n");
  EXPECT_EQ(socket.answer().status, 431);
}

TEST(Limits, HeaderClockIsNotMovedByDribbledBytes) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.header_time = seconds(1);
  const RunningServer server(router, limits);
  RawSocket socket(server.port());
  socket.send("GET /hello HTTP/1.1\r\nHost: a\r\n");
  EXPECT_TRUE(dribble_until_cut(socket, "X"));
}

TEST(Limits, BodyMustEndInTime) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.body_time = seconds(1);
  const RunningServer server(router, limits);
  RawSocket socket(server.port());
  socket.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n");
  EXPECT_TRUE(dribble_until_cut(socket, "x"));
}

TEST(Limits, IdleConnectionEnds) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.idle_time = seconds(1);
  const RunningServer server(router, limits);
  RawSocket never_spoke(server.port());
  RawSocket spoke(server.port());
  spoke.send(get("/hello"));
  EXPECT_EQ(spoke.answer().status, 200);
  EXPECT_TRUE(spoke.ended());
  EXPECT_TRUE(never_spoke.ended());
}

TEST(Limits, BodyBeyondTheRouteIsRefusedBeforeItIsRead) {
  const Router router = plain_router();
  const RunningServer server(router);
  RawSocket declared(server.port());
  declared.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  const RawAnswer answer = declared.answer();  // no byte of the body was sent
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.header("Connection"), "close");

  RawSocket chunked(server.port());
  chunked.send("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  chunked.send("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n");
  EXPECT_EQ(chunked.answer().status, 413);

  RawSocket promised(server.port());
  promised.send(
      "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n");
  EXPECT_EQ(promised.answer().status, 413);

  RawSocket fits(server.port());
  fits.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" +
            std::string(1000, 'x'));
  EXPECT_EQ(fits.answer().body, "1000");
}

TEST(Limits, RefusalReachesAClientThatGoesOnSending) {
  const Router router = plain_router();
  const RunningServer server(router);
  RawSocket socket(server.port());
  socket.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
  EXPECT_EQ(socket.answer().status, 413);
  EXPECT_TRUE(socket.ended());  // the server has said all; it must still listen
  // A reset, which may destroy an answer that is not read yet, would end this.
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(socket.send(std::string(10'000, 'x'))) << i;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Limits, RefusalReachesAClientWhoseLargeBodyIsALittleTooLarge) {
  constexpr std::size_t kLimit = 4 << 20;
  Router router;
  router.add("POST", "/large",
             [](const Request&) -> Result<Response> { return text_response("taken"); },
             {.max_body = kLimit});
  const RunningServer server(router);
  RawSocket socket(server.port());
  socket.send("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n");
  EXPECT_EQ(socket.answer().status, 413);
  EXPECT_TRUE(socket.ended());
  const std::string piece(64 << 10, 'x');
  for (std::size_t sent = 0; sent < kLimit; sent += piece.size())
    ASSERT_TRUE(socket.send(piece)) << sent;
}

TEST(Limits, EndlessChunkExtensionIsRefused) {
  const Router router = plain_router();
  const RunningServer server(router);
  RawSocket socket(server.port());
  socket.send("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=");
  socket.send(std::string(200'000, 'x'));
  EXPECT_EQ(socket.answer().status, 400);
}

// True once a new connection is served: at most one is allowed, so the one before must have gone.
bool place_is_free(std::uint16_t port) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    RawSocket again(port);
    if (again.send(get("/hello")) && again.answer().status == 200) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Limits, SlowReaderIsCut) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.write_time = seconds(1);
  limits.max_connections_per_ip = 1;
  const RunningServer server(router, limits);
  RawSocket socket(server.port(), 4096);
  std::string requests;
  for (int i = 0; i < 400; ++i) requests += get("/page");  // 24 MB: more than the kernel takes
  socket.send(requests);
  EXPECT_TRUE(place_is_free(server.port()));
}

TEST(Limits, FloodOfConnectionsIsCapped) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.max_connections_per_ip = 64;
  const RunningServer server(router, limits);
  std::vector<RawSocket> flood;
  for (int i = 0; i < 1000; ++i) flood.emplace_back(server.port());
  int served = 0;
  for (RawSocket& socket : flood)
    if (socket.send(get("/hello")) && socket.answer().status == 200) ++served;
  EXPECT_EQ(served, 64);
  flood.clear();
  EXPECT_TRUE(place_is_free(server.port())) << "closed connections still count";
}

TEST(Limits, AllAddressesTogetherAreCappedToo) {
  const Router router = plain_router();
  ServerLimits limits;
  limits.max_connections = 3;
  const RunningServer server(router, limits);
  std::vector<RawSocket> sockets;
  int served = 0;
  for (int i = 0; i < 10; ++i) {
    sockets.emplace_back(server.port());
    if (sockets.back().send(get("/hello")) && sockets.back().answer().status == 200) ++served;
  }
  EXPECT_EQ(served, 3);
}

// One worker, held; a queue of one, filled: the next is refused without its body, while the other
// pool still works.
TEST(Limits, FullQueueRefusesBeforeTheBodyAndSparesTheOtherPool) {
  Gate entered;
  Gate leave;
  Router router = plain_router();
  router.add("GET", "/hold", [&](const Request&) -> Result<Response> {
    entered.open();
    leave.wait();
    return text_response("held");
  });
  router.add("GET", "/cpu", [](const Request&) -> Result<Response> { return text_response("cpu"); },
             {.max_body = 0, .pool = Pool::kCpu});
  ServerLimits limits;
  limits.db_workers = 1;
  limits.max_queued = 1;
  const RunningServer server(router, limits);
  RawSocket running(server.port());
  running.send(get("/hold"));
  entered.wait();
  RawSocket waiting(server.port());
  waiting.send(get("/hello"));
  // The I/O thread takes sockets in the order they spoke: once this one is answered, `waiting` is
  // in the queue.
  RawSocket cpu(server.port());
  cpu.send(get("/cpu"));
  EXPECT_EQ(cpu.answer().body, "cpu");
  RawSocket refused(server.port());
  refused.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const RawAnswer answer = refused.answer();  // although no byte of the body came
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(answer.header("Connection"), "close");
  // Without a body to skip, the connection stays usable.
  RawSocket kept(server.port());
  kept.send(get("/hello"));
  EXPECT_EQ(kept.answer().status, 503);
  leave.open();
  EXPECT_EQ(running.answer().body, "held");
  EXPECT_EQ(waiting.answer().body, "hi");
  kept.send(get("/hello"));
  EXPECT_EQ(kept.answer().body, "hi");
}

}  // namespace
}  // namespace entente::http

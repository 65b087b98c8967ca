// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include "entente/http/server.h"
#include "entente/http/test_server.h"

namespace entente::http {
namespace {

Router stream_router() {
  Router router;
  router.add("GET", "/events/{topic}", [](const Request& request) -> Result<Response> {
    Response out;
    out.event_topic = std::string(request.param("topic"));
    return out.with("X-Last", std::string(request.header("last-event-id")));
  });
  router.add("GET", "/hello",
             [](const Request&) -> Result<Response> { return text_response("hi"); });
  return router;
}

// Opens a stream and returns once it is subscribed.
RawSocket subscribe(std::uint16_t port, const std::string& topic, int receive_buffer = 0) {
  RawSocket socket(port, receive_buffer);
  socket.send(get("/events/" + topic));
  const std::string head = socket.until("retry: 2000\n\n");
  EXPECT_NE(head.find("HTTP/1.1 200 OK\r\n"), head.npos);
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), head.npos);
  EXPECT_EQ(head.find("Content-Length"), head.npos);
  return socket;
}

TEST(Events, ReachEverySubscriberOfTheTopicAndNobodyElse) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket one = subscribe(server.port(), "acts");
  RawSocket two = subscribe(server.port(), "acts");
  RawSocket other = subscribe(server.port(), "alerts");
  server->events().publish("acts", "step", "{\"act\":1}");
  server->events().publish("nobody", "step", "lost");
  server->events().publish("alerts", "alert", "line one\nline two");
  EXPECT_EQ(one.until("\n\n"), "id: 1\nevent: step\ndata: {\"act\":1}\n\n");
  EXPECT_EQ(two.until("\n\n"), "id: 1\nevent: step\ndata: {\"act\":1}\n\n");
  EXPECT_EQ(other.until("\n\n"), "id: 3\nevent: alert\ndata: line one\ndata: line two\n\n");
}

TEST(Events, KeepTheirOrder) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket socket = subscribe(server.port(), "acts");
  for (int i = 1; i <= 200; ++i) server->events().publish("acts", "step", std::to_string(i));
  for (int i = 1; i <= 200; ++i) {
    const std::string n = std::to_string(i);
    EXPECT_EQ(socket.until("\n\n"), "id: " + n + "\nevent: step\ndata: " + n + "\n\n");
  }
}

// The slow one is cut; neither the publisher nor the quick one waits for it.
TEST(Events, SlowSubscriberOverflowsAndIsCut) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket slow = subscribe(server.port(), "acts", 4096);
  RawSocket quick = subscribe(server.port(), "acts");
  const std::string data(64 * 1024, 'x');
  const int published = static_cast<int>(EventHub::kMaxPending) + 200;
  for (int i = 0; i < published; ++i) {
    server->events().publish("acts", "step", data);
    EXPECT_FALSE(quick.until("\n\n").empty()) << i;
  }
  int received = 0;
  while (!slow.until("\n\n").empty()) ++received;
  EXPECT_LT(received, published);
  EXPECT_TRUE(slow.ended());
}

TEST(Events, QuietStreamGetsAHeartbeat) {
  const Router router = stream_router();
  ServerLimits limits;
  limits.event_heartbeat = std::chrono::seconds(1);
  limits.write_time =
      std::chrono::seconds(1);  // must not cut a stream that only has nothing to say
  RunningServer server(router, limits);
  RawSocket socket = subscribe(server.port(), "acts");
  EXPECT_EQ(socket.until("\n\n"), ":\n\n");
  EXPECT_EQ(socket.until("\n\n"), ":\n\n");  // the first write's deadline has passed
}

TEST(Events, EndWithTheServer) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket socket = subscribe(server.port(), "acts");
  server->stop();
  EXPECT_TRUE(socket.ended());
  server.join();
  server->events().publish("acts", "step", "after the end");
}

TEST(Events, ForgetASubscriberThatLeft) {
  const Router router = stream_router();
  ServerLimits limits;
  limits.max_connections_per_ip = 1;
  RunningServer server(router, limits);
  { const RawSocket gone = subscribe(server.port(), "acts"); }
  for (int attempt = 0; attempt < 500; ++attempt) {
    server->events().publish("acts", "step", "x");
    RawSocket next(server.port());
    if (next.send(get("/hello")) && next.answer().status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "the place of a subscriber that left never came back";
}

TEST(Events, HeadLearnsTheTypeAndNoMore) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket socket(server.port());
  socket.send("HEAD /events/acts HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
  EXPECT_EQ(socket.answer(true).header("Content-Type"), "text/event-stream");
  EXPECT_EQ(socket.answer().body, "hi");
}

TEST(Events, SurvivePublishersInManyThreads) {
  const Router router = stream_router();
  RunningServer server(router);
  RawSocket socket = subscribe(server.port(), "acts");
  std::vector<std::thread> publishers;
  for (int t = 0; t < 4; ++t)
    publishers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) server->events().publish("acts", "step", "x");
    });
  for (std::thread& thread : publishers) thread.join();
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(socket.until("\n\n").empty()) << i;
}

}  // namespace
}  // namespace entente::http

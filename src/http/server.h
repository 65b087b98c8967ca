// SPDX-License-Identifier: Apache-2.0
//
// The HTTP/1.1 server: Boost.Asio and Beast behind a plain interface. One I/O thread, two bounded
// worker pools.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "entente/core/error.h"
#include "entente/http/api.h"

namespace entente::http {

// Every limit has a name, a default and a reason.
struct ServerLimits {
  std::size_t max_header_bytes = 16 * 1024;  // ours are small; a larger one is an attack
  std::size_t max_connections = 2048;        // bounds memory: about 20 KiB each
  std::size_t max_connections_per_ip = 256;  // one peer cannot take them all (loopback counts too)
  std::size_t max_queued = 512;  // jobs waiting for a worker; beyond: 503 before the body is read
  std::chrono::seconds header_time{
      10};                              // from the first byte of a request to the end of its header
  std::chrono::seconds body_time{30};   // the body must end within this
  std::chrono::seconds idle_time{60};   // keep-alive between requests
  std::chrono::seconds write_time{30};  // a slow reader is cut
  std::chrono::seconds drain_time{10};  // SIGTERM: in-flight requests get this long
  std::chrono::seconds event_heartbeat{
      15};  // comment on a quiet event stream, below the proxies' usual 30 s
  unsigned db_workers = 4;
  unsigned cpu_workers = 2;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free port, see Server::port()
  ServerLimits limits;
};

class Server {
 public:
  // Binds at once: kUnavailable when the address is taken. `router` must outlive the server.
  static Result<std::unique_ptr<Server>> create(const Router& router, ServerOptions options);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  virtual EventHub& events() = 0;
  // Serves until stop(); call from one thread, once. stop() may be called from any thread or a
  // signal-waiting thread: it refuses new connections, ends idle ones and event streams, and lets
  // requests in flight finish for drain_time. A handler cannot be interrupted: the destructor waits
  // for those that still run, and drops those that wait.
  virtual void run() = 0;
  virtual void stop() = 0;
};

}  // namespace entente::http

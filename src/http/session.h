// SPDX-License-Identifier: Apache-2.0
//
// One connection of the HTTP/1.1 server, as callbacks on the I/O thread. Included by server.cc
// alone: the only unit that sees Asio and Beast. A template on the stream, so that TLS is one more
// instantiation.
//
// Life of a connection:
//
//   idle ─first byte▶ header ─▶ body ─▶ handling (worker pool) ─▶ writing ─▶ idle …
//                        │        │          └─ event topic ─▶ events ─▶ closed
//                        └────────┴─ refused early ─▶ writing ─▶ lingering ─▶ closed
//
// Nothing is read while a request is handled or answered, so pipelined requests wait their turn in
// the kernel. Beast's parser is driven by hand: its own header limit forgets the fields it has
// consumed, ours counts the bytes of the whole header. Each state sets one coarse deadline; the
// server's ticker closes who passed it.
//
// Threads: all on the I/O thread, but run_handler(), which runs on a worker while nothing else
// touches request_ and response_.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "entente/core/log.h"
#include "entente/http/api.h"
#include "entente/http/server.h"
#include "entente/http/target.h"
#include "entente/http/wire.h"
#include "entente/http/worker_pool.h"

namespace entente::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using ErrorCode = boost::system::error_code;
// The concrete executor instead of any_io_executor: half of the engine's speed.
using IoExecutor = asio::io_context::executor_type;
using Tcp = asio::ip::tcp;
using TcpSocket = asio::basic_stream_socket<Tcp, IoExecutor>;
using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;
using Frame = std::shared_ptr<const std::string>;

inline constexpr std::size_t kReadChunk = std::size_t{16} * 1024;  // one TLS record, one page run
inline constexpr std::size_t kMaxChunkHeader =
    16 * 1024;  // chunk extensions and trailers mean nothing to us
inline constexpr std::size_t kJoinBelow =
    64 * 1024;  // smaller bodies are copied behind the head: one buffer
inline constexpr std::size_t kMinWriteRate =
    128 * 1024;  // bytes/s a reader must take of a large body
// Swallowed of a refused body, beyond the route's limit, so that the answer arrives.
inline constexpr std::size_t kMaxLingerBytes = std::size_t{1024} * 1024;
inline constexpr std::chrono::seconds kLingerTime{2};

// A body that grows with what arrived, never with what Content-Length promises.
struct ReceivedBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(bhttp::header<IsRequest, Fields>&, std::string& body) : body_(body) {}
    template <class Length>
    void init(const Length&, ErrorCode& ec) {
      ec = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, ErrorCode& ec) {
      ec = {};
      std::size_t n = 0;
      for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers);
           ++it) {
        const asio::const_buffer piece(*it);
        body_.append(static_cast<const char*>(piece.data()), piece.size());
        n += piece.size();
      }
      return n;
    }
    void finish(ErrorCode& ec) { ec = {}; }

   private:
    std::string& body_;
  };
};

class SessionBase;

// What a connection sees of its server. I/O thread only.
class SessionHost {
 public:
  virtual const Router& router() const = 0;
  virtual const ServerLimits& limits() const = 0;
  virtual WorkerPool& pool(Pool which) = 0;
  virtual const std::string& date() const = 0;
  virtual bool draining() const = 0;
  virtual asio::io_context& io() = 0;
  virtual void subscribe(const std::string& topic, SessionBase& session) = 0;
  virtual void unsubscribe(const std::string& topic, SessionBase& session) = 0;
  virtual void remove(SessionBase& session) = 0;

 protected:
  ~SessionHost() = default;
};

class SessionBase : public std::enable_shared_from_this<SessionBase> {
 public:
  virtual ~SessionBase() = default;
  virtual void start() = 0;
  virtual void tick(Deadline now) = 0;
  virtual void begin_drain() = 0;
  virtual void deliver(const Frame& frame) = 0;
  virtual void close() = 0;

  std::size_t slot = 0;     // its place in the server's list
  std::string address_key;  // what max_connections_per_ip counts by
};

template <class Stream>
class Session final : public SessionBase {
 public:
  Session(SessionHost& host, Stream stream, std::string peer)
      : host_(host), stream_(std::move(stream)), peer_(std::move(peer)) {}

  void start() override { next_request(); }
  void tick(Deadline now) override;
  void begin_drain() override;
  void deliver(const Frame& frame) override;
  void close() override;

 private:
  enum class State : std::uint8_t {
    kIdle,
    kHeader,
    kBody,
    kHandling,
    kWriting,
    kEvents,
    kLingering,
    kClosed
  };
  using Parser = bhttp::request_parser<ReceivedBody>;

  // Reading.
  void next_request();
  void advance();
  void read_some();
  void on_read(ErrorCode ec, std::size_t n);
  bool header_too_large(const ErrorCode& ec) const;
  void on_malformed(const ErrorCode& ec);
  void on_header();
  void take_header();
  std::optional<Response> refusal_of_form() const;
  std::optional<Response> refusal_by_route();
  void read_body();
  // Handling.
  void dispatch();
  void run_handler() noexcept;
  // Answering.
  void answer(Response response);
  void write_response();
  void on_written(ErrorCode ec);
  void linger();
  // Server-sent events.
  void start_events();
  void watch_peer();
  void flush_events();

  std::shared_ptr<Session> self() { return std::static_pointer_cast<Session>(shared_from_this()); }
  bool closed() const { return state_ == State::kClosed; }
  void enter(State state, std::chrono::seconds time) {
    state_ = state;
    deadline_ = SteadyClock::now() + time;
  }
  void enter(State state) {
    state_ = state;
    deadline_ = Deadline::max();
  }

  SessionHost& host_;
  Stream stream_;
  std::string peer_;
  State state_ = State::kIdle;
  Deadline deadline_ = Deadline::max();
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::size_t header_bytes_ = 0;
  bool keep_alive_ = true;
  Deadline started_;
  Request request_;
  Router::Match route_;
  Response response_;
  std::string out_;  // reused for each answer
  std::size_t swallowed_ = 0;
  // Server-sent events.
  std::optional<std::string> topic_;
  std::deque<Frame> outbox_;
  std::size_t in_flight_ = 0;  // events in out_, being written
  bool writing_ = false;
  Deadline next_heartbeat_ = Deadline::max();
};

}  // namespace entente::http

#include "entente/http/session_impl.h"

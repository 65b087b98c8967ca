// SPDX-License-Identifier: Apache-2.0
//
// HTTP as values. Handlers are plain synchronous functions from Request to Response that run on a
// bounded worker pool; nothing here mentions Asio. The engine (server.h) owns sockets, limits and
// time; handlers own meaning.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "entente/core/error.h"
#include "entente/json/json.h"

namespace entente::http {

struct Request {
  std::string method;  // upper case
  std::string path;    // percent-decoded, without the query; never contains ".." or NUL
  std::string target;  // as received
  std::map<std::string, std::string> query;  // percent-decoded; a repeated name is refused with 400
  std::map<std::string, std::string> params;  // from the route pattern: "/v1/acts/{id}"
  std::map<std::string, std::string>
      headers;  // names in lower case; repeated values joined by ", "
  std::string body;
  std::string peer;  // IP address of the other side

  std::string_view header(std::string_view lower_name) const;
  std::string_view param(std::string_view name) const;
  std::optional<std::string> query_if(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Server-sent events: when set, the connection stays open and follows this topic of the EventHub.
  std::optional<std::string> event_topic;

  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

Response json_response(const json::Value& body, int status = 200);
Response text_response(std::string body, std::string content_type = "text/plain; charset=utf-8",
                       int status = 200);
Response bytes_response(std::string body, std::string content_type);
// RFC 9457:
// {"type":"urn:entente:problem:<code_name>","title","status","detail","field"?,"rule"?,"mend"?} as
// application/problem+json. 401 adds WWW-Authenticate, kBusy adds Retry-After.
Response problem(const Error& error);
int status_of(Code code);
// The body as a JSON object. kUnsupported unless Content-Type is application/json or …+json (which
// also makes a browser ask before it sends one from another site); the parser's faults as kInvalid.
Result<json::Object> json_body(const Request& request);

using Handler = std::function<Result<Response>(const Request&)>;

// Which pool a route runs on: short database work, or hashing and decoding, so that one cannot
// starve the other.
enum class Pool : std::uint8_t { kDb, kCpu };

struct RouteOptions {
  std::size_t max_body = 1 << 20;  // bytes; 413 beyond
  Pool pool = Pool::kDb;
};

// Patterns: literal segments, `{name}` for one segment, and a final `{name...}` for the rest of the
// path. A literal beats `{name}` beats `{name...}`, which also matches nothing ("/files/"). A HEAD
// without a route of its own runs the GET. Lookup cost does not grow with the number of routes.
// Thread-safe once the last route is added.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Registering one pattern and method twice is a bug (aborts).
  void add(std::string_view method, std::string_view pattern, Handler handler,
           RouteOptions options = {});

  struct Match {
    const Handler* handler = nullptr;
    RouteOptions options;
    std::string pattern;
    std::map<std::string, std::string> params;
    std::vector<std::string> allowed;  // when the path exists but not the method: for 405 and Allow
  };
  Match find(std::string_view method, std::string_view path) const;
  // (method, pattern) of every route, sorted: the OpenAPI test compares it with api/openapi.yaml.
  std::vector<std::pair<std::string, std::string>> routes() const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

// Server-sent events. Publishers never block: a slow subscriber overflows its bounded outbox
// (kMaxPending events) and is disconnected; it comes back with Last-Event-ID and reads the list
// anew. A stream is subscribed before its header is sent: who reads the list after the stream
// opened misses nothing. `event` is one word, `data` may have lines. Ids count up from 1 in each
// process. Thread-safe.
class EventHub {
 public:
  static constexpr std::size_t kMaxPending = 256;
  virtual ~EventHub() = default;
  virtual void publish(std::string_view topic, std::string_view event, std::string_view data) = 0;
};

}  // namespace entente::http

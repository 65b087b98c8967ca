// SPDX-License-Identifier: Apache-2.0
//
// The members of Session (session.h), in the order of a request's life.
#pragma once

#include <algorithm>
#include <exception>

#include "entente/http/session.h"

namespace entente::http {

template <class Stream>
void Session<Stream>::next_request() {
  parser_.emplace();
  parser_->eager(false);
  parser_->body_limit(
      boost::none);  // known only after routing; nothing but the header is parsed before
  parser_->header_limit(static_cast<std::uint32_t>(host_.limits().max_header_bytes));
  header_bytes_ = 0;
  request_ = Request{};
  route_ = Router::Match{};
  response_ = Response{};
  if (out_.capacity() > 2 * kJoinBelow) std::string().swap(out_);
  if (buffer_.size() == 0) {
    if (host_.draining()) return close();
    if (buffer_.capacity() > 2 * kReadChunk) buffer_.shrink_to_fit();
    enter(State::kIdle, host_.limits().idle_time);
    return read_some();
  }
  started_ = SteadyClock::now();
  enter(State::kHeader, host_.limits().header_time);
  advance();
}

// Parses what is there and reads on when the message wants more.
template <class Stream>
void Session<Stream>::advance() {
  while (buffer_.size() > 0) {
    ErrorCode ec;
    const std::size_t n = parser_->put(asio::const_buffer(buffer_.data()), ec);
    buffer_.consume(n);
    if (state_ == State::kHeader) {
      header_bytes_ += n;
      if (header_too_large(ec))
        return answer(protocol_problem(431, "header-too-large", "the request header is too large"));
    }
    if (ec == bhttp::error::need_more) break;
    if (ec) return on_malformed(ec);
    if (state_ == State::kHeader && parser_->is_header_done()) return on_header();
    if (parser_->is_done()) return dispatch();
    if (n == 0) break;
  }
  if (state_ == State::kBody && buffer_.size() > kMaxChunkHeader)
    return answer(protocol_problem(400, "malformed", "a chunk header or trailer is too large"));
  read_some();
}

template <class Stream>
bool Session<Stream>::header_too_large(const ErrorCode& ec) const {
  const std::size_t unparsed = parser_->is_header_done() ? 0 : buffer_.size();
  return ec == bhttp::error::header_limit ||
         header_bytes_ + unparsed > host_.limits().max_header_bytes;
}

template <class Stream>
void Session<Stream>::read_some() {
  stream_.async_read_some(buffer_.prepare(state_ == State::kBody ? kReadChunk : kReadChunk / 4),
                          [self = self()](ErrorCode ec, std::size_t n) { self->on_read(ec, n); });
}

template <class Stream>
void Session<Stream>::on_read(ErrorCode ec, std::size_t n) {
  if (closed()) return;
  if (ec) return close();
  buffer_.commit(n);
  if (state_ == State::kIdle) {
    // The header clock starts at the first byte and is not moved by later ones.
    started_ = SteadyClock::now();
    enter(State::kHeader, host_.limits().header_time);
  }
  advance();
}

template <class Stream>
void Session<Stream>::on_malformed(const ErrorCode& ec) {
  keep_alive_ = false;
  if (ec == bhttp::error::body_limit)
    return answer(
        problem(Error{Code::kTooLarge, "the body is too large for this route", "", "",
                      "send at most " + std::to_string(route_.options.max_body) + " bytes"}));
  if (ec == bhttp::error::bad_version)
    return answer(protocol_problem(505, "http-version", "this server speaks HTTP/1.1"));
  answer(protocol_problem(400, "malformed", "this is not a well-formed HTTP/1.1 request"));
}

// Copies the header out of the parser, before the body is read: trailers, which Beast adds to the
// same fields, are never seen.
template <class Stream>
void Session<Stream>::take_header() {
  const auto& message = parser_->get();
  // HTTP/1.0 would need "Connection: keep-alive" in the answer; its few clients can do without.
  keep_alive_ = message.version() == 11 && message.keep_alive();
  request_.method.assign(message.method_string().data(), message.method_string().size());
  request_.target.assign(message.target().data(), message.target().size());
  request_.peer = peer_;
  for (const auto& field : message) {
    std::string name(field.name_string().data(), field.name_string().size());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    std::string& value = request_.headers[name];
    if (!value.empty()) value += ", ";
    value.append(field.value().data(), field.value().size());
  }
}

// What RFC 9112 makes a server refuse, beyond what Beast's parser does: each is a way to smuggle a
// request.
template <class Stream>
std::optional<Response> Session<Stream>::refusal_of_form() const {
  const auto& message = parser_->get();
  const bool http11 = message.version() == 11;
  const auto malformed = [](std::string_view why) {
    return protocol_problem(400, "malformed", why);
  };
  const std::size_t hosts = message.count(bhttp::field::host);
  if (hosts > 1 || (http11 && hosts == 0)) return malformed("exactly one Host header is needed");
  if (message.count(bhttp::field::transfer_encoding) > 0) {
    if (!http11) return malformed("HTTP/1.0 has no Transfer-Encoding");
    if (!beast::iequals(message[bhttp::field::transfer_encoding], "chunked"))
      return protocol_problem(501, "transfer-encoding", "only chunked is understood");
  }
  const auto expect = message[bhttp::field::expect];
  if (http11 && !expect.empty() && !beast::iequals(expect, "100-continue"))
    return protocol_problem(417, "expectation", "only 100-continue is understood");
  return std::nullopt;
}

// Everything that can be refused before the body is read.
template <class Stream>
std::optional<Response> Session<Stream>::refusal_by_route() {
  if (request_.method == "OPTIONS" && request_.target == "*") return Response{204, {}, {}, {}};
  Result<Target> target = parse_target(request_.target);
  if (!target) return problem(target.error());
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  route_ = host_.router().find(request_.method, request_.path);
  if (route_.handler == nullptr) {
    if (route_.allowed.empty())
      return problem(Error{Code::kNotFound, "no such resource", "", "", ""});
    std::string allow;
    for (const std::string& method : route_.allowed) allow += (allow.empty() ? "" : ", ") + method;
    if (request_.method == "OPTIONS") return Response{204, {{"Allow", allow}}, {}, {}};
    return protocol_problem(405, "method-not-allowed", "this resource allows " + allow)
        .with("Allow", allow);
  }
  request_.params = std::move(route_.params);
  const auto length = parser_->content_length();
  if (length && *length > route_.options.max_body)
    return problem(Error{Code::kTooLarge, "the body is too large for this route", "", "",
                         "send at most " + std::to_string(route_.options.max_body) + " bytes"});
  if (host_.pool(route_.options.pool).full())
    return problem(Error{Code::kBusy, "too many requests wait for a worker", "", "", "try again"});
  return std::nullopt;
}

template <class Stream>
void Session<Stream>::on_header() {
  take_header();
  if (std::optional<Response> refusal = refusal_of_form()) {
    keep_alive_ = false;
    return answer(std::move(*refusal));
  }
  if (std::optional<Response> refusal = refusal_by_route()) return answer(std::move(*refusal));
  if (parser_->is_done()) return dispatch();
  read_body();
}

template <class Stream>
void Session<Stream>::read_body() {
  enter(State::kBody, host_.limits().body_time);
  parser_->eager(true);
  parser_->body_limit(route_.options.max_body);
  const bool asks =
      parser_->get().version() == 11 && parser_->get().count(bhttp::field::expect) > 0;
  if (!asks || buffer_.size() > 0) return advance();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue), [self = self()](ErrorCode ec, std::size_t) {
    if (self->closed()) return;
    if (ec) return self->close();
    self->read_some();
  });
}

template <class Stream>
void Session<Stream>::dispatch() {
  request_.body = std::move(parser_->get().body());
  enter(State::kHandling);
  const bool queued = host_.pool(route_.options.pool).submit([self = self()]() mutable {
    self->run_handler();
    asio::io_context& io = self->host_.io();
    // The last reference goes back with the answer: a connection always ends on the I/O thread.
    asio::post(io, [done = std::move(self)] { done->write_response(); });
  });
  if (!queued)
    answer(problem(Error{Code::kBusy, "too many requests wait for a worker", "", "", "try again"}));
}

template <class Stream>
void Session<Stream>::run_handler() noexcept {
  try {
    Result<Response> result = (*route_.handler)(request_);
    response_ = result ? *std::move(result) : problem(result.error());
    return;
  } catch (const std::exception& e) {
    log::error("http.handler_failed", {{"route", route_.pattern}, {"what", e.what()}});
  } catch (...) {
    log::error("http.handler_failed", {{"route", route_.pattern}});
  }
  // What went wrong is for the log alone: an exception's text may name a table, a path or a person.
  response_ =
      problem(Error{Code::kInternal, "an unexpected error; it has been logged", "", "", ""});
}

template <class Stream>
void Session<Stream>::answer(Response response) {
  response_ = std::move(response);
  write_response();
}

template <class Stream>
void Session<Stream>::write_response() {
  if (closed()) return;
  if (host_.draining() || !parser_->is_done()) keep_alive_ = false;
  const bool head = request_.method == "HEAD";
  if (response_.event_topic && !head) return start_events();
  if (response_.event_topic) response_.with("Content-Type", "text/event-stream");
  out_.clear();
  const WireOptions options{host_.date(), keep_alive_, response_.event_topic.has_value()};
  if (!append_head(response_, options, out_)) {
    log::error("http.bad_response", {{"route", route_.pattern}, {"status", response_.status}});
    response_ =
        problem(Error{Code::kInternal, "an unexpected error; it has been logged", "", "", ""});
    append_head(response_, options, out_);
  }
  const bool body = !head && may_have_body(response_.status);
  const bool apart = body && response_.body.size() > kJoinBelow;
  if (body && !apart) out_ += response_.body;
  const std::array<asio::const_buffer, 2> buffers = {
      asio::buffer(out_), apart ? asio::buffer(response_.body) : asio::const_buffer()};
  const std::size_t size = asio::buffer_size(buffers);
  enter(State::kWriting, host_.limits().write_time + std::chrono::seconds(size / kMinWriteRate));
  const auto done = [self = self()](ErrorCode ec, std::size_t) { self->on_written(ec); };
  if (apart) return asio::async_write(stream_, buffers, done);
  asio::async_write(stream_, asio::buffer(out_), done);
}

template <class Stream>
void Session<Stream>::on_written(ErrorCode ec) {
  if (closed()) return;
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - started_);
  // The pattern, not the target: a target may hold what the log must not.
  log::debug("http.request", {{"method", request_.method},
                              {"route", route_.pattern},
                              {"status", response_.status},
                              {"us", took.count()},
                              {"peer", peer_}});
  if (ec) return close();
  if (keep_alive_) return next_request();
  // Closing with unread bytes would reset the connection and destroy the answer on its way: say
  // that we are done, then swallow what still comes until the other side closes too.
  ErrorCode ignored;
  stream_.lowest_layer().shutdown(asio::socket_base::shutdown_send, ignored);
  enter(State::kLingering, kLingerTime);
  linger();
}

template <class Stream>
void Session<Stream>::linger() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kReadChunk),
                          [self = self()](ErrorCode ec, std::size_t n) {
                            if (self->closed()) return;
                            self->swallowed_ += n;
                            // An honest sender a little over the route's limit sends that much.
                            const auto most = self->route_.options.max_body + kMaxLingerBytes;
                            if (ec || self->swallowed_ > most) return self->close();
                            self->linger();
                          });
}

template <class Stream>
void Session<Stream>::start_events() {
  if (host_.draining()) {
    response_.event_topic.reset();
    return answer(problem(Error{Code::kBusy, "the server is stopping", "", "", "try again"}));
  }
  topic_ = response_.event_topic;
  response_.headers.emplace_back("Content-Type", "text/event-stream");
  response_.headers.emplace_back("Cache-Control", "no-store");
  response_.headers.emplace_back("X-Accel-Buffering", "no");  // nginx passes events on at once
  out_.clear();
  if (!append_head(response_, {host_.date(), false, true}, out_)) {
    response_.event_topic.reset();
    return write_response();
  }
  out_ += "retry: 2000\n\n";
  host_.subscribe(*topic_, *this);
  enter(State::kEvents, host_.limits().write_time);
  next_heartbeat_ = SteadyClock::now() + host_.limits().event_heartbeat;
  writing_ = true;
  log::debug("http.events", {{"route", route_.pattern}, {"peer", peer_}});
  asio::async_write(stream_, asio::buffer(out_), [self = self()](ErrorCode ec, std::size_t) {
    if (self->closed()) return;
    if (ec) return self->close();
    self->writing_ = false;
    self->flush_events();
  });
  watch_peer();
}

// Reads to learn that the subscriber went away. It has nothing more to say to us.
template <class Stream>
void Session<Stream>::watch_peer() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(256), [self = self()](ErrorCode ec, std::size_t n) {
    if (self->closed()) return;
    self->swallowed_ += n;
    if (ec || self->swallowed_ > kReadChunk) return self->close();
    self->watch_peer();
  });
}

template <class Stream>
void Session<Stream>::deliver(const Frame& frame) {
  if (state_ != State::kEvents) return;
  if (outbox_.size() + in_flight_ >= EventHub::kMaxPending) {
    log::info("http.events_overflow", {{"route", route_.pattern}, {"peer", peer_}});
    return close();
  }
  outbox_.push_back(frame);
  if (!writing_) flush_events();
}

template <class Stream>
void Session<Stream>::flush_events() {
  in_flight_ = 0;
  if (outbox_.empty()) {
    deadline_ = Deadline::max();
    return;
  }
  out_.clear();
  // Frames are shared by all subscribers; only what one write takes is copied for a slow one.
  while (!outbox_.empty() && out_.size() < kJoinBelow) {
    out_ += *outbox_.front();
    outbox_.pop_front();
    ++in_flight_;
  }
  writing_ = true;
  const SteadyClock::time_point now = SteadyClock::now();
  deadline_ = now + host_.limits().write_time;
  next_heartbeat_ = now + host_.limits().event_heartbeat;
  asio::async_write(stream_, asio::buffer(out_), [self = self()](ErrorCode ec, std::size_t) {
    if (self->closed()) return;
    if (ec) return self->close();
    self->writing_ = false;
    self->flush_events();
  });
}

template <class Stream>
void Session<Stream>::tick(Deadline now) {
  if (now >= deadline_) {
    log::debug("http.cut", {{"state", static_cast<int>(state_)}, {"peer", peer_}});
    return close();
  }
  if (state_ != State::kEvents || writing_ || now < next_heartbeat_) return;
  static const Frame kHeartbeat = std::make_shared<const std::string>(":\n\n");
  deliver(kHeartbeat);
}

template <class Stream>
void Session<Stream>::begin_drain() {
  if (state_ == State::kIdle || state_ == State::kEvents) close();
}

template <class Stream>
void Session<Stream>::close() {
  if (closed()) return;
  const std::shared_ptr<Session> alive = self();
  enter(State::kClosed);
  ErrorCode ignored;
  stream_.lowest_layer().close(ignored);
  if (topic_) host_.unsubscribe(*topic_, *this);
  outbox_.clear();
  host_.remove(*this);
}

}  // namespace entente::http

// SPDX-License-Identifier: Apache-2.0
//
// For tests: a server on a free loopback port in its own thread, and a raw socket that can
// misbehave.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "entente/http/server.h"

namespace entente::http {

// Opens once; wait() blocks until then.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class RunningServer {
 public:
  explicit RunningServer(const Router& router, ServerLimits limits = {}) {
    ServerOptions options;
    options.limits = limits;
    auto created = Server::create(router, options);
    check(created.has_value(), "test server could not listen");
    server_ = std::move(*created);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~RunningServer() { stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  void stop() {
    server_->stop();
    join();
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  Server& operator*() { return *server_; }
  Server* operator->() { return server_.get(); }
  std::uint16_t port() const { return server_->port(); }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port()) + std::string(path);
  }

 private:
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

struct RawAnswer {
  int status = 0;  // 0: the connection ended, or nothing came for ten seconds
  std::string head;
  std::string body;
  // Value of the header, or "(none)".
  std::string header(std::string_view name) const {
    const std::string key = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(key);
    if (at == head.npos) return "(none)";
    const std::size_t begin = at + key.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool connected() const { return connected_; }

  // False once the other side no longer takes bytes.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // A whole answer, framed by Content-Length; its body is skipped for HEAD.
  RawAnswer answer(bool head_only = false) {
    RawAnswer out;
    if (!fill_until([&] { return pending_.find("\r\n\r\n") != pending_.npos; })) return out;
    const std::size_t end = pending_.find("\r\n\r\n") + 4;
    out.head = pending_.substr(0, end);
    pending_.erase(0, end);
    out.status = std::stoi(out.head.substr(9, 3));
    const std::string length = out.header("Content-Length");
    if (head_only || length == "(none)") return out;
    const std::size_t n = std::stoul(length);
    fill_until([&] { return pending_.size() >= n; });
    out.body = pending_.substr(0, n);
    pending_.erase(0, n);
    return out;
  }

  // Everything up to and including `mark`; empty when the connection ended before.
  std::string until(std::string_view mark) {
    if (!fill_until([&] { return pending_.find(mark) != pending_.npos; })) return {};
    const std::size_t end = pending_.find(mark) + mark.size();
    std::string out = pending_.substr(0, end);
    pending_.erase(0, end);
    return out;
  }

  // True when the other side closed (and not when ten seconds passed in silence).
  bool ended() {
    while (fill()) {
    }
    return !silent_;
  }
  // What was received and not yet taken.
  const std::string& pending() const { return pending_; }

 private:
  bool fill() {
    char buffer[16384];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    silent_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (n <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  template <class Done>
  bool fill_until(const Done& done) {
    while (!done())
      if (!fill()) return false;
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool silent_ = false;
  std::string pending_;
};

inline std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

}  // namespace entente::http

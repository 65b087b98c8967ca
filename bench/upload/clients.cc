// SPDX-License-Identifier: Apache-2.0
#include "clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "../bench.h"

namespace entente::bench {

namespace {

// Fields 14 to 17 of /proc/PID/stat: user and system time, its own and of children it has reaped.
double cpu_of(const std::string& pid) {
  std::ifstream in("/proc/" + pid + "/stat");
  std::string text;
  std::getline(in, text);
  const std::size_t end = text.rfind(')');
  if (end == text.npos) return 0;
  std::istringstream fields(text.substr(end + 2));
  std::string skip;
  for (int i = 3; i < 14; ++i) fields >> skip;
  double own = 0;
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    fields >> own;
    sum += own;
  }
  return sum / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void add_family(const std::string& pid, double& sum) {
  sum += cpu_of(pid);
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
    std::ifstream in(task.path() / "children");
    for (std::string child; in >> child;) add_family(child, sum);
  }
}

}  // namespace

Uploader::Uploader(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    stop("cannot connect");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Uploader::~Uploader() {
  ::close(socket_);
}

std::string Uploader::post(const Bytes& jpeg) {
  const std::string head =
      "POST /v1/match HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\n"
      "Content-Length: " +
      std::to_string(jpeg.size()) + "\r\n\r\n";
  std::size_t sent = 0;
  const std::size_t all = head.size() + jpeg.size();
  while (sent < all) {
    iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                      {const_cast<std::uint8_t*>(jpeg.data()), jpeg.size()}};
    iovec* first = parts;
    int count = 2;
    std::size_t skip = sent;
    if (skip >= head.size()) {
      skip -= head.size();
      first = parts + 1;
      count = 1;
    }
    first->iov_base = static_cast<char*>(first->iov_base) + skip;
    first->iov_len -= skip;
    const ssize_t n = ::writev(socket_, first, count);
    if (n <= 0) stop("the node closed the connection");
    sent += static_cast<std::size_t>(n);
  }
  buffer_.clear();
  char chunk[8192];
  for (;;) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != buffer_.npos) {
      const std::size_t at = buffer_.find("Content-Length: ");
      if (at == buffer_.npos || at > end) stop("an answer without a length");
      const std::size_t length = std::stoul(buffer_.substr(at + 16));
      if (buffer_.size() >= end + 4 + length) {
        if (!buffer_.starts_with("HTTP/1.1 200")) stop("answered: " + buffer_.substr(0, 600));
        return buffer_.substr(end + 4, length);
      }
    }
    const ssize_t n = ::recv(socket_, chunk, sizeof chunk, 0);
    if (n <= 0) stop("the node closed the connection");
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
}

double family_cpu_seconds() {
  double sum = 0;
  add_family(std::to_string(::getpid()), sum);
  return sum;
}

}  // namespace entente::bench

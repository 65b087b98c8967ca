// SPDX-License-Identifier: Apache-2.0
#include "entente/media/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace entente::media {
namespace {

// Room for one descriptor beside a message.
struct Control {
  alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> bytes{};
};

iovec part_of(ByteView bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

bool send_with(int flags, int channel, ByteView bytes, int fd, ByteView more) {
  std::array<iovec, 2> parts{part_of(bytes), part_of(more)};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = more.empty() ? 1 : 2;
  Control control;
  if (fd >= 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(channel, &message, MSG_NOSIGNAL | flags);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(bytes.size() + more.size());
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::pair<Fd, Fd>> make_channel() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(Code::kUnavailable, std::string("no socket pair: ") + std::strerror(errno));
  }
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

bool send_message(int channel, ByteView bytes, int fd, ByteView more) {
  return send_with(0, channel, bytes, fd, more);
}

bool offer_message(int channel, ByteView bytes, int fd, ByteView more) {
  return send_with(MSG_DONTWAIT, channel, bytes, fd, more);
}

Message receive_message(int channel, std::span<std::uint8_t> into, std::span<std::uint8_t> more) {
  std::array<iovec, 2> parts{part_of(into), part_of(more)};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = more.empty() ? 1 : 2;
  Control control;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  Message out;
  for (cmsghdr* header = got < 0 ? nullptr : CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    out.fd.reset(fd);
  }
  if (got <= 0) return out;
  out.size = static_cast<std::size_t>(got);
  const bool cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  out.state = cut ? Message::State::kTooLong : Message::State::kWhole;
  return out;
}

bool wait_readable(int channel, std::chrono::steady_clock::time_point deadline) {
  using std::chrono::milliseconds;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry{channel, POLLIN, 0};
    const int timeout =
        static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::int64_t{1} << 30));
    const int ready = ::poll(&entry, 1, timeout);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // whatever is wrong, the following receive will say
  }
}

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// Inside sandbox.h: messages between the node, the keeper and the workers. A message is one
// datagram of a local socket pair, whole or not at all, with at most one descriptor beside it.
// Sending and receiving use no system call but sendmsg and recvmsg, which are the two a confined
// worker keeps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "entente/core/bytes.h"

namespace entente::media {

// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset(int fd = -1);
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// A file up to this goes inside the message; a larger one in a memory file beside it. Below what a
// local socket takes by default (212,992 bytes).
inline constexpr std::size_t kMaxInlineBytes = std::size_t{128} << 10;

// A pair of connected ends, closed on exec.
Result<std::pair<Fd, Fd>> make_channel();

// Two parts become one message. False when the other end is gone.
bool send_message(int channel, ByteView bytes, int fd = -1, ByteView more = {});
// The same to an end that is not trusted to take what it is sent: never waits. False also when the
// message finds no room; errno says which.
bool offer_message(int channel, ByteView bytes, int fd = -1, ByteView more = {});

struct Message {
  enum class State : std::uint8_t { kWhole, kTooLong, kClosed };
  State state = State::kClosed;
  std::size_t size = 0;
  Fd fd;  // closed on exec
};
// Waits for a message; kClosed when the other end is gone. What does not fit into `into` goes to
// `more`; `size` counts both.
Message receive_message(int channel, std::span<std::uint8_t> into,
                        std::span<std::uint8_t> more = {});

// Waits until `channel` can be read (or its other end is gone). False when `deadline` passed first.
bool wait_readable(int channel, std::chrono::steady_clock::time_point deadline);

// Plain values as messages.
template <class T>
ByteView as_message(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}
template <class T>
std::span<std::uint8_t> into_message(T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<std::uint8_t*>(&value), sizeof value};
}

}  // namespace entente::media

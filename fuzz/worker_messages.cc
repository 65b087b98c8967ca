// SPDX-License-Identifier: Apache-2.0
//
// A worker taken over by its image may send any bytes: the node reads an answer or an error that
// can be printed.
#include <algorithm>

#include "entente/media/channel.h"
#include "entente/media/reply.h"
#include "entente/media/sandbox.h"
#include "fuzz.h"

namespace entente::media {
namespace {

bool printable(std::string text) {
  for (std::size_t at = 0; (at = text.find("×", at)) != std::string::npos;) text.erase(at, 2);
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace
}  // namespace entente::media

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  using namespace entente::media;
  static const auto ends = make_channel().value();
  size = std::min(size, kMaxAnswerBytes + 2);
  if (size == 0) return 0;
  fuzz::promise(send_message(ends.first.get(), {data, size}));
  std::array<std::uint8_t, 1> verdict{};
  Bytes text(kMaxAnswerBytes);
  const Message message = receive_message(ends.second.get(), verdict, text);
  fuzz::promise((message.state == Message::State::kTooLong) == (size > kMaxAnswerBytes + 1));
  if (message.state != Message::State::kWhole) return 0;
  fuzz::promise(message.size == size && verdict[0] == data[0]);
  text.resize(size - 1);
  fuzz::promise(std::equal(text.begin(), text.end(), data + 1));
  const auto reply = read_reply(static_cast<Verdict>(verdict[0]), to_text(text));
  if (reply) {
    fuzz::promise(*reply == as_text(text));
  } else {
    fuzz::promise(reply.error().detail.size() <= kMaxDetailBytes + 1);
    fuzz::promise(printable(reply.error().detail));
  }
  return 0;
}

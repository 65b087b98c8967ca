// SPDX-License-Identifier: Apache-2.0
//
// Inside sandbox.h: what a worker says to the node, read as what it is: bytes from a process that
// its image may have taken over. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "entente/core/bytes.h"

namespace entente::media {

// The first byte of a worker's message; text follows. First kReady or, if it could not be confined,
// an error; then the answer.
enum class Verdict : std::uint8_t {
  kReady,
  kAnswer,   // the job's text
  kInvalid,  // the others: the error's detail
  kTooLarge,
  kUnsupported,
  kInternal,
};

// A worker's words about its error go into logs and answers.
inline constexpr std::size_t kMaxDetailBytes = 300;

// Only printable ASCII and the multiplication sign our own messages use, within the limit.
std::string tame(std::string_view text);

// The job's answer as it is, or the error, its detail tamed. kUnavailable: it makes no sense.
Result<std::string> read_reply(Verdict said, std::string text);

}  // namespace entente::media

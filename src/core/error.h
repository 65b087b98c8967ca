// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. A function that can fail returns Result<T>; exceptions mean a bug or no
// memory.
//
//   Result<Act> load(ActId id);
//   ENTENTE_TRY(act, load(id));          // declares `act`, or returns the error to the caller
//   ENTENTE_CHECK_OK(store.flush());     // for Result<void>
//
// An Error is what a person at the other end can act on: what is wrong (`detail`), where (`field`,
// a JSON Pointer or the name of an option), which rule says so (`rule`, a safeguard such as "SG04"
// or empty) and how to mend it
// (`mend`). It never carries a secret, a key or a live illegal URL. Codes map one to one to problem
// types (RFC 9457).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace entente {

enum class Code : std::uint8_t {
  kInvalid,       // 400/422: the input breaks a rule of its form
  kUnauthorised,  // 401: who are you?
  kForbidden,     // 403: known, but may not
  kNotFound,      // 404
  kConflict,      // 409: the state does not allow it (already done, other size, …)
  kGone,          // 410
  kTooLarge,      // 413
  kUnsupported,   // 415: media type or algorithm we do not speak
  kRefused,       // 422: a safeguard or a regime refuses the step
  kBusy,          // 429/503: try again later
  kTimeout,       // 504
  kUnavailable,   // 502/503: a peer or a child process failed
  kCorrupt,       // 500: stored or received data contradicts itself
  kInternal,      // 500
};

// "invalid", "refused", …: the last segment of the problem type.
std::string_view code_name(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string detail;
  std::string field;
  std::string rule;
  std::string mend;

  friend bool operator==(const Error&, const Error&) = default;
};

// One line for stderr and logs: "refused [SG04] /exemption_assessment: … (mend: …)".
std::string to_string(const Error& error);

template <class T>
using Result = tl::expected<T, Error>;

using Unexpected = tl::unexpected<Error>;

inline Unexpected fail(Code code, std::string detail, std::string field = {}) {
  return Unexpected(Error{code, std::move(detail), std::move(field), {}, {}});
}
inline Unexpected fail(Error error) {
  return Unexpected(std::move(error));
}

// Ends the process with a message when `ok` is false: a broken invariant, never bad input.
void check(bool ok, std::string_view why);

}  // namespace entente

#define ENTENTE_CONCAT_(a, b) a##b
#define ENTENTE_CONCAT(a, b) ENTENTE_CONCAT_(a, b)
#define ENTENTE_TRY_IMPL(tmp, name, expr)                    \
  auto tmp = (expr);                                         \
  if (!tmp) return ::tl::unexpected(std::move(tmp).error()); \
  auto name = *std::move(tmp)
#define ENTENTE_TRY(name, expr) ENTENTE_TRY_IMPL(ENTENTE_CONCAT(try_, __LINE__), name, expr)
#define ENTENTE_CHECK_OK_IMPL(tmp, expr)                       \
  do {                                                         \
    auto tmp = (expr);                                         \
    if (!tmp) return ::tl::unexpected(std::move(tmp).error()); \
  } while (false)
#define ENTENTE_CHECK_OK(expr) ENTENTE_CHECK_OK_IMPL(ENTENTE_CONCAT(ok_, __LINE__), expr)

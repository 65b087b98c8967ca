// SPDX-License-Identifier: Apache-2.0
#include "entente/core/error.h"

#include <cstdio>
#include <cstdlib>

namespace entente {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kUnauthorised:
      return "unauthorised";
    case Code::kForbidden:
      return "forbidden";
    case Code::kNotFound:
      return "not-found";
    case Code::kConflict:
      return "conflict";
    case Code::kGone:
      return "gone";
    case Code::kTooLarge:
      return "too-large";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kRefused:
      return "refused";
    case Code::kBusy:
      return "busy";
    case Code::kTimeout:
      return "timeout";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

std::string to_string(const Error& error) {
  std::string out(code_name(error.code));
  if (!error.rule.empty()) out += " [" + error.rule + "]";
  if (!error.field.empty()) out += " " + error.field;
  out += ": " + error.detail;
  if (!error.mend.empty()) out += " (mend: " + error.mend + ")";
  return out;
}

void check(bool ok, std::string_view why) {
  if (ok) return;
  std::fprintf(stderr, "entente: broken invariant: %.*s\n", static_cast<int>(why.size()),
               why.data());
  std::abort();
}

}  // namespace entente

// SPDX-License-Identifier: Apache-2.0
#include "entente/media/reply.h"

namespace entente::media {

std::string tame(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMaxDetailBytes; ++i) {
    if (text.substr(i).starts_with("×")) {
      out += "×";
      ++i;
    } else {
      out += text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
  }
  return out;
}

Result<std::string> read_reply(Verdict said, std::string text) {
  switch (said) {
    case Verdict::kAnswer:
      return text;
    case Verdict::kInvalid:
      return fail(Code::kInvalid, tame(text));
    case Verdict::kTooLarge:
      return fail(Code::kTooLarge, tame(text));
    case Verdict::kUnsupported:
      return fail(Code::kUnsupported, tame(text));
    case Verdict::kInternal:
      return fail(Code::kInternal, tame(text));
    case Verdict::kReady:
      break;
  }
  return fail(Code::kUnavailable, "the decoder's answer makes no sense");
}

}  // namespace entente::media

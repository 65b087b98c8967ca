// SPDX-License-Identifier: Apache-2.0
//
// Request targets, and response heads made of any text: no target leaves its folder, no value
// starts a header of its own.
#include "entente/http/target.h"
#include "entente/http/wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto target = http::parse_target(text)) {
    fuzz::promise(target->path.starts_with('/') && http::is_utf8(target->path));
    fuzz::promise((target->path + "/").find("/../") == std::string::npos);
    fuzz::promise(target->path.find('\0') == std::string::npos);
    fuzz::promise(target->query.size() <= http::kMaxQueryNames);
  }
  const std::size_t half = size / 2;
  http::Response response;
  response.with(std::string(text.substr(0, half)), std::string(text.substr(half)));
  std::string head;
  if (http::append_head(response, {.date = "Sun, 06 Nov 1994 08:49:37 GMT"}, head)) {
    fuzz::promise(head.find("\r\n\r\n") == head.size() - 4);
    fuzz::promise(head.find('\0') == std::string::npos);
  }
  return 0;
}

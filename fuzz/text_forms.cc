// SPDX-License-Identifier: Apache-2.0
//
// Bytes, instants and periods as text: one accepted spelling per value.
#include "entente/core/bytes.h"
#include "entente/core/time.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto bytes = from_hex(text)) fuzz::promise(bytes->size() * 2 == size);
  if (const auto bytes = from_base64(text)) fuzz::promise(to_base64(*bytes) == text);
  if (const auto bytes = from_base64url(text)) fuzz::promise(to_base64url(*bytes) == text);
  if (const auto time = parse_rfc3339(text)) {
    fuzz::promise(parse_rfc3339(format_rfc3339(*time)).value() == *time);
  }
  if (const auto period = parse_period(text)) {
    fuzz::promise(format_period(parse_period(format_period(*period)).value()) ==
                  format_period(*period));
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Fingerprints as text: 64 hexadecimal digits and nothing else.
#include "entente/fingerprint/pdq.h"

#include <algorithm>
#include <cctype>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  const auto pdq = fingerprint::Pdq::parse(text);
  if (!pdq) return 0;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  fuzz::promise(pdq->hex() == lower);
  return 0;
}

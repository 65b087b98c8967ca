// SPDX-License-Identifier: Apache-2.0
//
// DSSE envelopes: what is accepted has one spelling, which reads back as the same.
#include "entente/crypto/envelope.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const auto envelope = crypto::parse_envelope(fuzz::text_of(data, size));
  if (!envelope) return 0;
  const auto again = crypto::parse_envelope(crypto::to_json(*envelope));
  fuzz::promise(again.has_value() && *again == *envelope);
  return 0;
}

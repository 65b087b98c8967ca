// SPDX-License-Identifier: Apache-2.0
//
// age files, recipients and identities. The identity below opens the files of the corpus.
#include "entente/crypto/age.h"

#include "entente/crypto/bech32.h"
#include "fuzz.h"

namespace {

constexpr std::string_view kIdentity =
    "AGE-SECRET-KEY-1X5UU5SGVJ2SZ0GM0D35FT97P9CKPAYMGDYHR3L44KH08GANJUY6QD084QF";

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  static_cast<void>(crypto::AgeRecipient::parse(text));
  static_cast<void>(crypto::AgeIdentity::parse(text));
  static_cast<void>(crypto::bech32_decode("age", text));
  static const auto identity = crypto::AgeIdentity::parse(kIdentity);
  if (!identity) return 0;
  const auto plain = crypto::age_decrypt(*identity, {data, size});
  if (plain) fuzz::promise(plain->size() < size);
  return 0;
}

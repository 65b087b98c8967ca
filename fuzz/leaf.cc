// SPDX-License-Identifier: Apache-2.0
//
// Entries of the ledger.
#include "entente/ledger/leaf.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const auto leaf = ledger::parse_leaf(fuzz::text_of(data, size));
  fuzz::promise(leaf || !leaf.error().detail.empty());
  return 0;
}

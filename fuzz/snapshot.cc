// SPDX-License-Identifier: Apache-2.0
//
// The index of fingerprints as a file: damaged, it is refused.
#include "entente/hamming/snapshot.h"

#include <algorithm>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  if (size == 0) return 0;
  const auto memory = hamming::Memory::allocate(size);
  std::copy_n(data, size, memory->data());
  const auto loaded = hamming::parse_snapshot(memory);
  if (loaded) {
    fuzz::promise(loaded->segments.size() <= hamming::kMaxSegments);
    fuzz::promise(loaded->tail.size() <= hamming::kMaxTailRows);
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "entente/core/random.h"

#include <sys/random.h>

#include <cerrno>

namespace entente {

void SystemRandom::fill(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = getrandom(out.data() + done, out.size() - done, 0);
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "getrandom failed");
    done += static_cast<std::size_t>(n);
  }
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (auto& b : out) {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    b = static_cast<std::uint8_t>((z ^ (z >> 31)) >> 24);
  }
}

}  // namespace entente

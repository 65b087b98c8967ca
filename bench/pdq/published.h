// SPDX-License-Identifier: Apache-2.0
//
// The yardstick: the steps of PDQ written straight from their publication, over whole planes of
// floats. Nothing shared with src/fingerprint, so that it also judges the bits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace entente::bench {

struct Published {
  std::array<bool, 256> bits{};
  int quality = 0;
  std::array<float, 64 * 64> sample{};
  std::array<float, 16 * 16> spectrum{};

  std::string hex() const;
};

// `luma` is used up. Both sides at least 5.
Published published_pdq(std::vector<float>& luma, int width, int height);

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/crc32c.h"

#include <gtest/gtest.h>

#include "entente/core/random.h"

namespace entente::hamming {
namespace {

TEST(Crc32c, GivesTheValuesOfRfc3720) {
  EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8a9136aaU);
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43U);
  EXPECT_EQ(crc32c(to_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, TheInstructionAndTheTableAgreeForAnyLengthAndAnyCut) {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 20'000; size = size * 3 / 2 + 1) {
    const Bytes bytes = random.bytes(size);
    const ByteView view(bytes);
    const std::uint32_t whole = crc32c(view);
    EXPECT_EQ(whole, crc32c_portable(view)) << size;
    const std::size_t cut = size / 3;
    EXPECT_EQ(crc32c(view.subspan(cut), crc32c(view.first(cut))), whole) << size;
  }
}

}  // namespace
}  // namespace entente::hamming

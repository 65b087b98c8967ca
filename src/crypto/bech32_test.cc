// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/bech32.h"

#include <gtest/gtest.h>

namespace entente::crypto {
namespace {

TEST(Bech32, GivesThePublishedValue) {  // BIP 173
  EXPECT_EQ(bech32_encode("a", {}), "a12uel5l");
  EXPECT_TRUE(bech32_decode("?", "?1ezyfcl"));
}

TEST(Bech32, ReadsBackWhatItWrites) {
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(i * 37 + size);
    const auto back = bech32_decode("age", bech32_encode("age", data));
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(*back, data);
  }
}

TEST(Bech32, NoticesEveryMistypedCharacter) {
  const std::string good = bech32_encode("age", Bytes(32, 0x5a));
  for (std::size_t i = 0; i < good.size(); ++i)
    for (const char c : std::string_view("qpzry9x8gf2tvdw0s3jn54khce6mua7lbio1AQ \n")) {
      if (c == good[i]) continue;
      std::string bad = good;
      bad[i] = c;
      EXPECT_FALSE(bech32_decode("age", bad)) << bad;
    }
}

TEST(Bech32, RefusesOtherPrefixesLengthsAndCase) {
  const std::string good = bech32_encode("age", Bytes(32, 0x5a));
  EXPECT_FALSE(bech32_decode("agf", good));
  EXPECT_FALSE(bech32_decode("ag", good));
  EXPECT_FALSE(bech32_decode("age", ""));
  EXPECT_FALSE(bech32_decode("age", "age1"));
  EXPECT_FALSE(bech32_decode("age", good.substr(0, good.size() - 1)));
  EXPECT_FALSE(bech32_decode("age", good + "q"));
  EXPECT_FALSE(bech32_decode("age", std::string(1000, 'q')));
  // Right checksums over five bits, which hold no byte, and over ten whose last two are not zero.
  EXPECT_FALSE(bech32_decode("a", "a1q3g6mn3"));
  EXPECT_FALSE(bech32_decode("a", "a1qpamnt9j"));
}

}  // namespace
}  // namespace entente::crypto

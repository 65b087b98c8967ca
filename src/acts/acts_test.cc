// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "entente/acts/apply.h"
namespace entente::acts {
TEST(Catalogue, LoadsTheBuiltinRegimes) {
  const auto c = Catalogue::builtin();
  ASSERT_TRUE(c) << to_string(c.error());
  EXPECT_EQ(c->all().size(), 3U);
}
}  // namespace entente::acts

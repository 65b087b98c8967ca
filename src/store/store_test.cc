// SPDX-License-Identifier: Apache-2.0
// What needs no database. The behaviour of stores is in conformance.h, run by each adapter's test.
#include "entente/store/store.h"

#include <gtest/gtest.h>

#include "entente/store/sha256.h"

namespace entente::store {
namespace {

Row sample() {
  return Row({std::monostate{}, std::int64_t{7}, 2.5, std::string("text"), to_bytes("blob")});
}

TEST(RowDeathTest, AColumnOfAnotherTypeEndsTheProcess) {
  const Row row = sample();
  EXPECT_DEATH(static_cast<void>(row.integer(3)), "not an integer");
  EXPECT_DEATH(static_cast<void>(row.text(1)), "not text");
  EXPECT_DEATH(static_cast<void>(row.blob(3)), "not a blob");
  EXPECT_DEATH(static_cast<void>(row.integer(0)), "not an integer");  // NULL is no number
  EXPECT_DEATH(static_cast<void>(row.text(9)), "column 9");
  EXPECT_DEATH(static_cast<void>(row.text_if(1)), "not text");
}

TEST(Row, GivesBackWhatItHolds) {
  const Row row = sample();
  EXPECT_EQ(row.size(), 5U);
  EXPECT_TRUE(row.is_null(0));
  EXPECT_EQ(row.integer(1), 7);
  EXPECT_EQ(row.real(2), 2.5);
  EXPECT_EQ(row.text(3), "text");
  EXPECT_EQ(row.blob(4), to_bytes("blob"));
  EXPECT_EQ(row.text_if(0), std::nullopt);
  EXPECT_EQ(row.integer_if(0), std::nullopt);
  EXPECT_EQ(row.text_if(3), "text");
  EXPECT_EQ(row.integer_if(1), 7);
}

TEST(Sha256, HashesTheFipsVector) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace entente::store

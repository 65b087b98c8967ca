// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/list_import.h"

#include <gtest/gtest.h>

#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

struct ListImportTest : testing::Test {
  BankHouse house;
  ListOptions options;
  ListImportTest() {
    house.make_bank("ours");
    options.label = "terrorist-publication";
  }
  Result<ListImport> import(const std::string& text) { return import(text, house.ines()); }
  Result<ListImport> import(const std::string& text, const Decision& decision) {
    return house.write<ListImport>([&](store::Tx& tx) {
      return import_list(tx, house.banks, "ours", text, options, decision);
    });
  }
  std::vector<Entry> all() {
    return *house.write<std::vector<Entry>>(
        [&](store::Tx& tx) { return house.banks.entries(tx, "ours", 0, kMaxPage); });
  }
  static std::string hex(std::uint64_t seed) { return pdq_of(seed).hex(); }
};

TEST_F(ListImportTest, RefusesAListNobodyVouchesFor) {
  EXPECT_EQ(import(hex(1), {"", "why", house.now}).error().rule, "SG22");
  EXPECT_EQ(import(hex(1), house.ines("")).error().field, "reason");
  EXPECT_TRUE(all().empty());
}

TEST_F(ListImportTest, OneBadLineIsReportedByNumberAndNothingElseIsLost) {
  const auto done = import("pdq,quality,label\n" + hex(1) + ",90\n" + "not a hash,90\n\n" +
                           "# a remark\n" + hex(2) + ",90,no-such-label\r\n" + hex(3) + ", 49\n" +
                           hex(4) + ",100,glorification-of-terrorist-acts\n" + hex(5) +
                           ",90,,yesterday\n" + hex(6) + ",1,2,3,4\n" + hex(7));
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->added, 3);
  EXPECT_EQ(done->bad, 5);
  ASSERT_EQ(done->faults.size(), 5U);
  EXPECT_EQ(done->faults[0].line, 3);
  EXPECT_EQ(done->faults[0].error.field, "/lines/3/pdq");
  EXPECT_EQ(done->faults[1].line, 6);
  EXPECT_EQ(done->faults[1].error.rule, "SG22");
  EXPECT_EQ(done->faults[2].error.field, "/lines/7/quality");
  EXPECT_EQ(done->faults[3].error.field, "/lines/9/expires_at");
  EXPECT_EQ(done->faults[4].line, 10);
  ASSERT_EQ(all().size(), 3U);
  EXPECT_EQ(all()[0].quality, 90);
  EXPECT_EQ(all()[1].label, "glorification-of-terrorist-acts");
  EXPECT_EQ(all()[2].quality, 100);
  EXPECT_EQ(all()[0].person->person, "ines");
}

TEST_F(ListImportTest, AllOrNothingMeansNothing) {
  options.all_or_nothing = true;
  const auto done = import(hex(1) + "\n" + hex(2).substr(1) + "\n" + hex(3));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().field, "/lines/2/pdq");
  EXPECT_TRUE(all().empty());
  EXPECT_EQ(import(hex(1) + "\n" + hex(3))->added, 2);
}

TEST_F(ListImportTest, TheSameListAgainAddsNothing) {
  ASSERT_EQ(import(hex(1) + "\n" + hex(2) + "\n" + hex(1))->known, 1);
  const auto again = import(hex(1) + "\n" + hex(2));
  EXPECT_EQ(again->added, 0);
  EXPECT_EQ(again->known, 2);
  EXPECT_EQ(all().size(), 2U);
}

TEST_F(ListImportTest, LinesThatNameAnExpiryEndThen) {
  const auto done = import(hex(1) + ",90,,2027-03-01T00:00:00Z");
  ASSERT_EQ(done->added, 1) << to_string(done->faults[0].error);
  const EntryId id = all()[0].id;
  EXPECT_TRUE(house.matches(id));
  house.now = *parse_rfc3339("2027-03-01T00:00:00Z");
  EXPECT_FALSE(house.matches(id));
}

TEST_F(ListImportTest, RefusesWhatIsTooLong) {
  EXPECT_EQ(import(std::string(kMaxListBytes + 1, '\n')).error().code, Code::kTooLarge);
  EXPECT_EQ(import(std::string(static_cast<std::size_t>(kMaxListLines) + 1, '\n')).error().code,
            Code::kTooLarge);
  EXPECT_TRUE(import("")->faults.empty());
}

}  // namespace
}  // namespace entente::matching

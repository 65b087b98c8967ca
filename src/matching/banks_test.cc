// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/banks.h"

#include <gtest/gtest.h>

#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

struct BanksTest : testing::Test {
  BankHouse house;

  void expect_refused(const NewEntry& entry, Code code, std::string_view field,
                      std::string_view rule = {}) {
    const auto id = house.add(entry);
    ASSERT_FALSE(id.has_value()) << field;
    EXPECT_EQ(id.error().code, code) << to_string(id.error());
    EXPECT_EQ(id.error().field, field);
    EXPECT_EQ(id.error().rule, rule);
  }
  std::vector<Entry> all() {
    return *store::read_returning<std::vector<Entry>>(*house.store, [&](store::Tx& tx) {
      return house.banks.entries(tx, "terrorist-content", 0, kMaxPage);
    });
  }
  bool live(EntryId id) {
    return store::read_returning<std::optional<Entry>>(
               *house.store, [&](store::Tx& tx) { return house.banks.live(tx, id); })
        ->has_value();
  }
};

TEST_F(BanksTest, RefusesAnUnknownBank) {
  NewEntry entry = house.entry(pdq_of(1));
  entry.bank = "nowhere";
  expect_refused(entry, Code::kNotFound, "bank");
}

TEST_F(BanksTest, RefusesAnEntryWithoutItsProvenance) {
  NewEntry entry = house.entry(pdq_of(1));
  entry.act.clear();
  expect_refused(entry, Code::kRefused, "act", "SG22");
  entry = house.entry(pdq_of(1));
  entry.target.clear();
  expect_refused(entry, Code::kRefused, "target", "SG22");
  entry = house.entry(pdq_of(1));
  entry.step.clear();
  expect_refused(entry, Code::kRefused, "step", "SG22");
  entry = house.entry(pdq_of(1));
  entry.act.assign(kMaxProvenance + 1, 'a');
  expect_refused(entry, Code::kInvalid, "act");
  EXPECT_TRUE(all().empty());
}

TEST_F(BanksTest, RefusesALabelThatIsNotOnTheList) {
  NewEntry entry = house.entry(pdq_of(1));
  entry.label = "bad-person";
  expect_refused(entry, Code::kRefused, "label", "SG22");
  entry.label.clear();
  expect_refused(entry, Code::kRefused, "label", "SG22");
}

TEST_F(BanksTest, RefusesAPictureWithTooLittleDetail) {
  NewEntry entry = house.entry(pdq_of(1));
  entry.quality = fingerprint::kMinQuality - 1;
  expect_refused(entry, Code::kInvalid, "quality");
}

TEST_F(BanksTest, EvenTheTableRefusesAnEntryWithoutAnAct) {
  const auto done = house.store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec(
        "INSERT INTO bank_entry (bank, pdq, quality, label, source, act, target, added_by_step, "
        "added_at, born, changed) "
        "VALUES ('terrorist-content', 'x', 100, 'l', 'act', '', 't', 's', 1, 1, 1)"));
    return {};
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kConflict);
}

TEST_F(BanksTest, RefusesABankOfBadNameOrOfARadiusAtWhichUnlikePicturesMeet) {
  const auto create = [&](std::string_view name, int radius) {
    return house.store->write(
        [&](store::Tx& tx) { return house.banks.create(tx, name, "Title", radius, house.now); });
  };
  EXPECT_EQ(create("", 31).error().code, Code::kInvalid);
  EXPECT_EQ(create("../etc", 31).error().code, Code::kInvalid);
  EXPECT_EQ(create(std::string(kMaxBankName + 1, 'a'), 31).error().code, Code::kInvalid);
  EXPECT_EQ(create("wide", 32).error().code, Code::kInvalid);
  EXPECT_EQ(create("wide", -1).error().code, Code::kInvalid);
  EXPECT_TRUE(create("terrorist-content", 31).has_value());
  EXPECT_EQ(create("terrorist-content", 20).error().code, Code::kConflict);
}

TEST_F(BanksTest, ATombstoneThatOvertakesItsEntryHolds) {
  EXPECT_TRUE(house.tombstone("act-1", "step-9").empty());
  const auto id = house.add(house.entry(pdq_of(1)));
  ASSERT_TRUE(id.has_value());
  EXPECT_FALSE(live(*id));
  ASSERT_EQ(all().size(), 1U);
  EXPECT_TRUE(all()[0].tombstoned_at.has_value());
  EXPECT_EQ(*house.add(house.entry(pdq_of(1))), *id);
  EXPECT_FALSE(live(*id));
}

TEST_F(BanksTest, ARepeatIsTheSameEntry) {
  const auto first = house.add(house.entry(pdq_of(1)));
  const auto again = house.add(house.entry(pdq_of(1)));
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(all().size(), 1U);
  // Another act about the same picture is another entry: undoing one leaves the other.
  const auto other = house.add(house.entry(pdq_of(1), "act-2"));
  ASSERT_TRUE(other.has_value());
  EXPECT_NE(*other, *first);
  EXPECT_EQ(house.tombstone("act-1", "step-2"), std::vector<EntryId>{*first});
  EXPECT_FALSE(live(*first));
  EXPECT_TRUE(live(*other));
}

TEST_F(BanksTest, ARepeatOfTheStepDoesNotReviveWhatWasUndone) {
  const auto id = house.add(house.entry(pdq_of(1)));
  EXPECT_EQ(house.tombstone("act-1", "step-2").size(), 1U);
  EXPECT_TRUE(house.tombstone("act-1", "step-2").empty());
  EXPECT_EQ(*house.add(house.entry(pdq_of(1))), *id);
  EXPECT_FALSE(live(*id));
}

TEST_F(BanksTest, ANewStepBringsAnEntryBackAndALateRepeatOfTheTombstoneDoesNotTouchIt) {
  const auto id = house.add(house.entry(pdq_of(1)));
  house.tombstone("act-1", "step-2");
  EXPECT_EQ(*house.add(house.entry(pdq_of(1), "act-1", "step-3")), *id);
  EXPECT_TRUE(live(*id));
  EXPECT_TRUE(house.tombstone("act-1", "step-2").empty());
  EXPECT_TRUE(live(*id));
  EXPECT_EQ(all()[0].added_by_step, "step-3");
  // The first step's late repeat changes nothing either.
  house.tombstone("act-1", "step-4");
  EXPECT_EQ(*house.add(house.entry(pdq_of(1))), *id);
  EXPECT_FALSE(live(*id));
}

TEST_F(BanksTest, AFailedUnitOfWorkLeavesNoEntry) {
  const auto done = house.store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(house.banks.add(tx, house.entry(pdq_of(1))));
    return fail(Code::kRefused, "the step was refused after all");
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_TRUE(all().empty());
}

TEST_F(BanksTest, PagesThroughEntries) {
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(house.add(house.entry(pdq_of(i))).has_value());
  const auto page = [&](EntryId after, std::int64_t limit) {
    return store::read_returning<std::vector<Entry>>(*house.store, [&](store::Tx& tx) {
      return house.banks.entries(tx, "terrorist-content", after, limit);
    });
  };
  EXPECT_EQ(page(0, 0).error().code, Code::kInvalid);
  EXPECT_EQ(page(0, kMaxPage + 1).error().code, Code::kInvalid);
  const auto first = page(0, 3);
  ASSERT_EQ(first->size(), 3U);
  const auto second = page(first->back().id, 3);
  ASSERT_EQ(second->size(), 2U);
  EXPECT_EQ((*second)[1].pdq, pdq_of(4));
}

}  // namespace
}  // namespace entente::matching

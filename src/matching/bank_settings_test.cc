// SPDX-License-Identifier: Apache-2.0
//
// Banks themselves: names, kinds, settings, their end; the change feed; the road from the first
// schema.
#include <gtest/gtest.h>

#include "entente/matching/banks.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

struct BankSettingsTest : testing::Test {
  BankHouse house;

  Result<void> create(const NewBank& bank, const Decision& decision) {
    return house.run([&](store::Tx& tx) { return house.banks.create(tx, bank, decision); });
  }
  Result<void> change(const BankChange& change, const std::string& bank = "terrorist-content") {
    return house.run(
        [&](store::Tx& tx) { return house.banks.change(tx, bank, change, house.ines()); });
  }
  Result<Bank> find(const std::string& name) {
    return house.write<Bank>([&](store::Tx& tx) { return house.banks.find(tx, name); });
  }
  Result<void> amend(EntryId id, const EntryChange& change) {
    return house.run(
        [&](store::Tx& tx) { return house.banks.amend(tx, id, change, house.ines()); });
  }
  std::vector<Changed> changes(std::int64_t after, std::int64_t limit = kMaxChanges) {
    return *house.write<std::vector<Changed>>(
        [&](store::Tx& tx) { return house.banks.changes(tx, after, limit); });
  }
  std::int64_t sequence() {
    return *house.write<std::int64_t>([&](store::Tx& tx) { return house.banks.sequence(tx); });
  }
};

TEST_F(BankSettingsTest, RefusesWhatABankCannotBe) {
  NewBank bank;
  bank.name = "good";
  bank.title = "Good";
  EXPECT_EQ(create(bank, {"", "", house.now}).error().rule, "SG21");
  NewBank bad = bank;
  bad.alias = "lower";
  EXPECT_EQ(create(bad, house.ines()).error().field, "alias");
  bad = bank;
  bad.alias = "1ST";
  EXPECT_EQ(create(bad, house.ines()).error().field, "alias");
  bad = bank;
  bad.marking = "PINK";
  EXPECT_EQ(create(bad, house.ines()).error().field, "marking");
  bad = bank;
  bad.enabled_ratio = 1.5;
  EXPECT_EQ(create(bad, house.ines()).error().field, "enabled_ratio");
  bad = bank;
  bad.title.clear();
  EXPECT_EQ(create(bad, house.ines()).error().field, "title");
  bad = bank;
  bad.name = "terrorist-content";
  EXPECT_EQ(create(bad, house.ines()).error().code, Code::kConflict);
  EXPECT_EQ(find("good").error().code, Code::kNotFound);
  EXPECT_EQ(find("").error().code, Code::kNotFound);
}

TEST_F(BankSettingsTest, IsFoundByItsNameOrItsAlias) {
  NewBank bank;
  bank.name = "hma-one";
  bank.title = "One";
  bank.alias = "MY_BANK_1";
  bank.enabled_ratio = 0.25;
  ASSERT_TRUE(create(bank, house.ines()).has_value());
  EXPECT_EQ(find("MY_BANK_1")->name, "hma-one");
  EXPECT_DOUBLE_EQ(find("hma-one")->enabled_ratio, 0.25);
  EXPECT_TRUE(find("hma-one")->dry_run);
  bank.name = "hma-two";
  EXPECT_EQ(create(bank, house.ines()).error().field, "alias");
  BankChange alias;
  alias.alias = "MY_BANK_1";
  EXPECT_EQ(change(alias).error().field, "alias");
}

TEST_F(BankSettingsTest, EveryChangeIsAnEventWithOldAndNew) {
  BankChange none;
  none.radius = 31;
  ASSERT_TRUE(change(none).has_value());
  EXPECT_TRUE(house.events("bank_changed").empty());
  BankChange some;
  some.radius = 12;
  some.enabled_ratio = 0.5;
  const std::int64_t before = sequence();
  ASSERT_TRUE(change(some).has_value());
  const auto events = house.events("bank_changed");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].by, "ines");
  EXPECT_EQ(events[0].detail.at("from").at("radius"), 31);
  EXPECT_EQ(events[0].detail.at("to").at("radius"), 12);
  EXPECT_EQ(events[0].detail.at("to").at("enabled_ratio"), 0.5);
  EXPECT_EQ(events[0].detail.at("to").as_object().size(), 2U);
  EXPECT_GT(sequence(), before);
  BankChange bad;
  bad.radius = 32;
  EXPECT_EQ(change(bad).error().field, "radius");
  bad.radius = -1;
  EXPECT_EQ(change(bad).error().field, "radius");
  EXPECT_EQ(find("terrorist-content")->radius, 12);
}

TEST_F(BankSettingsTest, ADisabledBankMatchesNothing) {
  const EntryId id = house.put(house.entry(pdq_of(1)));
  BankChange off;
  off.enabled = false;
  ASSERT_TRUE(change(off).has_value());
  EXPECT_FALSE(house.matches(id));
  off.enabled = true;
  ASSERT_TRUE(change(off).has_value());
  EXPECT_TRUE(house.matches(id));
}

TEST_F(BankSettingsTest, ARetiredBankIsHistory) {
  const EntryId one = house.put(house.entry(pdq_of(1)));
  const EntryId two = house.put(house.entry(pdq_of(2), "act-2"));
  const std::int64_t before = sequence();
  const auto out = house.write<std::vector<EntryId>>([&](store::Tx& tx) {
    return house.banks.retire(tx, "terrorist-content", house.ines("not ours"));
  });
  ASSERT_TRUE(out.has_value()) << to_string(out.error());
  EXPECT_EQ(out->size(), 2U);
  EXPECT_FALSE(house.matches(one));
  EXPECT_TRUE(house.at(two).tombstoned_at.has_value());
  EXPECT_EQ(find("terrorist-content").error().code, Code::kNotFound);
  EXPECT_EQ(house.add(house.entry(pdq_of(3))).error().code, Code::kNotFound);
  const auto changed = changes(before);
  ASSERT_EQ(changed.size(), 2U);
  EXPECT_NE(changed[0].sequence, changed[1].sequence);
  EXPECT_LE(changed[1].sequence, sequence());
}

// ── entries

TEST_F(BankSettingsTest, AnEntryHasOneSource) {
  NewEntry both = house.entry(pdq_of(1));
  both.person = PersonSource{"ines", "seen"};
  EXPECT_EQ(house.add(both).error().field, "source");
  NewEntry nobody = house.by_person(pdq_of(1), "terrorist-content");
  nobody.person->person.clear();
  EXPECT_EQ(house.add(nobody).error().rule, "SG22");
  nobody.person->person = "ines";
  nobody.person->reason.clear();
  EXPECT_EQ(house.add(nobody).error().rule, "SG22");
  nobody.person.reset();
  EXPECT_EQ(house.add(nobody).error().rule, "SG22");
  EXPECT_EQ(find("terrorist-content")->live, 0);
}

TEST_F(BankSettingsTest, APersonsEntryIsTheSameEntryAgainAndComesBackAnew) {
  const EntryId id = house.put(house.by_person(pdq_of(1)));
  EXPECT_EQ(house.put(house.by_person(pdq_of(1))), id);
  EXPECT_EQ(find("terrorist-content")->live, 1);
  const auto gone = [&] {
    return *house.write<bool>(
        [&](store::Tx& tx) { return house.banks.tombstone_entry(tx, id, house.omar()); });
  };
  EXPECT_TRUE(gone());
  EXPECT_FALSE(gone());
  EXPECT_FALSE(house.matches(id));
  EXPECT_EQ(find("terrorist-content")->live, 0);
  EXPECT_EQ(house.put(house.by_person(pdq_of(1))), id);
  EXPECT_TRUE(house.matches(id));
  EXPECT_EQ(house.events("entry_revived").size(), 1U);
  EXPECT_EQ(find("terrorist-content")->live, 1);
  // An act about the same picture is an entry of its own.
  EXPECT_NE(house.put(house.entry(pdq_of(1))), id);
}

TEST_F(BankSettingsTest, AnEntryStopsMatchingAtTheInstantItExpires) {
  NewEntry entry = house.by_person(pdq_of(1));
  entry.expires_at = house.now;
  EXPECT_EQ(house.add(entry).error().field, "expires_at");
  entry.expires_at = house.now + Millis(10);
  const EntryId id = house.put(entry);
  EXPECT_TRUE(house.matches(id));
  house.now += Millis(9);
  EXPECT_TRUE(house.matches(id));
  house.now += Millis(1);
  EXPECT_FALSE(house.matches(id));
  EXPECT_FALSE(house.at(id).tombstoned_at.has_value());
  const auto swept = house.write<std::int64_t>(
      [&](store::Tx& tx) { return house.banks.sweep_expired(tx, house.now, 10); });
  EXPECT_EQ(*swept, 1);
  EXPECT_TRUE(house.at(id).tombstoned_at.has_value());
}

TEST_F(BankSettingsTest, AnEntryIsSwitchedOffUntilAnInstant) {
  const EntryId id = house.put(house.entry(pdq_of(1)));
  EntryChange off;
  off.disabled_until = house.now + Millis(100);
  ASSERT_TRUE(amend(id, off).has_value());
  EXPECT_FALSE(house.matches(id));
  house.now += Millis(100);
  EXPECT_TRUE(house.matches(id));
  off.disabled_until = instant_from_ms(kDisabledForGoodMs);
  ASSERT_TRUE(amend(id, off).has_value());
  house.now += std::chrono::hours(24 * 365 * 100);
  EXPECT_FALSE(house.matches(id));
  off.disabled_until = std::optional<Instant>();
  ASSERT_TRUE(amend(id, off).has_value());
  EXPECT_TRUE(house.matches(id));
  EXPECT_EQ(house.events("entry_changed").size(), 3U);
}

TEST_F(BankSettingsTest, WhatStandsBesideAnEntryIsBoundedAndNotInEvents) {
  const EntryId id = house.put(house.entry(pdq_of(1)));
  EntryChange change;
  change.note = std::string(kMaxNote + 1, 'n');
  EXPECT_EQ(amend(id, change).error().field, "note");
  change.note = "call the desk";
  change.content_uri = "https://internal.example/1";
  ASSERT_TRUE(amend(id, change).has_value());
  EXPECT_EQ(house.at(id).note, "call the desk");
  const std::string event =
      json::canonical(json::Value(house.events("entry_changed").at(0).detail));
  EXPECT_EQ(event.find("internal.example"), std::string::npos);
  EXPECT_EQ(amend(4711, change).error().code, Code::kNotFound);
}

// ── the change feed

TEST_F(BankSettingsTest, TheFeedGivesEveryEntryOnceAsItStands) {
  const EntryId one = house.put(house.entry(pdq_of(1)));
  const EntryId two = house.put(house.entry(pdq_of(2), "act-2"));
  const std::int64_t seen = sequence();
  EXPECT_TRUE(changes(seen).empty());
  house.tombstone("act-1", "step-2");
  auto page = changes(seen);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].entry, one);
  EXPECT_FALSE(page[0].held);
  house.put(house.entry(pdq_of(1), "act-1", "step-3"));
  page = changes(seen);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_TRUE(page[0].held);
  const auto all = changes(0);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].entry, two);
  EXPECT_EQ(all[1].pdq, pdq_of(1));
  EXPECT_LT(all[0].sequence, all[1].sequence);
}

TEST_F(BankSettingsTest, AMatcherThatReadsPageByPageMissesNothing) {
  std::map<EntryId, bool> held;
  std::int64_t mark = 0;
  const auto catch_up = [&] {
    for (;;) {
      const auto page = changes(mark, 3);
      for (const Changed& change : page) {
        held[change.entry] = change.held;
        EXPECT_GT(change.sequence, mark);
        mark = change.sequence;
      }
      if (page.size() < 3) return;
    }
  };
  std::vector<EntryId> ids;
  for (std::uint64_t i = 0; i < 20; ++i) {
    ids.push_back(house.put(house.entry(pdq_of(i), "act-" + std::to_string(i))));
    if (i % 3 == 0) catch_up();
    if (i % 4 == 0) house.tombstone("act-" + std::to_string(i / 2), "undo");
  }
  catch_up();
  ASSERT_EQ(held.size(), ids.size());
  for (const EntryId id : ids)
    EXPECT_EQ(held.at(id), !house.at(id).tombstoned_at.has_value()) << id;
  EXPECT_EQ(mark, sequence());
}

TEST_F(BankSettingsTest, AUnitOfWorkThatFailsTakesNoNumber) {
  const std::int64_t before = sequence();
  const auto failed = house.run([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(house.banks.add(tx, house.entry(pdq_of(1))));
    return fail(Code::kBusy, "no");
  });
  EXPECT_FALSE(failed.has_value());
  EXPECT_EQ(sequence(), before);
  EXPECT_TRUE(changes(0).empty());
}

// ── the road from the first schema

TEST(BankMigration, KeepsEveryEntryAndEveryTombstone) {
  const sqlite::TestFolder folder;
  auto store = *sqlite::SqliteStore::open(folder.file("old.db"));
  const store::Migration now = migration();
  ASSERT_TRUE(store::migrate(*store, {{"matching", {now.versions[0]}}}, 1).has_value());
  ASSERT_TRUE(store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO bank (name, title, radius, created_at) VALUES "
                "('old', 'Old', 20, 5)"));
    const auto entry = [&](std::int64_t id, const std::string& act, store::Value out) {
      return tx.exec(
          "INSERT INTO bank_entry (id, bank, pdq, quality, label, act, target, "
          "added_by_step, added_at, tombstoned_at) VALUES ($1, 'old', $2, 90, "
          "'terrorist-publication', $3, '0', 'step-1', 6, $4)",
          {id, pdq_of(1).hex(), act, std::move(out)});
    };
    ENTENTE_CHECK_OK(entry(3, "act-1", {}));
    ENTENTE_CHECK_OK(entry(8, "act-2", std::int64_t{7}));
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO bank_entry_step (entry, step) VALUES (3, 'step-1'), (8, 'step-1')"));
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO bank_tombstone (act, target, step, at) VALUES "
                "('act-2', '0', 'step-2', 7)"));
    return {};
  }));
  ASSERT_TRUE(store::migrate(*store, {now}, 2).has_value());
  const Banks banks;
  ASSERT_TRUE(store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(bank, banks.find(tx, "old"));
    EXPECT_EQ(bank.live, 1);
    EXPECT_EQ(bank.radius, 20);
    EXPECT_TRUE(bank.matches());
    ENTENTE_TRY(live, banks.live(tx, 3, instant_from_ms(10)));
    EXPECT_TRUE(live.has_value());
    EXPECT_EQ(live->act, "act-1");
    ENTENTE_TRY(gone, banks.find_entry(tx, 8));
    EXPECT_TRUE(gone.tombstoned_at.has_value());
    ENTENTE_TRY(all, banks.changes(tx, 0, 10));
    EXPECT_EQ(all.size(), 2U);
    // A repeat of the step changes nothing, and ids go on.
    NewEntry entry;
    entry.bank = "old";
    entry.pdq = pdq_of(1);
    entry.quality = 90;
    entry.label = "terrorist-publication";
    entry.act = "act-2";
    entry.target = "0";
    entry.step = "step-1";
    entry.now = instant_from_ms(11);
    ENTENTE_TRY(same, banks.add(tx, entry));
    EXPECT_EQ(same, 8);
    ENTENTE_TRY(still, banks.find_entry(tx, 8));
    EXPECT_TRUE(still.tombstoned_at.has_value());
    entry.act = "act-3";
    ENTENTE_TRY(fresh, banks.add(tx, entry));
    EXPECT_GT(fresh, 8);
    return {};
  }));
}

}  // namespace
}  // namespace entente::matching

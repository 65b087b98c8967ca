// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/test_bank_house.h"

#include <gtest/gtest.h>

namespace entente::matching {

fingerprint::Pdq pdq_of(std::uint64_t seed) {
  fingerprint::Pdq out;
  std::uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (std::uint64_t& word : out.words) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    word = x;
    x += 0x9e3779b97f4a7c15ULL;
  }
  return out;
}

fingerprint::Pdq near(fingerprint::Pdq pdq, int bits) {
  for (int i = 0; i < bits; ++i)
    pdq.words.at(static_cast<std::size_t>(i / 64)) ^= std::uint64_t{1} << (i % 64);
  return pdq;
}

BankHouse::BankHouse() {
  store = *sqlite::SqliteStore::open(folder.file("banks.db"));
  const auto migrated = store::migrate(*store, {migration()}, 1);
  EXPECT_TRUE(migrated.has_value()) << (migrated ? "" : to_string(migrated.error()));
  EXPECT_TRUE(run([&](store::Tx& tx) {
                return banks.create(tx, "terrorist-content", "Terrorist content", 31, now);
              }).has_value());
}

NewEntry BankHouse::entry(const fingerprint::Pdq& pdq, std::string act, std::string step) const {
  NewEntry out;
  out.bank = "terrorist-content";
  out.pdq = pdq;
  out.quality = 100;
  out.label = "perpetrator-produced-attack";
  out.act = std::move(act);
  out.target = "0";
  out.step = std::move(step);
  out.now = now;
  return out;
}

NewEntry BankHouse::by_person(const fingerprint::Pdq& pdq, std::string bank) const {
  NewEntry out = entry(pdq);
  out.bank = std::move(bank);
  out.act.clear();
  out.target.clear();
  out.step.clear();
  out.person = PersonSource{"ines", "seen in three accounts"};
  return out;
}

Decision BankHouse::ines(std::string reason) const {
  return {"ines", std::move(reason), now};
}

Decision BankHouse::omar(std::string reason) const {
  return {"omar", std::move(reason), now};
}

Result<EntryId> BankHouse::add(const NewEntry& entry) {
  return write<EntryId>([&](store::Tx& tx) { return banks.add(tx, entry); });
}

EntryId BankHouse::put(const NewEntry& entry) {
  const auto id = add(entry);
  EXPECT_TRUE(id.has_value()) << (id ? "" : to_string(id.error()));
  return id.value_or(0);
}

std::vector<EntryId> BankHouse::tombstone(const std::string& act, const std::string& step) {
  return *write<std::vector<EntryId>>(
      [&](store::Tx& tx) { return banks.tombstone(tx, act, "0", step, now); });
}

Entry BankHouse::at(EntryId id) {
  return *write<Entry>([&](store::Tx& tx) { return banks.find_entry(tx, id); });
}

bool BankHouse::matches(EntryId id) {
  return write<std::optional<Entry>>([&](store::Tx& tx) { return banks.live(tx, id, now); })
      ->has_value();
}

void BankHouse::make_bank(const std::string& name, BankKind kind, bool dry_run) {
  NewBank bank;
  bank.name = name;
  bank.title = "A bank";
  bank.kind = kind;
  bank.dry_run = dry_run;
  EXPECT_TRUE(run([&](store::Tx& tx) { return banks.create(tx, bank, ines()); }).has_value());
}

std::vector<BankEvent> BankHouse::events(const std::string& kind) {
  const auto all = *write<std::vector<BankEvent>>(
      [&](store::Tx& tx) { return banks.events(tx, {}, 0, kMaxPage); });
  std::vector<BankEvent> out;
  for (const BankEvent& event : all) {
    if (event.kind == kind) out.push_back(event);
  }
  return out;
}

}  // namespace entente::matching

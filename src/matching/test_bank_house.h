// SPDX-License-Identifier: Apache-2.0
//
// For the tests of banks: a new database with the schema, a day, and a bank that acts fill.
#pragma once

#include <memory>
#include <string>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/matching/banks.h"

namespace entente::matching {

// A hash of `seed`'s own, some 128 bits from any other's.
fingerprint::Pdq pdq_of(std::uint64_t seed);
// `pdq` with its first `bits` bits turned over.
fingerprint::Pdq near(fingerprint::Pdq pdq, int bits);

struct BankHouse {
  BankHouse();
  sqlite::TestFolder folder;
  std::unique_ptr<sqlite::SqliteStore> store;
  Banks banks;
  Instant now = instant_from_ms(1'800'000'000'000);

  // Of act, target "0" and step, into "terrorist-content".
  NewEntry entry(const fingerprint::Pdq& pdq, std::string act = "act-1",
                 std::string step = "step-1") const;
  // Seen by Ines.
  NewEntry by_person(const fingerprint::Pdq& pdq, std::string bank = "terrorist-content") const;
  Decision ines(std::string reason = "I looked at it") const;
  Decision omar(std::string reason = "I looked at it too") const;

  Result<EntryId> add(const NewEntry& entry);
  // Adds and must succeed.
  EntryId put(const NewEntry& entry);
  std::vector<EntryId> tombstone(const std::string& act, const std::string& step);
  Entry at(EntryId id);
  bool matches(EntryId id);
  // Of a live bank of ours that people fill.
  void make_bank(const std::string& name, BankKind kind = BankKind::kOwn, bool dry_run = false);
  std::vector<BankEvent> events(const std::string& kind);

  // A unit of work whose answer is wanted.
  template <class T, class F>
  Result<T> write(F&& work) {
    return store::write_returning<T>(*store, std::forward<F>(work));
  }
  template <class F>
  Result<void> run(F&& work) {
    return store->write(std::forward<F>(work));
  }
};

}  // namespace entente::matching

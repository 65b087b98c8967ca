// SPDX-License-Identifier: Apache-2.0
//
// Inside this folder: rows of banks and entries as values, and the few writes that every change of
// an entry is made of, so that the change feed, the counts and the events cannot be forgotten.
#pragma once

#include <string>
#include <string_view>

#include "entente/matching/banks.h"

namespace entente::matching::rows {

// Of "bank_entry e"; read by `entry_of` at the row's columns from `first` on.
inline constexpr std::string_view kEntryColumns =
    "e.id, e.bank, e.pdq, e.quality, e.label, e.source, e.act, e.target, e.added_by_step, "
    "e.person, e.reason, e.party, e.party_entry, e.account, e.marking, e.added_at, "
    "e.tombstoned_at, e.expires_at, e.disabled_until, e.contested, e.quarantined, e.content_id, "
    "e.content_uri, e.note, e.changed";
inline constexpr std::size_t kEntryWidth = 25;
Result<Entry> entry_of(const store::Row& row);

inline constexpr std::string_view kBankColumns =
    "name, title, radius, created_at, live, alias, kind, owner, marking, enabled, enabled_ppm, "
    "dry_run, changed, retired_at";
Result<Bank> bank_of(const store::Row& row);

inline std::string text(std::string_view s) {
  return std::string(s);
}
store::Value ms_or_null(const std::optional<Instant>& at);

// Takes `count` numbers of the change feed; the last of them.
Result<std::int64_t> next_sequence(store::Tx& tx, std::int64_t count = 1);
Result<void> record_event(store::Tx& tx, std::string_view bank, std::optional<EntryId> entry,
                          std::string_view kind, std::string_view by, json::Object detail,
                          Instant at);
// Entries that are not tombstoned, more or fewer.
Result<void> count_live(store::Tx& tx, std::string_view bank, std::int64_t by);

// Why an entry was put out. "review": people found that it does not belong there.
inline constexpr std::string_view kByAct = "act";
inline constexpr std::string_view kByPerson = "person";
inline constexpr std::string_view kByReview = "review";
inline constexpr std::string_view kByPartner = "partner";
inline constexpr std::string_view kByExpiry = "expiry";
// Tombstones one entry; false when it was already. No event: the caller says what happened.
Result<bool> put_out(store::Tx& tx, EntryId id, std::string_view cause, std::string_view step,
                     Instant now);
// Takes a new number for an entry whose row was changed.
Result<void> touch(store::Tx& tx, EntryId id);

// kRefused [SG21] unless a person is named; kInvalid when a reason is needed and missing, or too
// long.
Result<void> check_decision(const Decision& decision, bool reason_needed);
// The row's own fields; kRefused [SG22] without exactly one source or with a label of no list.
Result<void> check_entry(const NewEntry& entry, const Labels& labels);
// Writes a new row (tombstoned from birth when `out_since` says so).
struct Birth {
  std::optional<Instant> out_since;
  std::string out_step;
};
Result<EntryId> insert_entry(store::Tx& tx, const NewEntry& entry, const Birth& birth);
// Brings a tombstoned row back with the source, label and time of `entry`.
Result<void> revive(store::Tx& tx, EntryId id, const NewEntry& entry);

}  // namespace entente::matching::rows

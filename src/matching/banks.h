// SPDX-License-Identifier: Apache-2.0
//
// Banks of fingerprints. A bank is a named set of PDQ hashes with a radius. Each of its entries
// carries a behaviour label and says where it comes from: an act (act, target, step), a person's
// own decision (who, why) or a partner's delta (party, their entry, their provenance). An entry
// without a source cannot exist (SG22). An undoing tombstones it (SG18): the row stays as history
// and never matches.
//
// What matches at an instant: an entry that is not tombstoned, not expired and not disabled, in a
// bank that is enabled and out of dry run. `live(tx, id, now)` says so; a matcher asks it for each
// hit, so that a tombstone binds from its commit. A contested or quarantined entry still matches,
// and its matches propose review only (policy.h).
//
// Idempotent, because effects arrive at least once: an entry of an act is one (bank, pdq, act,
// target). Adding it again by a step that has added it before changes nothing, whatever happened
// since; only a step that is new to it brings a tombstoned entry back (the act was carried out
// anew), unless people found it wrong (a contest was upheld): that stays out. A tombstone that
// arrives before the entry it is meant for holds. What arrives late or twice thus errs towards not
// matching. A person's entry is one (bank, pdq), a partner's one (bank, party, their entry).
//
// The change feed. Every change of an entry or a bank takes the next number of one sequence, in
// the order of commits. `changes(tx, n)` gives the entries changed since n with their state now;
// `sequence(tx)` the last number given. For a matcher: at start map the snapshot, whose watermark
// is the sequence read in the unit of work that filled it; apply `changes` after it, page by page,
// until a page is short; after each commit do the same from the last number seen. Numbers are never
// given twice and rows never leave the feed, so nothing can be missed; an entry changed twice shows
// once. The settings of banks (`list`) may be kept until `sequence` differs.
//
// Functions run inside the caller's unit of work, so an entry and the step that caused it commit
// together. Banks is immutable: any thread. Errors: kNotFound the bank or entry, kRefused [SG22] no
// source, [SG21] no person named, kInvalid, kConflict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/time.h"
#include "entente/fingerprint/pdq.h"
#include "entente/json/json.h"
#include "entente/matching/labels.h"
#include "entente/store/store.h"

namespace entente::matching {

// Names are part of URLs and of every answer.
inline constexpr std::size_t kMaxBankName = 64;
// Act, target, step and label are identifiers or addresses; a longer one is an attack on the table.
inline constexpr std::size_t kMaxProvenance = 2048;
// One page of entries: near 32 KiB of JSON.
inline constexpr std::int64_t kMaxPage = 100;
// One page of the change feed: a matcher that catches up reads a few MiB at a time.
inline constexpr std::int64_t kMaxChanges = 10'000;
// HMA's limits, so that what its clients send fits: a note of a line or two.
inline constexpr std::size_t kMaxNote = 255;
inline constexpr std::size_t kMaxReason = 1000;

enum class BankKind : std::uint8_t {
  kOwn,     // ours, not shared
  kShared,  // ours and shared, or a partner's
  kAllow,   // what is known to be lawful: a hit here turns the others' proposals into "review"
};
std::string_view bank_kind_name(BankKind kind);  // "own", "shared", "allow"
Result<BankKind> parse_bank_kind(std::string_view name);

struct Bank {
  std::string name;
  std::string title;
  int radius = fingerprint::kMatchDistance;
  Instant created_at;
  std::int64_t live = 0;  // entries that are not tombstoned
  std::string alias;      // what HMA's clients call it ([A-Z_][A-Z0-9_]*); empty: none
  BankKind kind = BankKind::kOwn;
  std::string owner;    // the party whose bank it is; empty: ours
  std::string marking;  // TLP 2.0, see sharing.h
  bool enabled = true;
  double enabled_ratio = 1.0;  // share of lookups that consult it (HMA's matching_enabled_ratio)
  bool dry_run = false;        // matches nothing until a person accepted a report (dry_run.h)
  std::int64_t changed = 0;    // its number in the change feed
  std::optional<Instant> retired_at;

  bool matches() const { return enabled && !dry_run && !retired_at; }
};

struct NewBank {
  std::string name;
  std::string title;
  int radius = fingerprint::kMatchDistance;
  BankKind kind = BankKind::kOwn;
  std::string owner;
  std::string alias;
  std::string marking = "AMBER+STRICT";  // nobody else's business until somebody says otherwise
  // False only where every entry has a person behind it already, as with acts.
  bool dry_run = true;
  double enabled_ratio = 1.0;
};

// Who decides, and why: recorded with every change that people make. The person is always needed
// (SG21), the reason where a function says so.
struct Decision {
  std::string person;
  std::string reason;
  Instant now;
};

struct BankChange {
  std::optional<std::string> title;
  std::optional<std::string> alias;  // empty: none
  std::optional<int> radius;
  std::optional<bool> enabled;
  std::optional<double> enabled_ratio;
  std::optional<std::string> marking;
};

using EntryId = std::int64_t;

enum class SourceKind : std::uint8_t { kAct, kPerson, kPartner };
std::string_view source_kind_name(SourceKind kind);  // "act", "person", "partner"
Result<SourceKind> parse_source_kind(std::string_view name);

// A person's own decision: "I saw it, and this is what it is".
struct PersonSource {
  std::string person;
  std::string reason;
};
// What came in a partner's delta. `provenance` is their account of their source, canonical JSON.
struct PartnerSource {
  std::string party;
  std::string entry;
  std::string provenance;
  std::string marking;
};

// Exactly one source: the act (act, target, step), or `person`, or `partner`.
struct NewEntry {
  std::string bank;
  fingerprint::Pdq pdq;
  int quality = 0;
  std::string label;
  std::string act;
  std::string target;
  std::string step;
  Instant now;
  std::optional<PersonSource> person;
  std::optional<PartnerSource> partner;
  std::optional<Instant> expires_at;
  // Beside the entry, for HMA's clients. Never in a public answer, never in a delta.
  std::string content_id;
  std::string content_uri;
  std::string note;
};

// "Off until further notice", as an instant.
inline constexpr std::int64_t kDisabledForGoodMs = 253'402'300'799'000;  // end of the year 9999

struct Entry {
  EntryId id = 0;
  std::string bank;
  fingerprint::Pdq pdq;
  int quality = 0;
  std::string label;
  std::string act;
  std::string target;
  std::string added_by_step;
  Instant added_at;
  std::optional<Instant> tombstoned_at;
  SourceKind source = SourceKind::kAct;
  std::optional<PersonSource> person;
  std::optional<PartnerSource> partner;
  std::optional<Instant> expires_at;
  std::optional<Instant> disabled_until;
  bool contested = false;    // people said "this is lawful here": review only until that is settled
  bool quarantined = false;  // it matched abnormally often: review only until a person looked
  std::string content_id;
  std::string content_uri;
  std::string note;
  std::int64_t changed = 0;  // its number in the change feed

  // Whatever its bank says.
  bool matches_at(Instant now) const {
    return !tombstoned_at && !(expires_at && *expires_at <= now) &&
           !(disabled_until && now < *disabled_until);
  }
};

struct EntryChange {
  std::optional<std::optional<Instant>> disabled_until;  // inner nothing: on
  std::optional<std::optional<Instant>> expires_at;
  std::optional<std::string> content_id;
  std::optional<std::string> content_uri;
  std::optional<std::string> note;
};

// One row of the change feed. `held`: belongs in an index (not tombstoned); whether it matches now
// is asked again at each hit.
struct Changed {
  std::int64_t sequence = 0;
  EntryId entry = 0;
  std::string bank;
  fingerprint::Pdq pdq;
  bool held = false;
};

// What happened to a bank and its entries, and who did it. `kind` is a word such as
// "radius_changed", "entry_contested", "entry_quarantined"; `detail` its particulars.
struct BankEvent {
  std::int64_t id = 0;
  std::string bank;
  std::optional<EntryId> entry;
  std::string kind;
  std::string by;  // a person, a party, or "entente" for what the node did by itself
  json::Object detail;
  Instant at;
};
inline constexpr std::string_view kByNode = "entente";

store::Migration migration();

class Banks {
 public:
  explicit Banks(Labels labels = Labels::standard());
  const Labels& labels() const { return labels_; }

  // A bank that acts fill: live from the start, since a person signed each of its entries'
  // reversals and orders. Idempotent; kConflict when it exists with another radius.
  Result<void> create(store::Tx& tx, std::string_view name, std::string_view title, int radius,
                      Instant now) const;
  // Names: 1 to 64 of [a-z0-9-]; radius 0 to 31: beyond it unlike pictures meet. kConflict when the
  // name or the alias is taken.
  Result<void> create(store::Tx& tx, const NewBank& bank, const Decision& decision) const;
  // By name or by alias. kNotFound (also when retired).
  Result<Bank> find(store::Tx& tx, std::string_view name) const;
  // Retired ones too.
  Result<std::vector<Bank>> list(store::Tx& tx) const;
  // Each setting that differs is an event with its old and new value.
  Result<void> change(store::Tx& tx, std::string_view name, const BankChange& change,
                      const Decision& decision) const;
  // Tombstones all its entries and gives its alias free; the history stays. The entries it put out.
  Result<std::vector<EntryId>> retire(store::Tx& tx, std::string_view name,
                                      const Decision& decision) const;

  // The entry, new or as it was.
  Result<EntryId> add(store::Tx& tx, const NewEntry& entry) const;
  // The act's undoing: the entries it put out now; empty when it had been done before.
  Result<std::vector<EntryId>> tombstone(store::Tx& tx, std::string_view act,
                                         std::string_view target, std::string_view step,
                                         Instant now) const;
  // A person's. False when it was tombstoned before.
  Result<bool> tombstone_entry(store::Tx& tx, EntryId id, const Decision& decision) const;
  Result<void> amend(store::Tx& tx, EntryId id, const EntryChange& change,
                     const Decision& decision) const;
  // Tombstones what has expired, so that indexes may drop it (it stopped matching at its instant
  // anyway). At most `limit` a call; how many.
  Result<std::int64_t> sweep_expired(store::Tx& tx, Instant now, std::int64_t limit) const;

  // Entries of one bank, tombstoned ones too, in order of id, beginning after `after`. At most
  // kMaxPage.
  Result<std::vector<Entry>> entries(store::Tx& tx, std::string_view bank, EntryId after,
                                     std::int64_t limit) const;
  // In any state. kNotFound.
  Result<Entry> find_entry(store::Tx& tx, EntryId id) const;
  // The entry if it matches at `now`; else nothing.
  Result<std::optional<Entry>> live(store::Tx& tx, EntryId id, Instant now) const;
  // The entry if it is not tombstoned, whatever its bank, expiry and switches say.
  Result<std::optional<Entry>> live(store::Tx& tx, EntryId id) const;

  // At most kMaxChanges, in order of their numbers.
  Result<std::vector<Changed>> changes(store::Tx& tx, std::int64_t after, std::int64_t limit) const;
  Result<std::int64_t> sequence(store::Tx& tx) const;
  // In order; `bank` empty: of all. At most kMaxPage.
  Result<std::vector<BankEvent>> events(store::Tx& tx, std::string_view bank, std::int64_t after,
                                        std::int64_t limit) const;

  // Labels that mean "review, do not remove". Unknown ones are treated as such.
  bool in_context_only(std::string_view label) const { return labels_.in_context_only(label); }

 private:
  Labels labels_;
};

}  // namespace entente::matching

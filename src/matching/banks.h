// SPDX-License-Identifier: Apache-2.0
//
// Banks of fingerprints. A bank is a named set of PDQ hashes with a radius; each of its entries
// names the act, the target of that act and the step that put it there, and carries a behaviour
// label. An entry without that provenance cannot exist (SG22). An act's undoing tombstones its
// entries (SG18): the row stays as history and never matches.
//
// Idempotent, because effects arrive at least once: an entry is one (bank, pdq, act, target).
// Adding it again by a step that has added it before changes nothing, whatever happened since; only
// a step that is new to it brings a tombstoned entry back (the act was carried out anew). A
// tombstone that arrives before the entry it is meant for holds: the first add after it is stored
// tombstoned. What arrives late or twice thus errs towards not matching.
//
// Functions run inside the caller's unit of work, so an entry and the step that caused it commit
// together. The matcher learns of the change after the commit (matcher.h). Banks is immutable: any
// thread. Errors: kNotFound the bank, kRefused [SG22], kInvalid, kConflict a bank of that name with
// another radius.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/time.h"
#include "entente/fingerprint/pdq.h"
#include "entente/store/store.h"

namespace entente::matching {

// Names are part of URLs and of every answer.
inline constexpr std::size_t kMaxBankName = 64;
// Act, target, step and label are identifiers or addresses; a longer one is an attack on the table.
inline constexpr std::size_t kMaxProvenance = 2048;
// One page of entries: near 32 KiB of JSON.
inline constexpr std::int64_t kMaxPage = 100;

// A behaviour label says what the content does, not whose it is. `context` marks the classes that
// are lawful in news, teaching or debate: their matches say "review, do not remove" (SG22, Reg.
// (EU) 2021/784 Art. 1(3)).
struct Label {
  std::string_view name;
  bool context = false;
};
// The behaviours of the shared industry taxonomy for terrorist and violent extremist content, and
// the classes that Art. 1(3) protects.
inline constexpr std::array<Label, 8> kBehaviourLabels{{
    {"imminent-credible-threat", false},
    {"graphic-violence-against-defenceless-people", false},
    {"glorification-of-terrorist-acts", true},
    {"recruitment-and-instruction", false},
    {"perpetrator-produced-attack", false},
    {"terrorist-publication", true},
    {"news-or-research-footage", true},
    {"counter-speech-or-debate", true},
}};

struct Bank {
  std::string name;
  std::string title;
  int radius = fingerprint::kMatchDistance;
  Instant created_at;
  std::int64_t live = 0;  // entries that match
};

using EntryId = std::int64_t;

struct NewEntry {
  std::string bank;
  fingerprint::Pdq pdq;
  int quality = 0;
  std::string label;
  std::string act;
  std::string target;
  std::string step;
  Instant now;
};

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
};

store::Migration migration();

class Banks {
 public:
  explicit Banks(std::span<const Label> labels = kBehaviourLabels);

  // Idempotent. Names: 1 to 64 of [a-z0-9-]. Radius 0 to kMatchDistance: beyond it unlike pictures
  // meet.
  Result<void> create(store::Tx& tx, std::string_view name, std::string_view title, int radius,
                      Instant now) const;
  // The entry, new or as it was.
  Result<EntryId> add(store::Tx& tx, const NewEntry& entry) const;
  // The entries it put out now: empty when it had been done before.
  Result<std::vector<EntryId>> tombstone(store::Tx& tx, std::string_view act,
                                         std::string_view target, std::string_view step,
                                         Instant now) const;

  Result<std::vector<Bank>> list(store::Tx& tx) const;
  // Entries of one bank, tombstoned ones too, in order of id, beginning after `after`. At most
  // kMaxPage.
  Result<std::vector<Entry>> entries(store::Tx& tx, std::string_view bank, EntryId after,
                                     std::int64_t limit) const;
  // The entry if it is live now; nothing when it is tombstoned or unknown.
  Result<std::optional<Entry>> live(store::Tx& tx, EntryId id) const;

  // Labels that mean "review, do not remove". Unknown labels (a list that shrank) are treated as
  // such.
  bool in_context_only(std::string_view label) const;

 private:
  Result<void> check_entry(const NewEntry& entry) const;

  std::set<std::string, std::less<>> plain_;
  std::set<std::string, std::less<>> context_;
};

}  // namespace entente::matching

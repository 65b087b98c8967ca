// SPDX-License-Identifier: Apache-2.0
//
// Banks shared between nodes as signed deltas: what changed in a bank since a number of its change
// feed, as one JSON document in a DSSE envelope signed by the node's key. Deltas of a bank form one
// chain for all who receive it: each has a number and the SHA-256 of the one before, so a gap, a
// replay, a reordering or a fork shows. docs/decisions/0021 has the form.
//
// What travels: fingerprint, quality, label, marking, expiry, tombstone, that an entry is
// contested, and the source as an account (an act and its step; "a person of <party>, because …"; a
// partner's account nested). What never travels: addresses of content, names of people, notes.
//
// Markings are TLP 2.0 (FIRST, 2022). What came marked AMBER, AMBER+STRICT or RED is never exported
// again; GREEN and CLEAR are, at the marking they came with. A RED bank is not exported at all.
//
// The receiver has subscribed: (party, their bank) feeds one local bank, which begins in dry run. A
// delta touches only entries that came from its own party; what people here decided (a tombstone, a
// contest, a switch) is not theirs to undo. A line that is wrong is reported by number and nothing
// else is lost; with all_or_nothing one wrong line refuses the delta. Importing a delta again
// changes nothing. Its tombstones bind at the commit.
//
// Two deltas of one number that differ are proof that the party tells different stories: both are
// kept, the feed stops until a person has asked them and resumes it.
//
// Back to the source go sightings: how often its entries matched, and what people said of them,
// signed likewise, cumulative (the next one about an entry makes up for a lost one, an old one is
// ignored). When partners
// dispute an entry of ours more than the settings allow, a review of it opens (entry_reviews.h).
//
// Functions run inside the caller's unit of work (read_delta is pure). Errors: kUnauthorised a
// signature that is not the partner's, kTooLarge, kInvalid with the pointer, kNotFound no such bank
// or feed, kForbidden a bank that is not shared, kRefused a marking, kConflict.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/crypto/envelope.h"
#include "entente/crypto/keys.h"
#include "entente/matching/banks.h"
#include "entente/matching/dry_run.h"
#include "entente/matching/marking.h"

namespace entente::matching {

inline constexpr std::string_view kDeltaType = "application/vnd.entente.bank-delta+json";
inline constexpr std::string_view kSightingsType = "application/vnd.entente.bank-sightings+json";
// One delta is one unit of work of about a second on the one writer; more goes into the next.
inline constexpr std::int64_t kMaxDeltaLines = 5'000;
inline constexpr std::size_t kMaxDeltaPayload = 4 << 20;
inline constexpr std::size_t kMaxDeltaEnvelope = 6 << 20;  // base64 and a signature on top
// Bad lines reported one by one; beyond this the delta is not worth reading.
inline constexpr std::size_t kMaxFaults = 100;
// An account of an account of an account: who passes a fingerprint on further has not looked at it.
inline constexpr int kMaxHops = 4;
inline constexpr std::size_t kMaxAccount = 8 * 1024;

struct Self {
  std::string party;
  const crypto::PrivateKey& key;
};
struct Partner {
  std::string party;
  crypto::PublicKey key;  // confirmed out of band
};

// ── out

struct Delta {
  std::int64_t number = 0;
  std::int64_t after = 0;  // numbers of the change feed: covers (after, upto]
  std::int64_t upto = 0;
  std::int64_t lines = 0;
  std::string hash;      // SHA-256 of the payload, hexadecimal
  std::string envelope;  // what travels
};
// The delta that begins after `after`: 0 for the first, else the `upto` of another. The same bytes
// for everyone who asks. Nothing when nothing changed since. Needs a unit of work that may write.
Result<std::optional<Delta>> export_delta(store::Tx& tx, const Banks& banks, const Self& self,
                                          std::string_view bank, std::int64_t after, Instant now);

// ── in

// A line says how an entry stands now: put (new, or changed) or tombstoned.
enum class DeltaOp : std::uint8_t { kPut, kTombstone };
struct DeltaLine {
  std::int64_t number = 0;  // 1 for the first
  DeltaOp op = DeltaOp::kPut;
  std::string entry;  // the party's
  fingerprint::Pdq pdq;
  int quality = 0;
  std::string label;
  std::string marking;
  std::string account;               // canonical JSON
  std::vector<std::string> parties;  // who had it, as the account says, the nearest first
  std::optional<Instant> expires_at;
  bool contested = false;
};
struct LineFault {
  std::int64_t line = 0;
  Error error;
};
struct DeltaDocument {
  std::string party;
  std::string bank;  // theirs
  BankKind kind = BankKind::kShared;
  std::int64_t number = 0;
  std::string previous;
  std::string hash;
  Instant at;
  std::vector<DeltaLine> lines;
  std::vector<LineFault> faults;
};
// Signature, form and every line; says nothing of the chain. For a dry run of a delta before it is
// imported: `simulate(uploads, candidates_of(document), radius)`.
Result<DeltaDocument> read_delta(std::string_view envelope, const Partner& partner,
                                 const Labels& labels);
std::vector<Candidate> candidates_of(const DeltaDocument& document);

struct Subscription {
  std::string party;
  std::string their_bank;
  std::string bank;  // ours; made, in dry run, when it does not exist
  std::string title;
  BankKind kind = BankKind::kShared;
};
// Idempotent; kConflict when the feed goes to another bank.
Result<void> subscribe(store::Tx& tx, const Banks& banks, const Subscription& subscription,
                       const Decision& decision);

enum class ImportOutcome : std::uint8_t {
  kApplied,
  kRepeated,  // had been applied: nothing changed
  kGap,       // one or more before it are missing: nothing changed, ask for `wanted`
  kFork,      // not the successor of what we have: kept as proof, the feed has stopped
};
std::string_view import_outcome_name(ImportOutcome outcome);

struct DeltaImport {
  ImportOutcome outcome = ImportOutcome::kApplied;
  std::int64_t number = 0;
  std::int64_t wanted = 0;  // the number that is next
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::int64_t tombstoned = 0;
  std::int64_t echoes = 0;   // our own entries coming back to us: not taken
  std::int64_t expired = 0;  // additions whose time was over when they came
  std::int64_t unknown = 0;  // changes to entries that we do not have
  std::vector<LineFault> faults;
};
struct ImportOptions {
  bool all_or_nothing = false;
};
// `self`: our party's name, to know our own entries by.
Result<DeltaImport> import_delta(store::Tx& tx, const Banks& banks, std::string_view self,
                                 std::string_view envelope, const Partner& partner,
                                 const ImportOptions& options, Instant now);
// A person has asked the party about a fork, and `hash`, one of those kept, is the true one: the
// feed goes on with its successor, or with itself when it has not been applied. What the other one
// brought stays until the party takes it back.
Result<void> resume_feed(store::Tx& tx, std::string_view party, std::string_view their_bank,
                         std::string_view hash, const Decision& decision);

struct Feed {
  std::string party;
  std::string their_bank;
  std::string bank;
  std::int64_t number = 0;  // of the last delta applied
  std::string hash;
  bool stopped = false;
};
Result<std::vector<Feed>> feeds(store::Tx& tx);

// ── sightings

enum class Verdict : std::uint8_t { kConfirmed, kDisputed };
// Why a person disputes: classes, since a reason in words may name people.
inline constexpr std::array<std::string_view, 6> kReasonClasses{
    "news", "research-or-teaching", "art", "counter-speech", "not-alike", "other"};

// What a person said of a match with this entry (when they decided the upload's review): kept, and
// told to the entry's source. kInvalid a class that is not on the list; confirming needs none.
Result<void> record_verdict(store::Tx& tx, EntryId entry, Verdict verdict, std::string_view reason,
                            Instant now);

// About one party's bank that feeds ours: nothing when there is nothing new to tell. Needs a unit
// of work that may write.
Result<std::optional<std::string>> export_sightings(store::Tx& tx, const Self& self,
                                                    std::string_view party,
                                                    std::string_view their_bank, Instant now);

struct DisagreementSettings {
  std::int64_t at_least = 3;  // people who disputed, over all partners, since the last review
  double share = 0.5;         // of all verdicts
};
struct SightingsImport {
  bool repeated = false;  // an old or known one: ignored
  std::int64_t entries = 0;
  std::vector<std::int64_t> reviews;  // opened now
  std::vector<LineFault> faults;
};
Result<SightingsImport> import_sightings(store::Tx& tx, std::string_view self,
                                         std::string_view envelope, const Partner& partner,
                                         const DisagreementSettings& settings, Instant now);

// Cumulative, of our own node: what `export_sightings` tells of one entry.
struct Sighting {
  std::int64_t count = 0;
  std::optional<Instant> first_seen;
  std::optional<Instant> last_seen;
  std::int64_t confirmed = 0;
  std::int64_t disputed = 0;
};
Result<Sighting> sighting_of(store::Tx& tx, EntryId entry);
// What partners told us of an entry of ours.
struct PartnerSighting {
  std::string party;
  Sighting seen;
};
Result<std::vector<PartnerSighting>> sightings_from(store::Tx& tx, EntryId entry);

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// Does an upload look like something an act was upheld against? The answer is a proposal to a human
// and nothing else: "review" or "none" (SG21). There is no field for an action, and no caller gets
// one by setting an option.
//
// The matcher holds one exact index per bank in memory, filled from the store. The store stays the
// truth: every hit is looked up again at match time, so a tombstoned entry never matches from the
// moment the annulment commits, whether or not the index has heard of it. `added`, after the
// commit, makes an entry match; `tombstoned` only frees memory.
//
// Thread-safe. Errors of `match`: those of media::DecoderPool::run for files it cannot decode,
// kUnavailable when the worker's answer is not one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "entente/fingerprint/hamming_index.h"
#include "entente/matching/banks.h"
#include "entente/media/sandbox.h"
#include "entente/store/store.h"

namespace entente::matching {

// Nearest hits of one bank that an answer lists: a reviewer looks at the first few.
inline constexpr std::size_t kMaxMatchesPerBank = 20;

enum class Proposal : std::uint8_t { kNone, kReview };
std::string_view proposal_name(Proposal proposal);  // "none", "review"

struct Fingerprint {
  fingerprint::Pdq pdq;
  int quality = 0;
};

struct Match {
  std::string bank;
  EntryId entry = 0;
  int distance = 0;
  std::string label;
  std::string act;
  bool context = false;  // the label is lawful in news, teaching or debate: review, do not remove
};

struct MatchAnswer {
  Proposal proposal = Proposal::kNone;
  Fingerprint fingerprint;
  std::string
      note;  // "quality_too_low": the picture has too little detail to be looked up; else empty
  std::vector<Match> matches;  // by bank, nearest first
};

// For DecoderPool::create: runs in the sandboxed worker. "<64 hex digits> <quality>".
Result<std::string> pdq_job(const media::Image& image);

class Matcher {
 public:
  // Loads every live entry. `pool` must run pdq_job; all three must outlive the matcher.
  static Result<std::unique_ptr<Matcher>> load(store::Store& store, media::DecoderPool& pool,
                                               const Banks& banks);

  Result<MatchAnswer> match(ByteView file) const;
  Result<MatchAnswer> match_hash(const Fingerprint& fingerprint) const;
  // Only the fingerprint, computed in the sandbox: for a step that will add it to a bank.
  Result<Fingerprint> fingerprint_of(ByteView file) const;

  // Call after the unit of work that added (or put out) these entries has committed. Entries that
  // are not live, or already there, are ignored; one of a bank made since `load` brings the bank
  // with it.
  Result<void> added(const std::vector<EntryId>& ids);
  void tombstoned(const std::vector<EntryId>& ids);

  // Entries held, over all banks.
  std::size_t size() const;

 private:
  struct Shelf {
    int radius = 0;
    fingerprint::HammingIndex index;
  };

  Matcher(store::Store& store, media::DecoderPool& pool, const Banks& banks)
      : store_(store), pool_(pool), banks_(banks) {}
  Result<void> load_shelf(store::Tx& tx, const Bank& bank);
  std::map<std::string, std::shared_ptr<Shelf>> shelves() const;
  Result<void> collect(store::Tx& tx, const Shelf& shelf, const fingerprint::Pdq& pdq,
                       std::vector<Match>& out) const;

  store::Store& store_;
  media::DecoderPool& pool_;
  const Banks& banks_;
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_: the map only. A Shelf's radius never changes and its index has its own lock.
  std::map<std::string, std::shared_ptr<Shelf>> shelves_;
};

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
//
// Does an upload look like something in a bank? The matcher says what it looks like and how near;
// what is proposed follows from the platform's policy (road.h), and a person decides (SG21).
//
// One exact index over the entries of every bank lies in memory, under the entry's row number; each
// bank's own radius is applied to what the search finds. The store stays the truth: every hit is
// looked up again at match time, its distance taken from the stored fingerprint, so a tombstoned
// entry never matches from the moment the annulment commits, whether or not the index has heard of
// it. `refresh`, after a commit, reads what changed from the banks' change feed and makes it
// matchable; forgetting it delays a match and cannot bring one back.
//
// Thread-safe. Errors of `match`: those of media::DecoderPool::run for files it cannot decode,
// kUnavailable when the worker's answer is not one, kInvalid (`radius`, `turned`), kNotFound
// (`banks`: no such bank).
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "entente/hamming/index.h"
#include "entente/matching/picture_job.h"
#include "entente/matching/policy.h"
#include "entente/store/store.h"

namespace entente::matching {

// Nearest hits of one bank that an answer lists: a reviewer looks at the first few.
inline constexpr std::size_t kMaxMatchesPerBank = 20;
// Hits of one search that are looked up in the store, nearest first: some 20 ms of reading. A
// picture with more near entries than this is a flood; the answer then says `truncated`.
inline constexpr std::size_t kMaxExamined = 2'000;

struct LookUp {
  // Also finds the picture turned by quarters or mirrored: eight searches instead of one.
  bool turned = false;
  // Narrows each bank's radius, 0 to kMatchDistance.
  std::optional<int> radius;
  // Nearest matches of one bank that are listed.
  std::size_t per_bank = kMaxMatchesPerBank;
  // Only these banks, by name or alias; empty: all.
  std::vector<std::string> banks;
  // Only banks whose enabled_ratio is at least this, 0 to 1 (HMA's coin); 0: all.
  double coin = 0;
  // Also entries that are switched off, and banks that are (HMA's raw look-up). Never tombstoned
  // ones, nor banks in dry run.
  bool raw = false;
};

struct Match {
  MatchFacts facts;  // what the policy judges by: bank, distance, label, standing
  Entry entry;
  fingerprint::Turn turn = fingerprint::Turn::kOriginal;  // how the upload lies beside the entry
};
std::string_view turn_name(fingerprint::Turn turn);  // "original", "rotate90", …

struct MatchAnswer {
  Fingerprint fingerprint;
  // "quality_too_low": the picture has too little detail to be looked up; else empty.
  std::string note;
  std::vector<Match> matches;  // by bank, nearest first; an entry once, at its nearest turn
  bool truncated = false;      // more than kMaxExamined entries were near
};

class Matcher {
 public:
  // Holds every entry: from `snapshot`, when there is a whole one, and what the change feed has
  // beyond it; else from the store alone. A snapshot that is damaged, or of another store's future
  // (a backup was restored), is discarded with a line in the log. Empty: no snapshot is kept.
  // `pool` must run picture_job; all four must outlive the matcher.
  static Result<std::unique_ptr<Matcher>> load(store::Store& store, media::DecoderPool& pool,
                                               const Banks& banks, const Clock& clock,
                                               const std::filesystem::path& snapshot = {});

  Result<MatchAnswer> match(ByteView file, const LookUp& how = {}) const;
  Result<MatchAnswer> match_hash(const Fingerprint& fingerprint, const LookUp& how = {}) const;
  // Answers in the order of `prints`; one consistent view of the store for all.
  Result<std::vector<MatchAnswer>> match_hashes(std::span<const Fingerprint> prints,
                                                const LookUp& how = {}) const;
  // Only the fingerprint, computed in the sandbox: for a step that will add it to a bank.
  Result<Fingerprint> fingerprint_of(ByteView file) const;

  // When one who was told kBusy may come again.
  std::chrono::seconds retry_after() const { return pool_.retry_after(); }

  // Call after each unit of work that changed banks or entries has committed.
  Result<void> refresh();
  // The same, in the words of effects.
  Result<void> added(const std::vector<EntryId>&) { return refresh(); }
  void tombstoned(const std::vector<EntryId>&);

  // Writes the snapshot, if one is kept and something changed since the last.
  Result<void> save();
  // Changes that a start would have to read again.
  std::int64_t unsaved() const { return heard_ - saved_; }

  // Entries held, over all banks.
  std::size_t size() const { return index_.size(); }
  // The number of the change feed up to which the index has heard.
  std::int64_t heard() const { return heard_; }

 private:
  struct Reach;
  struct Looking;
  Matcher(store::Store& store, media::DecoderPool& pool, const Banks& banks, const Clock& clock)
      : store_(store), pool_(pool), banks_(banks), clock_(clock) {}
  // False: there is none that can be used.
  Result<bool> open_snapshot();
  Result<void> rebuild();
  Result<std::shared_ptr<const std::vector<Bank>>> settings(store::Tx& tx) const;
  Result<Reach> reach(store::Tx& tx, const LookUp& how) const;
  Result<std::vector<std::vector<hamming::Hit>>> search(const std::vector<Looking>& looking,
                                                        std::size_t turn, int radius) const;
  Result<void> examine(store::Tx& tx, const std::vector<hamming::Hit>& hits, const Reach& reach,
                       const LookUp& how, Looking& at) const;
  static void list(Looking& at, std::size_t per_bank);

  store::Store& store_;
  media::DecoderPool& pool_;
  const Banks& banks_;
  const Clock& clock_;
  std::filesystem::path snapshot_;
  hamming::Index index_;
  std::mutex refreshing_;  // one reader of the feed at a time
  std::atomic<std::int64_t> heard_{0};
  std::atomic<std::int64_t> saved_{0};  // the watermark of the snapshot on disk

  mutable std::mutex settings_mutex_;
  // Guarded by settings_mutex_: the banks as they were at that number of the feed.
  mutable std::int64_t settings_at_ = -1;
  mutable std::shared_ptr<const std::vector<Bank>> settings_;
};

}  // namespace entente::matching

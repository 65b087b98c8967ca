// SPDX-License-Identifier: Apache-2.0
//
// Exact search by Hamming radius over 256-bit fingerprints: every live entry within `radius` bits
// of the query, none else, whatever the data. An entry is an id (the caller's, any 64-bit number)
// with one hash; several ids may share a hash.
//
//   ENTENTE_TRY(index, hamming::Index::build(ids, hashes));
//   index.add(7, hash);                                  // matchable when add() returns
//   ENTENTE_TRY(hits, index.search(query, 31));          // nearest first, equal distances by id
//
// Thread-safe: any number of searches beside any number of changes, a merge or a snapshot. A search
// is never stopped by them and sees every change that returned before it began. Changes wait for
// one another.
//
// Durability: none by itself. The caller's store is the record; save() writes a snapshot that
// open() maps back in well under a second, and the caller replays what its store has beyond the
// snapshot's `watermark`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "entente/core/error.h"
#include "entente/fingerprint/pdq.h"
#include "entente/hamming/kernels.h"

namespace entente::hamming {

using fingerprint::Pdq;

struct Hit {
  std::uint64_t id = 0;
  int distance = 0;  // bits, 0 to 256
  friend bool operator==(const Hit&, const Hit&) = default;
};

// Memory an index aims at, all in, for each entry. Beyond 2^24 entries row numbers are wider: 15
// bytes more.
inline constexpr std::size_t kBytesPerEntry = 100;
// A small index may take this much whatever it comes to per entry: nobody misses it, and more bands
// are quicker.
inline constexpr std::size_t kFreeBytes = std::size_t{224} << 20;

struct Options {
  // The radius to be quickest at, 0 to 256. Every other radius is answered too, exactly.
  int radius = fingerprint::kMatchDistance;
  std::size_t bytes_per_entry = kBytesPerEntry;
  std::size_t free_bytes = kFreeBytes;
  // For tests and measurements; must be one the machine has.
  Cpu cpu = best_cpu();
  // True: a thread of the index's own merges what was added. False: only settle() does.
  bool own_thread = true;
};

struct Opened;

class Index {
 public:
  explicit Index(const Options& options = {});
  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;
  ~Index();

  // The quick way to fill an index. Of an id that comes twice the last hash counts. kInvalid when
  // the spans differ in length or the radius is not 0 to 256; kTooLarge beyond kMaxRows.
  static Result<Index> build(std::span<const std::uint64_t> ids, std::span<const Pdq> hashes,
                             const Options& options = {});

  // An id that is already there gets the new hash.
  void add(std::uint64_t id, const Pdq& hash);
  // False when the id is not there. A removed entry is in no search that begins afterwards.
  bool remove(std::uint64_t id);

  // All hits, nearest first, equal distances by id. kInvalid when the radius is not 0 to 256.
  Result<std::vector<Hit>> search(const Pdq& query, int radius) const;
  // The same for each query, in their order; cheaper for many at once.
  Result<std::vector<std::vector<Hit>>> search_batch(std::span<const Pdq> queries,
                                                     int radius) const;

  std::size_t size() const;
  // Memory held, all in, mapped pages included.
  std::size_t bytes() const;
  // Merges until nothing is left to merge. Searches go on meanwhile.
  void settle();

  // Writes a snapshot beside `path`, flushes it and renames it into place: `path` is the old
  // snapshot or the new one, whole, after any crash. The changes that returned before save() began
  // are in it.
  Result<void> save(const std::filesystem::path& path, std::uint64_t watermark) const;
  // kNotFound: no such file. kCorrupt: truncated, damaged or forged. kUnsupported: not a snapshot,
  // or of another version or byte order. The file must not be written to while it is open; save()
  // to the same path is safe.
  static Result<Opened> open(const std::filesystem::path& path, const Options& options = {});

 private:
  class Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Opened {
  Index index;
  std::uint64_t watermark = 0;  // what save() was given
};

}  // namespace entente::hamming

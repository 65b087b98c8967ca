// SPDX-License-Identifier: Apache-2.0
//
// Many queries through one segment, band by band and within a band in the order of its groups: what
// one query has fetched the next ones find in the cache, and memory is read from front to back.
//
// No list of lookups is made and sorted. A part of the band is all groups with the same first bits;
// who looks there are the queries whose first bits differ from the part's in few, and of those each
// has flips left for the group's other bits.
#include <algorithm>
#include <array>
#include <bit>

#include "entente/hamming/segment.h"

namespace entente::hamming {
namespace {

// Fewer queries share too little.
constexpr std::size_t kLeastBatch = 64;
constexpr std::size_t kMostBatch = 4096;
constexpr std::size_t kWave = 64;
constexpr std::size_t kRuns = kWave + 16;
constexpr std::size_t kEntries = 4096;
constexpr std::size_t kAhead = 24;
// See segment_search.cc: beyond these a query is cheaper on its own, where it may become a scan.
constexpr std::size_t kEntriesPerRow = 4;
constexpr std::size_t kRowsPerCandidate = 16;
constexpr std::size_t kSpare = 4096;
constexpr std::size_t kRowBytes = 16;

template <class T>
void fetch(const T* at) {
  __builtin_prefetch(at, 0, 3);
}

}  // namespace

class SegmentBatch {
 public:
  SegmentBatch(const Segment& segment, std::span<const Pdq> queries, int radius,
               const Kernels& kernels, std::span<std::vector<Hit>> hits)
      : segment_(segment), queries_(queries), radius_(radius), kernels_(kernels), hits_(hits) {
    for (const auto& list : hits_) before_.push_back(list.size());
    entries_.resize(queries_.size());
    candidates_seen_.resize(queries_.size());
    keys_.resize(queries_.size());
    sketches_.resize(queries_.size());
  }

  void run(const Thresholds& thresholds) {
    for (std::size_t band = 0; band < thresholds.size(); ++band)
      if (thresholds[band] != kSkipped) look_up(band, thresholds);
    for (std::size_t query = 0; query < queries_.size(); ++query) {
      if (!given_up(query)) continue;
      hits_[query].resize(before_[query]);
      segment_.search(queries_[query], radius_, kernels_, hits_[query]);
    }
  }

 private:
  struct Lookup {
    const void* group;
    std::uint32_t query;
    std::uint8_t flipped;
  };
  struct Wave {
    std::size_t count = 0;
    std::array<Lookup, kWave> lookups;
  };
  struct Batch {
    std::size_t count = 0;
    std::size_t entries = 0;
    std::array<Run, kRuns> runs;
    std::array<std::uint32_t, kRuns> queries;
    std::array<std::uint8_t, kRuns> flipped;
  };
  struct Candidate {
    std::size_t at;
    std::uint32_t query;
  };

  bool given_up(std::size_t query) const {
    return entries_[query] > kEntriesPerRow * segment_.rows() + kSpare ||
           candidates_seen_[query] * kRowsPerCandidate > segment_.rows() + kSpare;
  }

  void look_up(std::size_t band, const Thresholds& thresholds) {
    band_ = band;
    test_ = sketch_test(segment_.shape_.plan, thresholds, band);
    const Band& own = segment_.shape_.plan[band];
    // About as many parts as queries.
    const int high =
        std::clamp(static_cast<int>(std::bit_width(queries_.size())) - 1, 1, own.group - 2);
    const int low = own.group - high;
    sort_queries(own, low, high);
    const Flips& high_flips = flips_of(high);
    for (std::uint32_t part = 0; part < std::uint32_t{1} << high; ++part) {
      for (int flipped = 0; flipped <= thresholds[band]; ++flipped) {
        const auto set = static_cast<std::size_t>(flipped);
        for (std::uint32_t i = high_flips.start[set]; i < high_flips.start[set + 1]; ++i) {
          const std::uint32_t from = part ^ high_flips.masks[i];
          for (std::uint32_t at = starts_[from]; at < starts_[from + 1]; ++at)
            look_in_part(sorted_[at], part << low, low, flipped, thresholds[band]);
        }
      }
    }
    for (int stage = 0; stage < 3; ++stage) advance();
    verify();
  }

  void sort_queries(const Band& own, int low, int high) {
    starts_.assign((std::size_t{1} << high) + 1, 0);
    for (std::size_t query = 0; query < queries_.size(); ++query) {
      const std::uint64_t* words = queries_[query].words.data();
      keys_[query] = bits_at(words, own.offset, own.group);
      sketches_[query] = static_cast<std::uint16_t>(
          bits_at(words, static_cast<unsigned>(own.offset + own.group), kSketchBits));
      ++starts_[(keys_[query] >> low) + 1];
    }
    for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
    std::vector<std::uint32_t> next(starts_.begin(), starts_.end() - 1);
    sorted_.resize(queries_.size());
    for (std::uint32_t query = 0; query < queries_.size(); ++query)
      sorted_[next[keys_[query] >> low]++] = query;
  }

  void look_in_part(std::uint32_t query, std::uint32_t part, int low, int flipped, int threshold) {
    if (given_up(query)) return;
    const Band& own = segment_.shape_.plan[band_];
    const Segment::BandData& data = segment_.bands_[band_];
    const Flips& flips = flips_of(low);
    const std::uint32_t key = part | (keys_[query] & ((std::uint32_t{1} << low) - 1));
    for (int more = 0; flipped + more <= threshold; ++more) {
      const auto set = static_cast<std::size_t>(more);
      for (std::uint32_t i = flips.start[set]; i < flips.start[set + 1]; ++i) {
        const std::uint32_t group = key ^ flips.masks[i];
        const void* const at = own.lined
                                   ? static_cast<const void*>(data.sketches + kLineSlots * group)
                                   : static_cast<const void*>(data.directory + group);
        __builtin_prefetch(at, 0, 3);
        Wave& wave = waves_[turn_];
        wave.lookups.data()[wave.count++] = {at, query, static_cast<std::uint8_t>(flipped + more)};
        if (wave.count == kWave) advance();
      }
    }
  }

  void advance() {
    const std::size_t before = 1 - turn_;
    filter(batches_[turn_]);
    open(waves_[before], batches_[before]);
    turn_ = before;
  }

  void open(Wave& wave, Batch& batch) {
    const bool lined = segment_.shape_.plan[band_].lined;
    for (std::size_t i = 0; i < wave.count; ++i) {
      const Lookup& lookup = wave.lookups.data()[i];
      if (lined) {
        open_lines(batch, lookup);
        continue;
      }
      const auto* const group = static_cast<const std::uint32_t*>(lookup.group);
      if (band_ == 0) {
        read_rows(lookup.query, group[0], group[1]);
        continue;
      }
      const std::uint16_t* const sketches = segment_.bands_.data()[band_].sketches + group[0];
      fetch(sketches);
      fetch(sketches + (group[1] - group[0]));
      push(batch, sketches, group[1] - group[0], lookup);
    }
    wave.count = 0;
  }

  void open_lines(Batch& batch, const Lookup& lookup) {
    const auto* line = static_cast<const std::uint16_t*>(lookup.group);
    for (;;) {
      push(batch, line, kLineEntries, lookup);
      const std::uint16_t more = line[kLineEntries];
      if (more == 0) return;
      const std::size_t groups = std::size_t{1} << segment_.shape_.plan[band_].group;
      line = segment_.bands_[band_].sketches + (groups + more - 1) * kLineSlots;
    }
  }

  void push(Batch& batch, const std::uint16_t* sketches, std::uint32_t size, const Lookup& lookup) {
    entries_.data()[lookup.query] += size;
    while (size != 0) {
      const std::uint32_t take = std::min<std::uint32_t>(size, kEntries);
      if (batch.count == kRuns || batch.entries + take > kEntries) filter(batch);
      batch.runs.data()[batch.count] = {sketches, take, sketches_.data()[lookup.query],
                                        static_cast<std::int8_t>(test_.whole() - lookup.flipped),
                                        0};
      batch.queries.data()[batch.count] = lookup.query;
      batch.flipped.data()[batch.count++] = lookup.flipped;
      batch.entries += take;
      sketches += take;
      size -= take;
    }
  }

  void filter(Batch& batch) {
    const std::size_t found = kernels_.filter(batch.runs.data(), batch.count, found_.data());
    for (std::size_t i = 0; i < found; ++i) {
      const std::size_t which = found_[i].run;
      const Run& run = batch.runs[which];
      const auto differ = static_cast<std::uint16_t>(run.sketches[found_[i].at] ^ run.want);
      if (!test_.passes(differ, batch.flipped[which])) continue;
      const auto begin = static_cast<std::size_t>(run.sketches - segment_.bands_[band_].sketches);
      candidates_.push_back({begin + found_[i].at, batch.queries[which]});
      ++candidates_seen_[batch.queries[which]];
    }
    batch.count = 0;
    batch.entries = 0;
    if (candidates_.size() >= kSpare) verify();
  }

  void read_rows(std::uint32_t query, std::size_t begin, std::size_t end) {
    entries_[query] += (end - begin) * (kRowBytes / 2);
    std::array<RowHit, 8 * kScanStep> near;
    while (begin < end) {
      const std::size_t found =
          kernels_.scan(segment_.columns_, begin, end, queries_[query].words.data(), radius_,
                        near.data(), near.size(), begin);
      for (std::size_t i = 0; i < found; ++i)
        segment_.append_live(near[i].row, near[i].distance, hits_[query]);
    }
  }

  void verify() {
    if (candidates_.empty()) return;
    const std::uint8_t* const rows = segment_.bands_[band_].rows;
    const std::size_t row_bytes = segment_.shape_.row_bytes;
    rows_.resize(candidates_.size());
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (i + kAhead < candidates_.size()) fetch(rows + row_bytes * candidates_[i + kAhead].at);
      rows_[i] = static_cast<std::uint32_t>(segment_.stored_row(rows, candidates_[i].at));
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i + kAhead < rows_.size() && rows_[i + kAhead] < segment_.rows()) {
        fetch(segment_.columns_.first + 2 * std::size_t{rows_[i + kAhead]});
        fetch(segment_.columns_.second + 2 * std::size_t{rows_[i + kAhead]});
      }
      if (rows_[i] >= segment_.rows()) continue;  // an empty place, or a forged file
      const std::uint32_t query = candidates_[i].query;
      std::uint16_t distance = 0;
      kernels_.distances(segment_.columns_, &rows_[i], 1, queries_[query].words.data(), &distance);
      if (distance <= radius_) segment_.append_identical(rows_[i], distance, hits_[query]);
    }
    candidates_.clear();
  }

  const Segment& segment_;
  std::span<const Pdq> queries_;
  int radius_;
  const Kernels& kernels_;
  std::span<std::vector<Hit>> hits_;
  std::vector<std::size_t> before_;
  std::vector<std::size_t> entries_;          // seen, by query
  std::vector<std::size_t> candidates_seen_;  // by query
  // Of the band that is looked up:
  std::size_t band_ = 0;
  SketchTest test_;
  std::vector<std::uint32_t> keys_;      // by query
  std::vector<std::uint16_t> sketches_;  // by query
  std::vector<std::uint32_t> starts_;    // of each part's queries in sorted_
  std::vector<std::uint32_t> sorted_;
  std::array<Wave, 2> waves_;
  std::array<Batch, 2> batches_;
  std::size_t turn_ = 0;
  std::array<Found, kEntries> found_;
  std::vector<Candidate> candidates_;
  std::vector<std::uint32_t> rows_;
};

void Segment::search_batch(std::span<const Pdq> queries, int radius, const Kernels& kernels,
                           std::vector<std::vector<Hit>>& hits) const {
  const bool scan = static_cast<std::size_t>(radius) >= thresholds_.size();
  for (std::size_t done = 0; done < queries.size();) {
    const std::size_t take = std::min(queries.size() - done, kMostBatch);
    if (scan || take < kLeastBatch) {
      for (std::size_t i = done; i < done + take; ++i) search(queries[i], radius, kernels, hits[i]);
    } else {
      SegmentBatch(*this, queries.subspan(done, take), radius, kernels,
                   std::span(hits).subspan(done, take))
          .run(thresholds_[static_cast<std::size_t>(radius)]);
    }
    done += take;
  }
}

}  // namespace entente::hamming

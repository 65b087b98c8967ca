// SPDX-License-Identifier: Apache-2.0
//
// One query through one segment. Nearly all its time is waiting for memory, so it runs as a line of
// stages, each fetching what the next will read: directory entries, sketches, row numbers, hashes.
// Its scratch arrays are written before they are read, and not cleared for each query.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "entente/hamming/segment.h"

namespace entente::hamming {
namespace {

// Groups in flight: their first lines fill half of a 48 KiB first-level cache at most.
constexpr std::size_t kWave = 64;
// A wave's groups, and lines that go on.
constexpr std::size_t kRuns = kWave + 16;
// Entries that one pass of the filter may meet; a longer group goes in pieces.
constexpr std::size_t kEntries = 4096;
constexpr std::size_t kCandidates = 64;
// Sketches are read at an eighth of a scan's bytes for a row, candidates at a random place each:
// beyond so many per row of the segment a scan costs less.
constexpr std::size_t kEntriesPerRow = 4;
constexpr std::size_t kRowsPerCandidate = 16;
constexpr std::size_t kLine = 64;
// Of a long run the hardware follows the rest by itself.
constexpr std::size_t kFetched = 8 * kLine;
constexpr std::size_t kRowBytes = 16;  // half a hash

template <class T>
void fetch(const T* at) {
  __builtin_prefetch(at, 0, 3);
}

}  // namespace

class SegmentSearch {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  SegmentSearch(const Segment& segment, const Pdq& query, int radius, const Kernels& kernels,
                std::vector<Hit>& hits)
      : segment_(segment),
        query_(query.words.data()),
        radius_(radius),
        kernels_(kernels),
        hits_(hits) {}

  void run() {
    const std::size_t before = hits_.size();
    if (static_cast<std::size_t>(radius_) < segment_.thresholds_.size()) {
      if (by_bands(segment_.thresholds_[static_cast<std::size_t>(radius_)])) return;
      hits_.resize(before);
    }
    scan(0, segment_.rows());
  }

 private:
  // Groups whose directory entries, or lines, are on their way.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  struct Wave {
    std::size_t count = 0;
    std::array<const void*, kWave> groups;
    std::array<std::uint8_t, kWave> bands;
    std::array<std::uint8_t, kWave> flipped;
  };
  // Runs whose sketches are on their way.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  struct Batch {
    std::size_t count = 0;
    std::size_t entries = 0;
    std::array<Run, kRuns> runs;
    std::array<std::uint8_t, kRuns> flipped;
    // The first band's groups are runs of rows. They are few: its threshold is the lowest.
    std::size_t row_runs = 0;
    std::array<std::uint32_t, kWave> begins;
    std::array<std::uint32_t, kWave> ends;
  };
  struct Candidate {
    std::uint32_t at;
    std::uint32_t band;
  };
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  struct Sought {
    std::uint16_t sketch;
    std::int8_t bound;
    SketchTest test;
  };

  // False when a scan costs less than going on.
  bool by_bands(const Thresholds& thresholds) {
    for (std::size_t band = 0; band < thresholds.size(); ++band) {
      if (thresholds[band] == kSkipped) continue;
      sought_[band] = sought(band, thresholds);
      if (!probe(band, thresholds[band])) return false;
    }
    advance();
    advance();
    advance();
    verify();
    fetch_hashes();
    verify();
    return worth_it();
  }

  bool worth_it() const {
    return entries_seen_ <= kEntriesPerRow * segment_.rows() + kEntries &&
           candidates_seen_ * kRowsPerCandidate <=
               segment_.rows() + kCandidates * kRowsPerCandidate;
  }

  Sought sought(std::size_t band, const Thresholds& thresholds) const {
    const Band& own = segment_.shape_.plan[band];
    Sought out;
    out.sketch = static_cast<std::uint16_t>(
        bits_at(query_, static_cast<unsigned>(own.offset + own.group), kSketchBits));
    out.test = sketch_test(segment_.shape_.plan, thresholds, band);
    out.bound = static_cast<std::int8_t>(out.test.whole());
    return out;
  }

  bool probe(std::size_t band, int threshold) {
    const Band& own = segment_.shape_.plan[band];
    const Flips& flips = flips_of(own.group);
    const std::uint32_t key = bits_at(query_, own.offset, own.group);
    const auto* const base =
        own.lined ? reinterpret_cast<const std::uint8_t*>(segment_.bands_[band].sketches)
                  : reinterpret_cast<const std::uint8_t*>(segment_.bands_[band].directory);
    const std::size_t step = own.lined ? kLine : sizeof(std::uint32_t);
    for (int flipped = 0; flipped <= threshold; ++flipped) {
      const std::uint32_t* mask =
          flips.masks.data() + flips.start[static_cast<std::size_t>(flipped)];
      const std::uint32_t* const end =
          flips.masks.data() + flips.start[static_cast<std::size_t>(flipped) + 1];
      while (mask != end) {
        Wave& wave = waves_[turn_];
        const std::size_t take = std::min(kWave - wave.count, static_cast<std::size_t>(end - mask));
        for (std::size_t i = 0; i < take; ++i) {
          const std::uint8_t* group = base + step * (key ^ mask[i]);
          fetch(group);
          wave.groups.data()[wave.count + i] = group;
        }
        std::fill_n(wave.bands.data() + wave.count, take, static_cast<std::uint8_t>(band));
        std::fill_n(wave.flipped.data() + wave.count, take, static_cast<std::uint8_t>(flipped));
        wave.count += take;
        mask += take;
        if (wave.count == kWave) {
          advance();
          if (!worth_it()) return false;
        }
      }
    }
    return true;
  }

  // One wave's directory entries are sent for while the one before is opened and the one before
  // that is filtered.
  void advance() {
    const std::size_t before = 1 - turn_;
    filter(batches_[turn_]);
    read_rows(batches_[turn_]);
    open(waves_[before], batches_[before]);
    turn_ = before;
  }

  void open(Wave& wave, Batch& batch) {
    for (std::size_t i = 0; i < wave.count; ++i) {
      const std::size_t band = wave.bands.data()[i];
      if (segment_.shape_.plan.data()[band].lined) {
        open_lines(batch, static_cast<const std::uint16_t*>(wave.groups.data()[i]), band,
                   wave.flipped.data()[i]);
        continue;
      }
      const auto* const group = static_cast<const std::uint32_t*>(wave.groups.data()[i]);
      const std::uint32_t begin = group[0];
      const std::uint32_t size = group[1] - begin;
      if (band == 0) {
        open_rows(batch, begin, group[1]);
        continue;
      }
      const std::uint16_t* const sketches = segment_.bands_.data()[band].sketches + begin;
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(sketches);
      fetch(bytes);
      fetch(bytes + 2 * std::size_t{size} - 1);
      for (std::size_t at = kLine; at < 2 * std::size_t{size} && at < kFetched; at += kLine)
        fetch(bytes + at);
      push(batch, sketches, size, band, wave.flipped.data()[i]);
    }
    wave.count = 0;
  }

  // Filters what is there when there is no room for more.
  void push(Batch& batch, const std::uint16_t* sketches, std::uint32_t size, std::size_t band,
            std::uint8_t flipped) {
    const Sought& want = sought_.data()[band];
    const int bound = want.bound - flipped;
    while (size != 0) {
      const std::uint32_t take = std::min<std::uint32_t>(size, kEntries);
      if (batch.count == kRuns || batch.entries + take > kEntries) filter(batch);
      batch.runs.data()[batch.count] = {sketches, take, want.sketch,
                                        static_cast<std::int8_t>(bound),
                                        static_cast<std::uint8_t>(band)};
      batch.flipped.data()[batch.count++] = flipped;
      batch.entries += take;
      sketches += take;
      size -= take;
    }
  }

  void open_lines(Batch& batch, const std::uint16_t* line, std::size_t band, std::uint8_t flipped) {
    for (;;) {
      push(batch, line, kLineEntries, band, flipped);
      const std::uint16_t more = line[kLineEntries];
      if (more == 0) return;
      const std::size_t groups = std::size_t{1} << segment_.shape_.plan[band].group;
      line = segment_.bands_[band].sketches + (groups + more - 1) * kLineSlots;
      fetch(line);
    }
  }

  void filter(Batch& batch) {
    const std::size_t found = kernels_.filter(batch.runs.data(), batch.count, found_.data());
    for (std::size_t i = 0; i < found; ++i) {
      const Run& run = batch.runs[found_[i].run];
      const Sought& want = sought_[run.band];
      const auto differ = static_cast<std::uint16_t>(run.sketches[found_[i].at] ^ want.sketch);
      if (!want.test.passes(differ, batch.flipped[found_[i].run])) continue;
      const Segment::BandData& band = segment_.bands_[run.band];
      const auto at = static_cast<std::uint32_t>(run.sketches - band.sketches) + found_[i].at;
      fetch(band.rows + segment_.shape_.row_bytes * std::size_t{at});
      candidates_[candidate_count_++] = {at, run.band};
      if (candidate_count_ == kCandidates) {
        verify();
        fetch_hashes();
      }
    }
    entries_seen_ += batch.entries;
    batch.count = 0;
    batch.entries = 0;
  }

  void open_rows(Batch& batch, std::uint32_t begin, std::uint32_t end) {
    for (std::size_t row = begin; row < end && row < begin + kFetched / kRowBytes;
         row += kLine / kRowBytes)
      fetch(segment_.columns_.first + 2 * row);
    batch.begins[batch.row_runs] = begin;
    batch.ends[batch.row_runs] = end;
    batch.row_runs += begin != end ? 1 : 0;
    entries_seen_ += (end - begin) * (kRowBytes / 2);
  }

  void read_rows(Batch& batch) {
    for (std::size_t i = 0; i < batch.row_runs; ++i) scan(batch.begins[i], batch.ends[i]);
    batch.row_runs = 0;
  }

  // Row numbers have come; hashes are sent for.
  void fetch_hashes() {
    for (std::size_t i = 0; i < candidate_count_; ++i) {
      const Segment::BandData& band = segment_.bands_[candidates_[i].band];
      const std::size_t row = segment_.stored_row(band.rows, candidates_[i].at);
      if (row >= segment_.rows()) continue;  // a forged file
      fetch(segment_.columns_.first + 2 * row);
      fetch(segment_.columns_.second + 2 * row);
      rows_[row_count_++] = static_cast<std::uint32_t>(row);
    }
    candidates_seen_ += candidate_count_;
    candidate_count_ = 0;
  }

  void verify() {
    kernels_.distances(segment_.columns_, rows_.data(), row_count_, query_, distances_.data());
    for (std::size_t i = 0; i < row_count_; ++i) {
      if (distances_[i] > radius_) continue;
      segment_.append_identical(rows_[i], distances_[i], hits_);
    }
    row_count_ = 0;
  }

  void scan(std::size_t begin, std::size_t end) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    std::array<RowHit, 8 * kScanStep> near;
    while (begin < end) {
      const std::size_t found = kernels_.scan(segment_.columns_, begin, end, query_, radius_,
                                              near.data(), near.size(), begin);
      for (std::size_t i = 0; i < found; ++i)
        segment_.append_live(near[i].row, near[i].distance, hits_);
    }
  }

  const Segment& segment_;
  const std::uint64_t* query_;
  int radius_;
  const Kernels& kernels_;
  std::vector<Hit>& hits_;
  std::array<Sought, kMaxBands> sought_;
  std::array<Wave, 2> waves_;
  std::array<Batch, 2> batches_;
  std::size_t turn_ = 0;
  std::array<Found, kEntries> found_;
  std::array<Candidate, kCandidates> candidates_;
  std::size_t candidate_count_ = 0;
  std::array<std::uint32_t, kCandidates> rows_;
  std::array<std::uint16_t, kCandidates> distances_;
  std::size_t row_count_ = 0;
  std::size_t entries_seen_ = 0;
  std::size_t candidates_seen_ = 0;
};

void Segment::search(const Pdq& query, int radius, const Kernels& kernels,
                     std::vector<Hit>& hits) const {
  SegmentSearch(*this, query, radius, kernels, hits).run();
}

}  // namespace entente::hamming

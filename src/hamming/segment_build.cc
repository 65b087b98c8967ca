// SPDX-License-Identifier: Apache-2.0
//
// Building a segment: rows are put in order of their hashes, which is the first band's order too;
// then each further band's entries are dealt out to their groups, counting first. Linear but for
// the short sorts inside equal prefixes; memory beside the result is 28 bytes a row.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>

#include "entente/hamming/segment.h"

namespace entente::hamming {
namespace {

// Writes to come, fetched ahead: as many as a processor keeps under way.
constexpr std::size_t kAhead = 32;
// Of a lined band's lines at most a quarter may go on from others.
constexpr std::size_t kLinesPerMore = 4;
// Four bytes instead of three for each of some twelve row numbers.
constexpr std::size_t kWideRowBytes = 15;

void store_row(std::uint8_t* rows, std::size_t row_bytes, std::size_t at, std::size_t row) {
  const auto value = static_cast<std::uint32_t>(row);
  std::memcpy(rows + row_bytes * at, &value, row_bytes == 3 ? 3 : 4);
}

}  // namespace

class SegmentBuilder {
 public:
  SegmentBuilder(std::span<const std::uint64_t> ids, std::span<const Pdq> hashes,
                 const SegmentOptions& options)
      : ids_(ids), hashes_(hashes), options_(options) {}

  std::shared_ptr<Segment> run() {
    check(ids_.size() == hashes_.size() && ids_.size() <= kMaxRows, "a segment of too many rows");
    sort_rows();
    choose_shape();
    memory_ = Memory::allocate(layout_.size);
    write_rows();
    write_by_id();
    for (std::size_t band = 0; band < shape_.plan.size(); ++band) write_band(band);
    std::shared_ptr<Segment> segment(new Segment(std::move(shape_), std::move(memory_), 0));
    segment->plan_radii();
    return segment;
  }

 private:
  struct Key {
    std::uint64_t prefix;  // the hash's first word
    std::uint32_t source;
  };

  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(memory_->data() + offset);
  }

  void sort_rows() {
    const std::size_t n = ids_.size();
    const int radix = std::clamp(static_cast<int>(std::bit_width(n)) - 4, 1, 20);
    const int shift = 64 - radix;
    std::vector<std::uint32_t> starts((std::size_t{1} << radix) + 1);
    for (const Pdq& hash : hashes_) ++starts[(hash.words[0] >> shift) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    order_.resize(n);
    std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t prefix = hashes_[i].words[0];
      order_[next[prefix >> shift]++] = {prefix, static_cast<std::uint32_t>(i)};
    }
    const auto before = [&](const Key& a, const Key& b) {
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      const auto by_hash = hashes_[a.source] <=> hashes_[b.source];
      return by_hash != 0 ? by_hash < 0 : ids_[a.source] < ids_[b.source];
    };
    for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
      const auto begin = order_.begin() + starts[i];
      const auto end = order_.begin() + starts[i + 1];
      if (end - begin > 1) std::sort(begin, end, before);
    }
  }

  void choose_shape() {
    const std::size_t n = ids_.size();
    shape_.rows = n;
    for (std::size_t i = 0; i < n; ++i) shape_.distinct += is_first(i) ? 1 : 0;
    if (n != 0) {
      const auto [least, most] = std::minmax_element(ids_.begin(), ids_.end());
      const bool close = *most - *least <= std::numeric_limits<std::uint32_t>::max();
      shape_.id_bytes = close ? 4 : 8;
      shape_.id_base = close ? *least : 0;
    }
    shape_.row_bytes = n <= std::size_t{1} << 24 ? 3 : 4;
    const std::size_t columns = layout_of(shape_).size + n / 8;
    const std::size_t per_row =
        options_.bytes_per_entry + (shape_.row_bytes == 4 ? kWideRowBytes : 0);
    const std::size_t whole = std::max(per_row * n, options_.free_bytes);
    shape_.plan = make_plan({.rows = static_cast<std::size_t>(shape_.distinct),
                             .radius = options_.radius,
                             .row_bytes = shape_.row_bytes,
                             .memory = whole > columns ? whole - columns : 0});
    // Nothing can be said of lines before the rows' groups are counted.
    mark_firsts();
    shape_.lines.assign(shape_.plan.size(), 0);
    for (std::size_t band = 1; band < shape_.plan.size(); ++band)
      if (shape_.plan[band].lined) count_lines(band);
    layout_ = layout_of(shape_);
  }

  void mark_firsts() {
    is_first_.resize(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) is_first_[i] = is_first(i);
  }

  // Where data clusters so much that lines run out, a directory does it.
  void count_lines(std::size_t band) {
    Band& own = shape_.plan[band];
    std::vector<std::uint32_t> sizes(std::size_t{1} << own.group);
    for (std::size_t i = 0; i < order_.size(); ++i)
      if (is_first_[i])
        ++sizes[bits_at(hashes_[order_[i].source].words.data(), own.offset, own.group)];
    std::size_t more = 0;
    for (const std::uint32_t size : sizes)
      if (size > kLineEntries) more += (size - 1) / kLineEntries;
    if (more > std::min<std::size_t>(kMaxMoreLines, sizes.size() / kLinesPerMore))
      own.lined = false;
    else
      shape_.lines[band] = static_cast<std::uint32_t>(sizes.size() + more);
  }

  bool is_first(std::size_t i) const {
    return i == 0 || order_[i].prefix != order_[i - 1].prefix ||
           hashes_[order_[i].source] != hashes_[order_[i - 1].source];
  }

  void write_rows() {
    auto* first = at<std::uint64_t>(layout_.first);
    auto* second = at<std::uint64_t>(layout_.second);
    auto* ids4 = at<std::uint32_t>(layout_.ids);
    auto* ids8 = at<std::uint64_t>(layout_.ids);
    row_of_.resize(order_.size());
    for (std::size_t row = 0; row < order_.size(); ++row) {
      if (row + kAhead < order_.size()) {
        const std::uint32_t later = order_[row + kAhead].source;
        __builtin_prefetch(&hashes_[later]);
        __builtin_prefetch(&ids_[later]);
        __builtin_prefetch(&row_of_[later], 1);
      }
      const std::uint32_t source = order_[row].source;
      const Pdq& hash = hashes_[source];
      first[2 * row] = hash.words[0];
      first[2 * row + 1] = hash.words[1];
      second[2 * row] = hash.words[2];
      second[2 * row + 1] = hash.words[3];
      const std::uint64_t stored = ids_[source] - shape_.id_base;
      if (shape_.id_bytes == 4)
        ids4[row] = static_cast<std::uint32_t>(stored);
      else
        ids8[row] = stored;
      row_of_[source] = static_cast<std::uint32_t>(row);
    }
    order_ = {};
  }

  void write_by_id() {
    auto* by_id = at<std::uint8_t>(layout_.by_id);
    if (std::is_sorted(ids_.begin(), ids_.end())) {
      for (std::size_t i = 0; i < ids_.size(); ++i)
        store_row(by_id, shape_.row_bytes, i, row_of_[i]);
    } else {
      std::vector<std::pair<std::uint64_t, std::uint32_t>> sorted(ids_.size());
      for (std::size_t i = 0; i < ids_.size(); ++i) sorted[i] = {ids_[i], row_of_[i]};
      std::sort(sorted.begin(), sorted.end());
      for (std::size_t i = 0; i < ids_.size(); ++i)
        store_row(by_id, shape_.row_bytes, i, sorted[i].second);
    }
    row_of_ = {};
  }

  void write_lines(std::size_t band) {
    const Band& own = shape_.plan[band];
    auto* sketches = at<std::uint16_t>(layout_.bands[band].sketches);
    auto* rows = at<std::uint8_t>(layout_.bands[band].rows);
    const std::size_t groups = std::size_t{1} << own.group;
    // Empty places: no row, and sketches of every kind, so that no query meets them all.
    for (std::size_t i = 0; i < layout_.bands[band].entries; ++i)
      if (i % kLineSlots != kLineEntries) sketches[i] = static_cast<std::uint16_t>(i * 0x9e37);
    std::memset(rows, 0xff, shape_.row_bytes * layout_.bands[band].entries);
    std::vector<std::uint32_t> places(groups);
    for (std::size_t group = 0; group < groups; ++group)
      places[group] = static_cast<std::uint32_t>(group * kLineSlots);
    std::size_t more = 0;
    for (std::size_t row = 0; row < is_first_.size(); ++row) {
      if (!is_first_[row]) continue;
      const auto words = words_of(row);
      std::uint32_t& place = places[bits_at(words.data(), own.offset, own.group)];
      if (place % kLineSlots == kLineEntries) {
        sketches[place] = static_cast<std::uint16_t>(++more);
        place = static_cast<std::uint32_t>((groups + more - 1) * kLineSlots);
      }
      sketches[place] = sketch_of(words, own);
      store_row(rows, shape_.row_bytes, place++, row);
    }
  }

  std::array<std::uint64_t, 4> words_of(std::size_t row) const {
    const auto* first = at<const std::uint64_t>(layout_.first) + 2 * row;
    const auto* second = at<const std::uint64_t>(layout_.second) + 2 * row;
    return {first[0], first[1], second[0], second[1]};
  }
  static std::uint16_t sketch_of(const std::array<std::uint64_t, 4>& words, const Band& band) {
    return static_cast<std::uint16_t>(
        bits_at(words.data(), static_cast<unsigned>(band.offset + band.group), kSketchBits));
  }

  void write_band(std::size_t band) {
    const Band& own = shape_.plan[band];
    if (own.lined) return write_lines(band);
    auto* directory = at<std::uint32_t>(layout_.bands[band].directory);
    const std::size_t groups = std::size_t{1} << own.group;
    const auto n = static_cast<std::size_t>(shape_.rows);
    for (std::size_t row = 0; row < n; ++row) {
      if (band == 0 || is_first_[row])
        ++directory[bits_at(words_of(row).data(), own.offset, own.group) + 1];
    }
    for (std::size_t group = 0; group < groups; ++group) directory[group + 1] += directory[group];
    if (band == 0) return;

    auto* sketches = at<std::uint16_t>(layout_.bands[band].sketches);
    auto* rows = at<std::uint8_t>(layout_.bands[band].rows);
    // directory[g] moves from where group g begins to where it ends; afterwards all move one on.
    struct Entry {
      std::uint32_t group;
      std::uint32_t row;
      std::uint16_t sketch;
    };
    std::array<Entry, kAhead> waiting;
    std::size_t count = 0;
    const auto deal = [&] {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t place = directory[waiting[i].group]++;
        sketches[place] = waiting[i].sketch;
        store_row(rows, shape_.row_bytes, place, waiting[i].row);
      }
      count = 0;
    };
    for (std::size_t row = 0; row < n; ++row) {
      if (!is_first_[row]) continue;
      const auto words = words_of(row);
      const std::uint32_t group = bits_at(words.data(), own.offset, own.group);
      waiting[count++] = {group, static_cast<std::uint32_t>(row), sketch_of(words, own)};
      __builtin_prefetch(sketches + directory[group], 1);
      __builtin_prefetch(rows + shape_.row_bytes * std::size_t{directory[group]}, 1);
      if (count == kAhead) deal();
    }
    deal();
    std::memmove(directory + 1, directory, groups * sizeof(std::uint32_t));
    directory[0] = 0;
  }

  std::span<const std::uint64_t> ids_;
  std::span<const Pdq> hashes_;
  SegmentOptions options_;
  std::vector<Key> order_;
  std::vector<std::uint32_t> row_of_;  // by source
  std::vector<bool> is_first_;         // by row
  Shape shape_;
  Layout layout_;
  std::shared_ptr<Memory> memory_;
};

std::shared_ptr<Segment> Segment::build(std::span<const std::uint64_t> ids,
                                        std::span<const Pdq> hashes,
                                        const SegmentOptions& options) {
  return SegmentBuilder(ids, hashes, options).run();
}

}  // namespace entente::hamming

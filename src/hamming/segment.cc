// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/segment.h"

#include <cstring>

namespace entente::hamming {
namespace {

constexpr std::size_t kLine = 64;

std::size_t aligned(std::size_t size) {
  return (size + kLine - 1) / kLine * kLine;
}

}  // namespace

Result<void> check_shape(const Shape& shape) {
  const bool ok =
      shape.rows <= kMaxRows && shape.distinct <= shape.rows &&
      (shape.rows == 0) == (shape.distinct == 0) && (shape.id_bytes == 4 || shape.id_bytes == 8) &&
      (shape.row_bytes == 4 || (shape.row_bytes == 3 && shape.rows <= (std::uint64_t{1} << 24))) &&
      is_plan(shape.plan) && shape.lines.size() == shape.plan.size();
  for (std::size_t i = 0; ok && i < shape.plan.size(); ++i) {
    const std::uint64_t groups = std::uint64_t{1} << shape.plan[i].group;
    const bool lined = shape.plan[i].lined;
    if (lined ? shape.lines[i] < groups || shape.lines[i] > groups + kMaxMoreLines
              : shape.lines[i] != 0)
      return fail(Code::kCorrupt, "a band of an impossible number of lines");
  }
  if (!ok) return fail(Code::kCorrupt, "a segment of an impossible shape");
  return {};
}

Layout layout_of(const Shape& shape) {
  Layout layout;
  const auto rows = static_cast<std::size_t>(shape.rows);
  const auto distinct = static_cast<std::size_t>(shape.distinct);
  const auto take = [&](std::size_t size) {
    const std::size_t at = layout.size;
    layout.size += aligned(size);
    return at;
  };
  layout.first = take(16 * rows);
  layout.second = take(16 * rows);
  layout.ids = take(shape.id_bytes * rows);
  layout.by_id = take(shape.row_bytes * rows);
  for (std::size_t i = 0; i < shape.plan.size(); ++i) {
    Layout::BandAt at;
    const std::size_t groups = std::size_t{1} << shape.plan[i].group;
    if (!shape.plan[i].lined) at.directory = take((groups + 1) * sizeof(std::uint32_t));
    if (i != 0) {
      at.entries = shape.plan[i].lined ? shape.lines[i] * kLineSlots : distinct;
      at.sketches = take((at.entries + kSketchSlack) * sizeof(std::uint16_t));
      at.rows = take(shape.row_bytes * at.entries);
    }
    layout.bands.push_back(at);
  }
  return layout;
}

Segment::Segment(Shape shape, std::shared_ptr<const Memory> memory, std::size_t offset)
    : shape_(std::move(shape)),
      layout_(layout_of(shape_)),
      memory_(std::move(memory)),
      block_(memory_->data() + offset),
      dead_((static_cast<std::size_t>(shape_.rows) + 63) / 64),
      live_(static_cast<std::size_t>(shape_.rows)) {
  const auto words = [&](std::size_t at) {
    return reinterpret_cast<const std::uint64_t*>(block_ + at);
  };
  columns_ = {words(layout_.first), words(layout_.second)};
  ids4_ = reinterpret_cast<const std::uint32_t*>(block_ + layout_.ids);
  ids8_ = words(layout_.ids);
  by_id_ = block_ + layout_.by_id;
  for (const Layout::BandAt& at : layout_.bands) {
    bands_.push_back({reinterpret_cast<const std::uint32_t*>(block_ + at.directory),
                      reinterpret_cast<const std::uint16_t*>(block_ + at.sketches),
                      block_ + at.rows});
  }
}

Result<std::shared_ptr<Segment>> Segment::attach(Shape shape, std::shared_ptr<const Memory> memory,
                                                 std::size_t offset) {
  ENTENTE_CHECK_OK(check_shape(shape));
  const std::size_t size = layout_of(shape).size;
  if (offset % kLine != 0 || offset > memory->size() || size > memory->size() - offset)
    return fail(Code::kCorrupt, "a segment reaches beyond its file");
  std::shared_ptr<Segment> segment(new Segment(std::move(shape), std::move(memory), offset));
  for (std::size_t i = 0; i < segment->bands_.size(); ++i) {
    const bool lined = segment->shape_.plan[i].lined;
    if (!(lined ? segment->check_lines(i) : segment->check_directory(i)))
      return fail(Code::kCorrupt, "the groups of a segment are not in order");
  }
  segment->plan_radii();
  return segment;
}

// What lets a search use a group's bounds unchecked.
bool Segment::check_directory(std::size_t band) const {
  const std::uint32_t* directory = bands_[band].directory;
  const std::size_t groups = std::size_t{1} << shape_.plan[band].group;
  bool ok = directory[0] == 0 && directory[groups] == (band == 0 ? shape_.rows : shape_.distinct);
  for (std::size_t group = 0; group < groups; ++group)
    ok &= directory[group] <= directory[group + 1];
  return ok;
}

// Each line goes on in a later one, so every walk ends.
bool Segment::check_lines(std::size_t band) const {
  const std::size_t groups = std::size_t{1} << shape_.plan[band].group;
  const std::uint32_t lines = shape_.lines[band];
  bool ok = true;
  for (std::size_t line = 0; line < lines; ++line) {
    const std::uint16_t more = bands_[band].sketches[line * kLineSlots + kLineEntries];
    if (more != 0) ok &= groups + more - 1 < lines && groups + more - 1 > line;
  }
  return ok;
}

// How long the group of a typical row is: each row's group counted once for each row in it.
double Segment::group_rows(std::size_t band) const {
  const std::size_t groups = std::size_t{1} << shape_.plan[band].group;
  const auto distinct = static_cast<double>(shape_.distinct);
  double squares = 0;
  if (!shape_.plan[band].lined) {
    const std::uint32_t* directory = bands_[band].directory;
    for (std::size_t group = 0; group < groups; ++group) {
      const auto size = static_cast<double>(directory[group + 1] - directory[group]);
      squares += size * size;
    }
    return squares / (band == 0 ? static_cast<double>(shape_.rows) : distinct);
  }
  const double even = distinct / static_cast<double>(groups);
  for (std::size_t group = 0; group < groups; ++group) {
    std::size_t lines = 1;
    for (std::size_t line = group; bands_[band].sketches[line * kLineSlots + kLineEntries] != 0;
         ++lines)
      line = groups + bands_[band].sketches[line * kLineSlots + kLineEntries] - 1;
    const double size = lines == 1 ? even : static_cast<double>(lines * kLineEntries);
    squares += size * size;
  }
  return squares / distinct;
}

void Segment::plan_radii() {
  std::vector<double> typical;
  for (std::size_t i = 0; i < bands_.size(); ++i) typical.push_back(group_rows(i));
  thresholds_ = thresholds_by_radius(shape_.plan, rows(), typical);
}

std::size_t Segment::stored_row(const std::uint8_t* stored, std::size_t at) const {
  std::uint32_t row = 0;
  std::memcpy(&row, stored + shape_.row_bytes * at, shape_.row_bytes == 3 ? 3 : 4);
  return row;
}

void Segment::append_identical(std::size_t first, int distance, std::vector<Hit>& hits) const {
  const Pdq same = hash(first);
  std::size_t row = first;
  do append_live(row, distance, hits);
  while (++row < rows() && hash(row) == same);
}

std::optional<std::size_t> Segment::find(std::uint64_t wanted) const {
  std::size_t low = 0;
  std::size_t high = rows();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const std::size_t row = stored_row(by_id_, middle);
    if (row >= rows()) return std::nullopt;  // a forged file
    const std::uint64_t found = id(row);
    if (found == wanted) return dead(row) ? std::nullopt : std::optional(row);
    if (found < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> Segment::dead_bits() const {
  std::vector<std::uint64_t> bits;
  bits.reserve(dead_.size());
  for (const auto& word : dead_) bits.push_back(word.load(std::memory_order_acquire));
  return bits;
}

bool Segment::kill(std::size_t row) {
  const std::uint64_t bit = std::uint64_t{1} << (row % 64);
  const bool was_live = (dead_[row / 64].fetch_or(bit, std::memory_order_acq_rel) & bit) == 0;
  if (was_live) live_.fetch_sub(1, std::memory_order_relaxed);
  return was_live;
}

}  // namespace entente::hamming

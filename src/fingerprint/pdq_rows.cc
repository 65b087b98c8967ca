// SPDX-License-Identifier: Apache-2.0
#include "entente/fingerprint/pdq_rows.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "entente/fingerprint/pdq_axis.h"
#include "entente/fingerprint/pdq_kernels.h"
#include "entente/fingerprint/pdq_spectrum.h"

namespace entente::fingerprint {
namespace {

// The published weights are floats; their values, exactly.
constexpr std::array<double, 3> kLuma = {0.299F, 0.587F, 0.114F};

std::size_t channels_of(Pixels pixels) {
  return pixels == Pixels::kRgb ? 3 : 1;
}

// The weights along a row, spread over its channels and padded to whole groups of lanes.
struct RowWeights {
  Dots dots;
  std::vector<double> weights;

  RowWeights(const Axis& columns, Pixels pixels) {
    const std::size_t channels = channels_of(pixels);
    for (std::size_t k = 0; k < dots.of.size(); ++k) {
      const Axis::Taps& taps = columns.samples[k];
      Dot& dot = dots.of[k];
      dot.from = static_cast<std::size_t>(taps.first) * channels;
      dot.begin = weights.size();
      for (const std::uint32_t weight : columns.of(taps)) {
        for (std::size_t c = 0; c < channels; ++c) {
          weights.push_back(channels == 1 ? weight : weight * kLuma[c]);
        }
      }
      weights.resize((weights.size() + kLanes - 1) / kLanes * kLanes);
      dot.padded = weights.size() - dot.begin;
      dot.scale = 1.0 / taps.total;
    }
    dots.weights = weights.data();
  }
};

// One sample row in the making: sums of bytes, narrow ones first, or sums of floats.
struct Slot {
  std::vector<std::uint16_t> narrow;
  std::vector<std::uint32_t> wide;
  std::vector<double> doubles;
  std::uint32_t narrow_weight = 0;  // what the narrow sums hold
  bool wide_used = false;           // else `wide` holds the sums of an earlier sample row
};

}  // namespace

class PdqRows::Impl {
 public:
  Impl(int width, int height, const PdqRowsOptions& options)
      : kernels_(*kernels_of(options.path)),
        pixels_(options.pixels),
        columns_(make_axis(width, options.scale)),
        lines_(make_axis(height, options.scale)),
        empty_(width < kMinHashedSide || height < kMinHashedSide),
        exact_(options.scale == 1),
        margins_(margins_for(width, height, options.pixels)),
        values_(static_cast<std::size_t>(columns_.length) * channels_of(pixels_)),
        weights_(columns_, pixels_),
        slots_(static_cast<std::size_t>(lines_.overlap)) {
    for (Slot& slot : slots_) {
      // Dot products read whole groups of lanes.
      const std::size_t padded = values_ + kLanes;
      if (pixels_ == Pixels::kFloatLuma) {
        slot.doubles.resize(padded);
      } else {
        slot.narrow.resize(padded);
        slot.wide.resize(padded);
      }
    }
  }
  Impl(const Impl&) = delete;  // `weights_` points into itself
  Impl& operator=(const Impl&) = delete;

  int row_pixels() const { return columns_.length; }
  int rows() const { return lines_.length; }

  template <class T>
  Result<void> add_row(std::span<const T> row) {
    if (std::is_same_v<T, float> != (pixels_ == Pixels::kFloatLuma)) {
      return fail(Code::kInvalid, "rows of bytes and rows of floats are told apart at create");
    }
    if (next_row_ == lines_.length) {
      return fail(Code::kInvalid, "all " + std::to_string(lines_.length) + " rows were given");
    }
    if (row.size() != values_) {
      return fail(Code::kInvalid, "a row has " + std::to_string(values_) + " values, not " +
                                      std::to_string(row.size()));
    }
    if constexpr (std::is_same_v<T, float>) {
      if (!kernels_.in_range(row.data(), row.size())) {
        return fail(Code::kInvalid, "luma lies between 0 and 255");
      }
    }
    if (!empty_) weigh_in(row.data());
    ++next_row_;
    return {};
  }

  Result<PdqRowsResult> finish() const {
    ENTENTE_CHECK_OK(all_rows());
    if (empty_) return PdqRowsResult{{}, true};
    const Look seen = look_at(sample_, margins_, kernels_);
    return PdqRowsResult{seen.pdq, exact_ && seen.settled};
  }

  Result<PdqRowsDihedralResult> finish_dihedral() const {
    ENTENTE_CHECK_OK(all_rows());
    if (empty_) return PdqRowsDihedralResult{{}, true};
    const DihedralLook seen = look_at_all(sample_, margins_, kernels_);
    return PdqRowsDihedralResult{seen.pdq, exact_ && seen.settled};
  }

 private:
  Result<void> all_rows() const {
    if (next_row_ == lines_.length) return {};
    return fail(Code::kInvalid, std::to_string(lines_.length - next_row_) + " of " +
                                    std::to_string(lines_.length) + " rows are missing");
  }

  std::size_t after(std::size_t slot) const { return slot + 1 == slots_.size() ? 0 : slot + 1; }

  // Adds the row to each sample row it weighs in, and finishes those whose last row it is.
  template <class T>
  void weigh_in(const T* row) {
    std::size_t slot = next_slot_;
    for (std::size_t k = next_sample_; k < lines_.samples.size(); ++k) {
      const Axis::Taps& taps = lines_.samples[k];
      if (taps.first > next_row_) break;
      if (taps.repeats_last) continue;
      add(slots_[slot], row, lines_.of(taps)[static_cast<std::size_t>(next_row_ - taps.first)]);
      slot = after(slot);
    }
    while (next_sample_ < lines_.samples.size()) {
      const Axis::Taps& taps = lines_.samples[next_sample_];
      if (taps.first + taps.count - 1 > next_row_) break;
      finish_sample(taps);
    }
  }

  void add(Slot& slot, const std::uint8_t* row, std::uint32_t weight) {
    if (weight > kMaxNarrowWeight) {
      if (!slot.wide_used) widen(slot);
      kernels_.add_wide(slot.wide.data(), row, weight, values_);
      return;
    }
    if (slot.narrow_weight + weight > kMaxNarrowWeight) widen(slot);
    kernels_.add_narrow(slot.narrow.data(), row, static_cast<std::uint16_t>(weight), values_);
    slot.narrow_weight += weight;
  }

  void add(Slot& slot, const float* row, std::uint32_t weight) {
    kernels_.add_floats(slot.doubles.data(), row, weight, values_);
  }

  void widen(Slot& slot) {
    kernels_.widen(slot.wide.data(), slot.narrow.data(), !slot.wide_used, values_);
    slot.wide_used = true;
    slot.narrow_weight = 0;
  }

  // Writes the next sample row and every repetition of it, and frees its slot.
  void finish_sample(const Axis::Taps& taps) {
    Slot& slot = slots_[next_slot_];
    float* out = sample_.data() + next_sample_ * kSample;
    const double scale = 1.0 / taps.total;
    if (pixels_ == Pixels::kFloatLuma) {
      kernels_.project_doubles(slot.doubles.data(), weights_.dots, scale, out);
      std::fill(slot.doubles.begin(), slot.doubles.end(), 0.0);
    } else {
      if (slot.narrow_weight > 0) widen(slot);
      kernels_.project_sums(slot.wide.data(), weights_.dots, scale, out);
      slot.wide_used = false;
    }
    next_slot_ = after(next_slot_);
    ++next_sample_;
    while (next_sample_ < lines_.samples.size() && lines_.samples[next_sample_].repeats_last) {
      std::copy_n(out, kSample, sample_.data() + next_sample_ * kSample);
      ++next_sample_;
    }
  }

  const Kernels& kernels_;
  Pixels pixels_;
  Axis columns_;
  Axis lines_;
  bool empty_;  // too small to hold a picture
  bool exact_;
  Margins margins_;
  std::size_t values_;  // in one row
  RowWeights weights_;
  std::vector<Slot> slots_;
  Sample sample_{};
  int next_row_ = 0;
  std::size_t next_sample_ = 0;  // the first sample row that lacks rows
  std::size_t next_slot_ = 0;    // its slot
};

int best_jpeg_scale(int width, int height) {
  constexpr int kLeastSide = 256;
  int scale = 8;
  while (scale > 1 && std::min(width, height) / scale < kLeastSide) scale /= 2;
  return scale;
}

Result<PdqRows> PdqRows::create(int width, int height, const PdqRowsOptions& options) {
  if (width < 1 || height < 1) return fail(Code::kInvalid, "a picture has at least one pixel");
  if (width > kMaxSide || height > kMaxSide) {
    return fail(Code::kTooLarge, "a side of " + std::to_string(std::max(width, height)) +
                                     " pixels is above " + std::to_string(kMaxSide));
  }
  if (options.scale != 1 && options.scale != 2 && options.scale != 4 && options.scale != 8) {
    return fail(Code::kInvalid, "a JPEG is decoded at 1/1, 1/2, 1/4 or 1/8", "scale");
  }
  if (!has_cpu_path(options.path)) {
    return fail(Code::kUnsupported, "this processor lacks the instructions asked for", "path");
  }
  return PdqRows(std::make_unique<Impl>(width, height, options));
}

PdqRows::PdqRows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PdqRows::PdqRows(PdqRows&&) noexcept = default;
PdqRows& PdqRows::operator=(PdqRows&&) noexcept = default;
PdqRows::~PdqRows() = default;

int PdqRows::row_pixels() const {
  return impl_->row_pixels();
}
int PdqRows::rows() const {
  return impl_->rows();
}
Result<void> PdqRows::add_row(std::span<const std::uint8_t> row) {
  return impl_->add_row(row);
}
Result<void> PdqRows::add_row(std::span<const float> row) {
  return impl_->add_row(row);
}
Result<PdqRowsResult> PdqRows::finish() const {
  return impl_->finish();
}
Result<PdqRowsDihedralResult> PdqRows::finish_dihedral() const {
  return impl_->finish_dihedral();
}

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
//
// Rows as decoders give them, rightly and wrongly; and the weights of the operator against the
// boxes they stand for. Equality with the published steps is tested in tests/pdq.
#include "entente/fingerprint/pdq_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "entente/fingerprint/pdq_axis.h"
#include "entente/fingerprint/pdq_kernels.h"
#include "entente/fingerprint/pdq_published.h"

namespace entente::fingerprint {
namespace {

using Row = std::vector<std::uint8_t>;

Code error_of(int width, int height, const PdqRowsOptions& options) {
  const auto rows = PdqRows::create(width, height, options);
  EXPECT_FALSE(rows.has_value());
  return rows ? Code::kInternal : rows.error().code;
}

// Waves of several directions and lengths: detail everywhere, no symmetry, the same at any size.
std::uint8_t value_at(int x, int y, int width, int height) {
  const double u = static_cast<double>(x) / width;
  const double v = static_cast<double>(y) / height;
  const double sum = std::sin(19 * u + 3 * v * v) + std::sin(7 * u * v + 23 * v + 1) +
                     std::sin(41 * u * u - 11 * v) + std::cos(5 * u + 31 * v * u);
  return static_cast<std::uint8_t>(127.5 + 31 * sum);
}

TEST(PdqRows, RefusesWhatIsNoPicture) {
  EXPECT_EQ(error_of(0, 10, {}), Code::kInvalid);
  EXPECT_EQ(error_of(10, -1, {}), Code::kInvalid);
  EXPECT_EQ(error_of(kMaxSide + 1, 10, {}), Code::kTooLarge);
  EXPECT_EQ(error_of(10, std::numeric_limits<int>::max(), {}), Code::kTooLarge);
  for (const int scale : {0, -1, 3, 16}) {
    EXPECT_EQ(error_of(500, 500, {.scale = scale}), Code::kInvalid) << scale;
  }
}

TEST(PdqRows, RefusesInstructionsTheProcessorLacks) {
  for (const CpuPath path : {CpuPath::kPortable, CpuPath::kAvx2, CpuPath::kAvx512}) {
    const auto rows = PdqRows::create(100, 100, {.path = path});
    EXPECT_EQ(rows.has_value(), has_cpu_path(path)) << cpu_path_name(path);
    if (!rows) {
      EXPECT_EQ(rows.error().code, Code::kUnsupported);
    }
  }
  EXPECT_TRUE(has_cpu_path(CpuPath::kPortable));
}

TEST(PdqRows, RefusesARowOfAnotherLength) {
  auto rows = PdqRows::create(100, 2, {.pixels = Pixels::kRgb}).value();
  for (const std::size_t length : {0U, 1U, 100U, 299U, 301U, 600U}) {
    const auto added = rows.add_row(Row(length));
    ASSERT_FALSE(added.has_value()) << length;
    EXPECT_EQ(added.error().code, Code::kInvalid);
  }
  EXPECT_TRUE(rows.add_row(Row(300)).has_value());
}

TEST(PdqRows, RefusesTheOtherTypeOfRow) {
  auto bytes = PdqRows::create(10, 10, {.pixels = Pixels::kLuma}).value();
  EXPECT_EQ(bytes.add_row(std::vector<float>(10)).error().code, Code::kInvalid);
  auto floats = PdqRows::create(10, 10, {.pixels = Pixels::kFloatLuma}).value();
  EXPECT_EQ(floats.add_row(Row(10)).error().code, Code::kInvalid);
}

TEST(PdqRows, RefusesToFinishEarlyAndToGoOnAfterTheLastRow) {
  auto rows = PdqRows::create(80, 70, {.pixels = Pixels::kLuma}).value();
  for (int y = 0; y < 69; ++y) ASSERT_TRUE(rows.add_row(Row(80)).has_value());
  ASSERT_FALSE(rows.finish().has_value());
  EXPECT_EQ(rows.finish().error().code, Code::kInvalid);
  EXPECT_EQ(rows.finish_dihedral().error().detail, "1 of 70 rows are missing");
  ASSERT_TRUE(rows.add_row(Row(80)).has_value());
  EXPECT_TRUE(rows.finish().has_value());
  EXPECT_EQ(rows.add_row(Row(80)).error().code, Code::kInvalid);
  EXPECT_TRUE(rows.finish().has_value());
}

TEST(PdqRows, ARefusedRowLeavesNoTrace) {
  const int n = 150;
  const auto feed = [&](bool with_refusals) {
    auto rows = PdqRows::create(n, n, {.pixels = Pixels::kFloatLuma}).value();
    for (int y = 0; y < n; ++y) {
      std::vector<float> row;
      for (int x = 0; x < n; ++x) row.push_back(value_at(x, y, n, n));
      if (with_refusals) {
        for (const float bad : {-1.0F, 256.0F, std::numeric_limits<float>::quiet_NaN()}) {
          std::vector<float> wrong = row;
          wrong[static_cast<std::size_t>(y)] = bad;
          EXPECT_FALSE(rows.add_row(wrong).has_value());
        }
      }
      EXPECT_TRUE(rows.add_row(row).has_value());
    }
    return rows.finish()->pdq.hash;
  };
  EXPECT_EQ(feed(true), feed(false));
}

TEST(PdqRows, ATinyPictureIsSettledWithoutQuality) {
  auto rows = PdqRows::create(4, 300, {.pixels = Pixels::kLuma}).value();
  for (int y = 0; y < 300; ++y) ASSERT_TRUE(rows.add_row(Row(4, 200)).has_value());
  const PdqRowsResult seen = rows.finish().value();
  EXPECT_EQ(seen.pdq.hash, Pdq{});
  EXPECT_EQ(seen.pdq.quality, 0);
  EXPECT_TRUE(seen.settled);
}

TEST(PdqRows, AFlatPictureIsNotSettled) {
  // All of its spectrum is rounding: only the published steps know theirs.
  auto rows = PdqRows::create(300, 300, {.pixels = Pixels::kLuma}).value();
  for (int y = 0; y < 300; ++y) ASSERT_TRUE(rows.add_row(Row(300, 77)).has_value());
  const PdqRowsResult seen = rows.finish().value();
  EXPECT_EQ(seen.pdq.quality, 0);
  EXPECT_FALSE(seen.settled);
}

TEST(PdqRows, MovesWithItsState) {
  auto rows = PdqRows::create(90, 90, {.pixels = Pixels::kLuma}).value();
  for (int y = 0; y < 45; ++y) ASSERT_TRUE(rows.add_row(Row(90, 10)).has_value());
  PdqRows other = std::move(rows);
  for (int y = 45; y < 90; ++y) ASSERT_TRUE(other.add_row(Row(90, 250)).has_value());
  EXPECT_TRUE(other.finish().has_value());
}

TEST(PdqRows, TheScaleLeavesTheSmallerSideItsPixels) {
  EXPECT_EQ(best_jpeg_scale(511, 4000), 1);
  EXPECT_EQ(best_jpeg_scale(512, 4000), 2);
  EXPECT_EQ(best_jpeg_scale(1023, 1023), 2);
  EXPECT_EQ(best_jpeg_scale(1024, 1024), 4);
  EXPECT_EQ(best_jpeg_scale(4000, 2047), 4);
  EXPECT_EQ(best_jpeg_scale(30'000, 2048), 8);
  EXPECT_EQ(best_jpeg_scale(5, 5), 1);
}

// Means of scale×scale blocks, those at the right and bottom edges cut: what libjpeg yields.
std::vector<Row> block_means(const Row& whole, int width, int height, int scale) {
  std::vector<Row> out;
  for (int top = 0; top < height; top += scale) {
    Row row;
    for (int left = 0; left < width; left += scale) {
      int sum = 0;
      int count = 0;
      for (int y = top; y < std::min(height, top + scale); ++y) {
        for (int x = left; x < std::min(width, left + scale); ++x, ++count) {
          sum += whole[static_cast<std::size_t>(y * width + x)];
        }
      }
      row.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
    }
    out.push_back(row);
  }
  return out;
}

PdqRowsResult hash_of(const std::vector<Row>& rows, int width, int height, int scale) {
  auto out = PdqRows::create(width, height, {.pixels = Pixels::kLuma, .scale = scale}).value();
  EXPECT_EQ(out.row_pixels(), static_cast<int>(rows[0].size()));
  EXPECT_EQ(out.rows(), static_cast<int>(rows.size()));
  for (const Row& row : rows) EXPECT_TRUE(out.add_row(row).has_value());
  return out.finish().value();
}

TEST(PdqRows, AScaledPictureIsHashedAsIfItWereWhole) {
  for (const auto& [width, height, scale] :
       {std::tuple{1024, 1030, 4}, {2051, 2049, 8}, {517, 700, 2}}) {
    Row whole;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) whole.push_back(value_at(x, y, width, height));
    }
    const PdqResult strict = pdq_from_luma(std::span(whole), width, height).value();
    const std::vector<Row> small = block_means(whole, width, height, scale);
    const PdqRowsResult scaled = hash_of(small, width, height, scale);
    EXPECT_FALSE(scaled.settled);
    const int distance = scaled.pdq.hash.distance(strict.hash);
    EXPECT_LE(distance, 4) << width << "x" << height;
    // Without the correction the samples lie beside their places.
    const PdqRowsResult plain =
        hash_of(small, static_cast<int>(small[0].size()), static_cast<int>(small.size()), 1);
    EXPECT_GT(plain.pdq.hash.distance(strict.hash), distance) << width << "x" << height;
  }
}

// The boxes of one axis, one after the other, on the unit vector e_i.
std::vector<double> boxed(std::vector<double> line) {
  const int n = static_cast<int>(line.size());
  const int window = box_window(n);
  const int reach = box_reach(window);
  std::vector<double> out;
  for (int o = 0; o < n; ++o) {
    double sum = 0;
    int count = 0;
    for (int i = std::max(0, o - (window - reach)); i <= std::min(n - 1, o + reach - 1); ++i) {
      sum += line[static_cast<std::size_t>(i)];
      ++count;
    }
    out.push_back(sum / count);
  }
  return out;
}

TEST(PdqAxis, ItsWeightsAreTheTwoBoxesAtTheSampledPlaces) {
  for (const int side : {5, 63, 64, 65, 128, 129, 256, 257, 300, 385, 511, 512, 700}) {
    const Axis axis = make_axis(side, 1);
    for (int i = 0; i < side; ++i) {
      std::vector<double> unit(static_cast<std::size_t>(side));
      unit[static_cast<std::size_t>(i)] = 1;
      const std::vector<double> twice = boxed(boxed(unit));
      for (int k = 0; k < kSample; ++k) {
        const Axis::Taps& taps = axis.samples[static_cast<std::size_t>(k)];
        const int at = i - taps.first;
        const double weight =
            at < 0 || at >= taps.count
                ? 0
                : static_cast<double>(axis.of(taps)[static_cast<std::size_t>(at)]) / taps.total;
        const auto place = static_cast<std::size_t>((k + 0.5) * side / kSample);
        ASSERT_NEAR(weight, twice[place], 1e-12) << side << " pixel " << i << " sample " << k;
      }
    }
  }
}

TEST(PdqAxis, BytesNeverOverflowItsSums) {
  for (int side = 1; side <= kMaxSide; side += side < 1000 ? 1 : 61) {
    const Axis axis = make_axis(side, 1);
    for (const Axis::Taps& taps : axis.samples) {
      std::uint64_t total = 0;
      for (const std::uint32_t weight : axis.of(taps)) total += weight;
      ASSERT_EQ(total, taps.total) << side;
      ASSERT_LE(total * 255, std::numeric_limits<std::uint32_t>::max()) << side;
      ASSERT_GE(taps.first, 0);
      ASSERT_LE(taps.first + taps.count, side);
    }
  }
  for (const int side : {kMaxSide, kMaxSide - 1, 128 * 234, 128 * 233 + 1}) {
    for (const Axis::Taps& taps : make_axis(side, 1).samples) {
      ASSERT_LE(std::uint64_t{taps.total} * 255, std::numeric_limits<std::uint32_t>::max());
    }
  }
}

TEST(PdqAxis, AScaledPixelWeighsWhatItsBlockDoes) {
  for (const int side : {260, 511, 1000, 2049}) {
    const Axis whole = make_axis(side, 1);
    for (const int scale : {2, 4, 8}) {
      const Axis scaled = make_axis(side, scale);
      for (std::size_t k = 0; k < kSample; ++k) {
        std::vector<std::uint32_t> sums(static_cast<std::size_t>(scaled.length));
        const Axis::Taps& taps = whole.samples[k];
        for (int i = 0; i < taps.count; ++i) {
          sums[static_cast<std::size_t>((taps.first + i) / scale)] +=
              whole.of(taps)[static_cast<std::size_t>(i)];
        }
        const Axis::Taps& small = scaled.samples[k];
        ASSERT_EQ(small.total, taps.total);
        for (int i = 0; i < small.count; ++i) {
          auto& sum = sums[static_cast<std::size_t>(small.first + i)];
          ASSERT_EQ(scaled.of(small)[static_cast<std::size_t>(i)], sum) << side << " 1/" << scale;
          sum = 0;
        }
        for (const std::uint32_t left : sums) ASSERT_EQ(left, 0U);
      }
    }
  }
}

}  // namespace
}  // namespace entente::fingerprint

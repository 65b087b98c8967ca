// SPDX-License-Identifier: Apache-2.0
//
// The operator against the published steps, written apart (bench/pdq/published.cc): same bits and
// quality, whatever the picture, its size and the processor. Where the operator says `settled` on
// its own it must be right; elsewhere the whole-picture functions must fall back.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "bench/pdq/published.h"
#include "entente/fingerprint/pdq.h"
#include "entente/fingerprint/pdq_kernels.h"
#include "entente/fingerprint/pdq_published.h"
#include "entente/fingerprint/pdq_rows.h"
#include "entente/fingerprint/pdq_spectrum.h"
#include "entente/media/decode.h"

namespace entente::fingerprint {
namespace {

using Random = std::mt19937;
constexpr std::array<CpuPath, 3> kPaths = {CpuPath::kPortable, CpuPath::kAvx2, CpuPath::kAvx512};

struct Picture {
  std::string name;
  int width = 0;
  int height = 0;
  Pixels pixels = Pixels::kLuma;
  std::vector<std::uint8_t> bytes;  // unless floats
  std::vector<float> floats;

  std::size_t row_length() const {
    return static_cast<std::size_t>(width) * (pixels == Pixels::kRgb ? 3 : 1);
  }
  std::vector<float> luma() const {
    if (pixels == Pixels::kFloatLuma) return floats;
    if (pixels == Pixels::kLuma) return {bytes.begin(), bytes.end()};
    std::vector<float> out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      out.push_back(0.299F * static_cast<float>(bytes[i]) +
                    0.587F * static_cast<float>(bytes[i + 1]) +
                    0.114F * static_cast<float>(bytes[i + 2]));
    }
    return out;
  }
};

// `value` of x and y, 0 to 255, for each kind of pixels.
using Draw = std::function<double(int x, int y)>;

Picture draw(std::string name, int width, int height, Pixels pixels, const Draw& value) {
  Picture out{std::move(name), width, height, pixels, {}, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double v = std::clamp(value(x, y), 0.0, 255.0);
      if (pixels == Pixels::kFloatLuma) {
        out.floats.push_back(static_cast<float>(v));
      } else if (pixels == Pixels::kLuma) {
        out.bytes.push_back(static_cast<std::uint8_t>(v));
      } else {
        for (const double part : {1.0, 0.7, 0.4}) {
          out.bytes.push_back(static_cast<std::uint8_t>(255 - part * v));
        }
      }
    }
  }
  return out;
}

// One of every kind of difficulty: noise, waves, nothing at all, a single pixel, edges that fall
// together with the windows or just do not.
Picture some_picture(Random& random, int width, int height) {
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  const auto pixels = static_cast<Pixels>(below(3));
  const auto window = [](int side) { return static_cast<unsigned>((side + 127) / 128); };
  const int a = below(256);
  const int b = below(256);
  const int u = 1 + below(4 * window(width));
  const int v = 1 + below(4 * window(height));
  switch (below(8)) {
    case 0:
      return draw("noise", width, height, pixels,
                  [&](int, int) { return below(256'000) / 1000.0; });
    case 1:
      return draw("waves", width, height, pixels, [&](int x, int y) {
        return 127 + 60 * std::sin(a + 20.0 * x / width + 9.0 * y * y / height / height) +
               60 * std::sin(b + 14.0 * y / height - 5.0 * x * y / width / height);
      });
    case 2:
      return draw("constant", width, height, pixels, [&](int, int) { return a + b / 256.0; });
    case 3: {
      const int at_x = below(static_cast<unsigned>(width));
      const int at_y = below(static_cast<unsigned>(height));
      return draw("pixel", width, height, pixels,
                  [=](int x, int y) { return x == at_x && y == at_y ? 255.0 : a / 3.0; });
    }
    case 4:
      return draw("checkerboard", width, height, pixels,
                  [=](int x, int y) { return (x / u + y / v) % 2 == 0 ? a : b + 0.3; });
    case 5:
      return draw("gradient", width, height, pixels,
                  [=](int x, int y) { return 255.0 * (x * u + y * v) / (width * u + height * v); });
    case 6:
      return draw("stripes", width, height, pixels, [=](int x, int y) {
        return (x / u) % 3 == 0 ? a : ((y / v) % 3 == 0 ? b + 0.7 : 128.4);
      });
    default:
      return draw("half flat", width, height, pixels, [&](int x, int y) {
        return x < width / 2 ? 254.9 : 127 + 90 * std::sin(x * 0.05 + a) * std::cos(y * 0.07 + b);
      });
  }
}

std::string described(const Picture& p) {
  return p.name + " " + std::to_string(p.width) + "x" + std::to_string(p.height) + " pixels " +
         std::to_string(static_cast<int>(p.pixels));
}

PdqDihedralResult strict(const Picture& p) {
  switch (p.pixels) {
    case Pixels::kRgb:
      return pdq_dihedral_from_rgb(p.bytes, p.width, p.height).value();
    case Pixels::kLuma:
      return pdq_dihedral_from_luma(std::span(p.bytes), p.width, p.height).value();
    case Pixels::kFloatLuma:
      break;
  }
  return pdq_dihedral_from_luma(std::span(p.floats), p.width, p.height).value();
}

PdqRows fed(const Picture& p, CpuPath path) {
  auto rows = PdqRows::create(p.width, p.height, {.pixels = p.pixels, .path = path}).value();
  const std::size_t length = p.row_length();
  for (std::size_t y = 0; y < static_cast<std::size_t>(p.height); ++y) {
    const auto added = p.pixels == Pixels::kFloatLuma
                           ? rows.add_row(std::span(p.floats).subspan(y * length, length))
                           : rows.add_row(std::span(p.bytes).subspan(y * length, length));
    EXPECT_TRUE(added.has_value()) << described(p);
  }
  return rows;
}

// A side between 5 and 700, small ones and those around the windows' steps as often as others.
int some_side(Random& random) {
  switch (random() % 3) {
    case 0:
      return static_cast<int>(5 + random() % 130);
    case 1:
      return static_cast<int>(128 * (1 + random() % 5) - 2 + random() % 5);
    default:
      return static_cast<int>(5 + random() % 696);
  }
}

void expect_published_bits(const Picture& p) {
  std::vector<float> luma = p.luma();
  const bench::Published published = bench::published_pdq(luma, p.width, p.height);
  const PdqDihedralResult whole = strict(p);
  ASSERT_EQ(whole.hashes[0].hex(), published.hex()) << described(p);
  ASSERT_EQ(whole.quality, published.quality) << described(p);
  const PdqRows rows = fed(p, CpuPath::kBest);
  const PdqRowsResult one = rows.finish().value();
  if (one.settled) {
    ASSERT_EQ(one.pdq.hash.hex(), published.hex()) << described(p);
    ASSERT_EQ(one.pdq.quality, published.quality) << described(p);
  }
  const PdqRowsDihedralResult all = rows.finish_dihedral().value();
  if (all.settled) {
    ASSERT_EQ(all.pdq.hashes, whole.hashes) << described(p);
  }
}

TEST(PdqOperator, GivesThePublishedBitsOnPicturesOfEveryKindAndSize) {
  Random random(20261122);
  for (int n = 0; n < 400; ++n) {
    expect_published_bits(some_picture(random, some_side(random), some_side(random)));
    if (HasFatalFailure()) return;
  }
}

TEST(PdqOperator, GivesThePublishedBitsOnExtremeShapes) {
  Random random(5);
  for (const auto& [width, height] : {std::pair{5, 5},
                                      {5, 3000},
                                      {3000, 5},
                                      {64, 64},
                                      {64, 65},
                                      {63, 64},
                                      {127, 4001},
                                      {129, 128},
                                      {4001, 127},
                                      {9000, 33}}) {
    for (int n = 0; n < 4; ++n) expect_published_bits(some_picture(random, width, height));
    if (HasFatalFailure()) return;
  }
}

TEST(PdqOperator, AWidestPictureKeepsItsSumsWhole) {
  // White everywhere: the largest sums there can be. A sum that overflowed would show as detail.
  for (const auto& [width, height] : {std::pair{kMaxSide, 7}, {7, kMaxSide}, {kMaxSide - 16, 40}}) {
    const Picture white =
        draw("white", width, height, Pixels::kLuma, [](int, int) { return 255.0; });
    EXPECT_EQ(fed(white, CpuPath::kBest).finish()->pdq.quality, 0) << described(white);
    const Picture left = draw("left half", width, height, Pixels::kLuma,
                              [w = width](int x, int) { return x < w / 2 ? 255.0 : 0.0; });
    expect_published_bits(left);
  }
}

TEST(PdqOperator, EveryInstructionSetGivesTheSameBits) {
  Random random(7);
  int sets = 0;
  for (const CpuPath path : kPaths) sets += has_cpu_path(path) ? 1 : 0;
  ASSERT_GE(sets, 1);
  for (int n = 0; n < 120; ++n) {
    const Picture p = some_picture(random, some_side(random), some_side(random));
    const PdqRowsDihedralResult wanted = fed(p, CpuPath::kPortable).finish_dihedral().value();
    for (const CpuPath path : kPaths) {
      if (!has_cpu_path(path)) continue;
      const PdqRowsDihedralResult got = fed(p, path).finish_dihedral().value();
      ASSERT_EQ(got.pdq.hashes, wanted.pdq.hashes) << described(p) << cpu_path_name(path);
      ASSERT_EQ(got.pdq.quality, wanted.pdq.quality) << described(p) << cpu_path_name(path);
      ASSERT_EQ(got.settled, wanted.settled) << described(p) << cpu_path_name(path);
    }
  }
}

TEST(PdqPublishedSteps, TheStreamedOnesAreThoseOverWholePlanesOnEveryInstructionSet) {
  Random random(11);
  for (int n = 0; n < 60; ++n) {
    const Picture p = some_picture(random, some_side(random), some_side(random));
    const std::vector<float> luma = p.luma();
    std::vector<float> plane = luma;
    const bench::Published published = bench::published_pdq(plane, p.width, p.height);
    for (const CpuPath path : kPaths) {
      if (!has_cpu_path(path)) continue;
      PublishedSteps steps(p.width, p.height, path);
      const auto length = static_cast<std::size_t>(p.width);
      for (std::size_t at = 0; at < luma.size(); at += length) {
        std::copy_n(luma.begin() + static_cast<std::ptrdiff_t>(at), length, steps.next_row());
        steps.pushed();
      }
      const Sample& sample = steps.finish();
      ASSERT_EQ(sample, published.sample) << described(p) << cpu_path_name(path);
      ASSERT_EQ(kernels_of(path)->transform(sample), published.spectrum) << described(p);
    }
  }
}

// By how much of its margin the operator's spectrum differs from the published one, at most.
double margin_used(const Picture& p) {
  std::vector<float> luma = p.luma();
  const bench::Published published = bench::published_pdq(luma, p.width, p.height);
  // The operator in double, apart from PdqRows.
  const Axis columns = make_axis(p.width, 1);
  const Axis lines = make_axis(p.height, 1);
  const std::vector<float> pixels = p.luma();
  Sample sample{};
  std::vector<double> row(pixels.size() / static_cast<std::size_t>(p.height));
  for (std::size_t k = 0; k < kSample; ++k) {
    std::fill(row.begin(), row.end(), 0.0);
    const Axis::Taps& taps = lines.samples[k];
    for (std::size_t i = 0; i < lines.of(taps).size(); ++i) {
      const std::size_t y = static_cast<std::size_t>(taps.first) + i;
      for (std::size_t x = 0; x < row.size(); ++x) {
        row[x] += lines.of(taps)[i] * static_cast<double>(pixels[y * row.size() + x]);
      }
    }
    for (std::size_t j = 0; j < kSample; ++j) {
      const Axis::Taps& along = columns.samples[j];
      double sum = 0;
      for (std::size_t i = 0; i < columns.of(along).size(); ++i) {
        sum += columns.of(along)[i] * row[static_cast<std::size_t>(along.first) + i];
      }
      sample[k * kSample + j] =
          static_cast<float>(sum / (static_cast<double>(taps.total) * along.total));
    }
  }
  const Spectrum ours = kernels_of(CpuPath::kBest)->transform(sample);
  const Margins margins = margins_for(p.width, p.height, p.pixels);
  double used = 0;
  for (std::size_t i = 0; i < kSpectrum; ++i) {
    for (std::size_t j = 0; j < kSpectrum; ++j) {
      const std::size_t at = i * kSpectrum + j;
      used = std::max(used, std::abs(static_cast<double>(ours[at] - published.spectrum[at])) /
                                static_cast<double>(margins.of(i, j)));
    }
  }
  return used;
}

TEST(PdqMargins, PhotographsStayWithinAThirdOfTheirs) {
  const std::filesystem::path folder = "/usr/share/backgrounds/mate/nature";
  ASSERT_TRUE(std::filesystem::exists(folder))
      << "run scripts/build, or apt-get install mate-backgrounds";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jpg") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const Bytes file{std::istreambuf_iterator<char>(in), {}};
    const media::Image image = media::decode(file).value();
    // A part of odd sides: the yardstick takes its time.
    const int width = std::min(image.width, 1203);
    const int height = std::min(image.height, 907);
    Picture rgb{entry.path().filename(), width, height, Pixels::kRgb, {}, {}};
    for (int y = 0; y < height; ++y) {
      const auto row = image.rgb.begin() + std::ptrdiff_t{3} * y * image.width;
      rgb.bytes.insert(rgb.bytes.end(), row, row + std::ptrdiff_t{3} * width);
    }
    EXPECT_LT(margin_used(rgb), 1.0 / 3) << rgb.name;
    Picture luma{rgb.name, width, height, Pixels::kLuma, {}, {}};
    for (const float value : rgb.luma()) luma.bytes.push_back(static_cast<std::uint8_t>(value));
    EXPECT_LT(margin_used(luma), 1.0 / 3) << luma.name;
  }
}

TEST(PdqMargins, PatternsMadeToDriftStayWithinTheirs) {
  // Tiles of a few greys, of about a window's size: what enters a running sum leaves it always at
  // the same rounding, so that errors add up.
  Random random(3);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int n = 0; n < 250; ++n) {
    const int width = 65 + below(n % 5 == 0 ? 4000 : 900);
    const int height = 65 + below(n % 5 == 0 ? 200 : 700);
    std::array<std::array<double, 4>, 4> grey{};
    for (auto& line : grey) {
      for (double& value : line) value = below(255'001) / 1000.0;
    }
    const int u = 1 + below(4 * box_window(width) + 2);
    const int v = 1 + below(4 * box_window(height) + 2);
    const int across = 2 + below(3);
    const int down = 2 + below(3);
    const auto pixels = n % 2 == 0 ? Pixels::kFloatLuma : Pixels::kLuma;
    const Picture p = draw("tiles", width, height, pixels, [&](int x, int y) {
      return grey[static_cast<std::size_t>(y / v % down)][static_cast<std::size_t>(x / u % across)];
    });
    EXPECT_LT(margin_used(p), 1) << described(p) << " tiles " << u << "x" << v;
  }
}

}  // namespace
}  // namespace entente::fingerprint

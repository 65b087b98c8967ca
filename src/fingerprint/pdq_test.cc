// SPDX-License-Identifier: Apache-2.0
//
// The rules of PDQ on pictures drawn here; equality with the reference's values is tested in
// tests/pdq.
#include "entente/fingerprint/pdq.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>

namespace entente::fingerprint {
namespace {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<float> luma;
  float& at(int x, int y) { return luma[static_cast<std::size_t>(y * width + x)]; }
  float at(int x, int y) const { return luma[static_cast<std::size_t>(y * width + x)]; }
};

// Waves of several directions and lengths: detail everywhere, no symmetry.
Picture waves(int width, int height) {
  Picture out{width, height, std::vector<float>(static_cast<std::size_t>(width * height))};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = double(x) / width;
      const double v = double(y) / height;
      const double sum = std::sin(19 * u + 3 * v * v) + std::sin(7 * u * v + 23 * v + 1) +
                         std::sin(41 * u * u - 11 * v) + std::cos(5 * u + 31 * v * u);
      out.at(x, y) = static_cast<float>(127.5 + 31 * sum);
    }
  }
  return out;
}

PdqResult hash(const Picture& p) {
  return pdq_from_luma(p.luma, p.width, p.height).value();
}

TEST(Pdq, WritesAndReadsItsOneSpelling) {
  const std::string text = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
  const Pdq hash = Pdq::parse(text).value();
  EXPECT_EQ(hash.hex(), text);
  EXPECT_EQ(hash.words[3], 0xf8f8f0cee0f4a84fU);  // bit 255 is printed first
  EXPECT_EQ(hash.words[0], 0x33e6b39c4e9c9b22U);
}

TEST(Pdq, RefusesAnyOtherSpelling) {
  const std::string good(64, 'a');
  EXPECT_TRUE(Pdq::parse(good).has_value());
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "a", good.substr(1) + "A", good.substr(1) + "g",
        good.substr(2) + "0x", " " + good.substr(1), good.substr(1) + std::string(1, '\0')}) {
    const auto parsed = Pdq::parse(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
  }
}

TEST(Pdq, CountsTheBitsThatDiffer) {
  const Pdq zero{};
  const Pdq ones = Pdq::parse(std::string(64, 'f')).value();
  EXPECT_EQ(zero.distance(zero), 0);
  EXPECT_EQ(zero.distance(ones), 256);
  EXPECT_EQ(ones.distance(zero), 256);
  EXPECT_EQ(zero.distance(Pdq{{1, 2, 4, 9}}), 5);
}

TEST(PdqHash, RefusesPlanesThatAreNotAPicture) {
  const std::vector<float> luma(100 * 100, 1.0F);
  for (const auto& [width, height] : {std::pair{100, 99}, {0, 100}, {100, -1}, {-100, -100}}) {
    const auto r = pdq_from_luma(luma, width, height);
    ASSERT_FALSE(r.has_value()) << width << "x" << height;
    EXPECT_EQ(r.error().code, Code::kInvalid);
  }
  EXPECT_EQ(pdq_from_luma(luma, kMaxSide + 1, 1).error().code, Code::kTooLarge);
  EXPECT_EQ(pdq_from_luma(luma, std::numeric_limits<int>::max(), std::numeric_limits<int>::max())
                .error()
                .code,
            Code::kTooLarge);
  const std::vector<std::uint8_t> rgb(299);
  EXPECT_EQ(pdq_from_rgb(rgb, 10, 10).error().code, Code::kInvalid);
}

TEST(PdqHash, RefusesLumaOutsideItsRange) {
  for (const float bad : {-0.5F, 255.5F, std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    Picture p = waves(64, 64);
    p.at(63, 63) = bad;
    EXPECT_EQ(pdq_from_luma(p.luma, 64, 64).error().code, Code::kInvalid) << bad;
  }
}

TEST(PdqHash, ATinyPictureHashesToZeroWithoutQuality) {
  for (const auto& [width, height] : {std::pair{4, 400}, {400, 4}, {1, 1}}) {
    const PdqResult r = hash(waves(width, height));
    EXPECT_EQ(r.hash, Pdq{});
    EXPECT_EQ(r.quality, 0);
  }
  EXPECT_NE(hash(waves(5, 5)).hash, Pdq{});
}

TEST(PdqHash, AFlatPictureHasNoQuality) {
  Picture p = waves(300, 200);
  std::fill(p.luma.begin(), p.luma.end(), 99.0F);
  EXPECT_EQ(hash(p).quality, 0);
}

TEST(PdqHash, HalfOfTheBitsAreSet) {
  for (const auto& [width, height] : {std::pair{64, 64}, {200, 333}, {1000, 131}, {5, 700}}) {
    const PdqResult r = hash(waves(width, height));
    int set = 0;
    for (const std::uint64_t word : r.hash.words) set += std::popcount(word);
    EXPECT_EQ(set, 128) << width << "x" << height;
  }
}

TEST(PdqHash, ThePictureDecidesNotItsSize) {
  const PdqResult original = hash(waves(512, 512));
  EXPECT_EQ(original.quality, 100);
  EXPECT_LE(original.hash.distance(hash(waves(300, 700)).hash), 20);
  EXPECT_LE(original.hash.distance(hash(waves(1500, 901)).hash), 20);
  Picture other = waves(512, 512);
  for (int y = 0; y < 512; ++y) {
    for (int x = 0; x < 512; ++x) {
      other.at(x, y) = static_cast<float>((x * x / 37 + y * 3) % 256);
    }
  }
  EXPECT_GT(original.hash.distance(hash(other).hash), 80);
}

// The filter streams rows; a plain box over whole planes, written apart, must give the same hash to
// the bit.
std::vector<float> box_plane(const std::vector<float>& in, int lines, int line_step, int n,
                             int step, int window) {
  std::vector<float> out(in.size());
  const int half = (window + 2) / 2;
  for (int line = 0; line < lines; ++line) {
    const auto index = [&](int i) { return static_cast<std::size_t>(line * line_step + i * step); };
    float sum = 0;
    int first = 0;  // the window holds inputs [first, next)
    int next = 0;
    for (int o = 0; o < n; ++o) {
      while (next < std::min(n, o + half)) sum += in[index(next++)];
      while (first < o - (window - half)) sum -= in[index(first++)];
      out[index(o)] = sum / static_cast<float>(next - first);
    }
  }
  return out;
}

TEST(PdqHash, StreamingRowsGivesWhatWholePlanesGive) {
  for (const auto& [width, height] :
       {std::pair{5, 5}, {64, 65}, {127, 128}, {129, 128}, {257, 640}, {700, 300}, {1025, 63}}) {
    const Picture p = waves(width, height);
    Picture sample{64, 64, std::vector<float>(64 * 64)};
    std::vector<float> plane = p.luma;
    for (int pass = 0; pass < 2; ++pass) {
      plane = box_plane(plane, height, width, width, 1, (width + 127) / 128);
      plane = box_plane(plane, width, 1, height, width, (height + 127) / 128);
    }
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 64; ++x) {
        const int from_y = static_cast<int>((y + 0.5) * height / 64);
        const int from_x = static_cast<int>((x + 0.5) * width / 64);
        sample.at(x, y) = plane[static_cast<std::size_t>(from_y * width + from_x)];
      }
    }
    EXPECT_EQ(hash(p).hash.hex(), hash(sample).hash.hex()) << width << "x" << height;
  }
}

TEST(PdqHash, RgbIsWeighedAsTheStandardSays) {
  std::vector<std::uint8_t> rgb;
  std::vector<float> luma;
  for (unsigned i = 0; i < 200 * 100; ++i) {
    const std::uint8_t r = static_cast<std::uint8_t>(i * i / 50);
    const std::uint8_t g = static_cast<std::uint8_t>(i / 100 * 3);
    const std::uint8_t b = static_cast<std::uint8_t>(i % 100 * 2);
    rgb.insert(rgb.end(), {r, g, b});
    luma.push_back(0.299F * r + 0.587F * g + 0.114F * b);
  }
  const PdqResult from_rgb = pdq_from_rgb(rgb, 200, 100).value();
  EXPECT_EQ(from_rgb.hash, pdq_from_luma(luma, 200, 100)->hash);
  std::swap(rgb[0], rgb[2]);
  for (std::size_t i = 0; i < rgb.size(); i += 3) std::swap(rgb[i], rgb[i + 1]);
  EXPECT_NE(from_rgb.hash, pdq_from_rgb(rgb, 200, 100)->hash);
}

TEST(PdqDihedral, OneTransformGivesTheHashOfEveryTurn) {
  const int n = 512;
  const Picture p = waves(n, n);
  const auto turned = [&](auto place) {
    Picture out{n, n, std::vector<float>(p.luma.size())};
    for (int y = 0; y < n; ++y) {
      for (int x = 0; x < n; ++x) {
        const auto [from_x, from_y] = place(x, y);
        out.at(x, y) = p.at(from_x, from_y);
      }
    }
    return hash(out).hash;
  };
  const int m = n - 1;
  using P = std::pair<int, int>;
  const std::array<Pdq, 8> direct{
      hash(p).hash,
      turned([&](int x, int y) { return P(y, m - x); }),      // clockwise
      turned([&](int x, int y) { return P(m - x, m - y); }),  // half turn
      turned([&](int x, int y) { return P(m - y, x); }),      // counter-clockwise
      turned([&](int x, int y) { return P(x, m - y); }),      // top to bottom
      turned([&](int x, int y) { return P(m - x, y); }),      // left to right
      turned([&](int x, int y) { return P(y, x); }),          // transposed
      turned([&](int x, int y) { return P(m - y, m - x); }),
  };
  const auto all = pdq_dihedral_from_luma(p.luma, n, n).value();
  EXPECT_EQ(all.hashes[0], direct[0]);
  EXPECT_EQ(all.quality, hash(p).quality);
  for (std::size_t t = 0; t < 8; ++t) {
    for (std::size_t d = 0; d < 8; ++d) {
      const int distance = all.hashes[t].distance(direct[d]);
      if (t == d) {
        EXPECT_LE(distance, kMatchDistance) << "turn " << t;
      } else {
        EXPECT_GT(distance, kMatchDistance) << "turn " << t << " against " << d;
      }
    }
  }
}

}  // namespace
}  // namespace entente::fingerprint

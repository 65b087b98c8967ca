// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/test_photographs.h"

#include <gtest/gtest.h>
#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace entente::matching {

namespace {

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Noise in [0,1] on a lattice.
double lattice(std::uint64_t seed, int x, int y) {
  const auto ux = static_cast<std::uint64_t>(x);
  const auto uy = static_cast<std::uint64_t>(y);
  return static_cast<double>(mix(seed ^ mix(ux * 7919 + mix(uy))) >> 11) / 9007199254740992.0;
}

double smooth(std::uint64_t seed, double x, double y) {
  const int ix = static_cast<int>(std::floor(x));
  const int iy = static_cast<int>(std::floor(y));
  const double fx = x - ix;
  const double fy = y - iy;
  const double u = fx * fx * (3 - 2 * fx);
  const double v = fy * fy * (3 - 2 * fy);
  const double top = lattice(seed, ix, iy) * (1 - u) + lattice(seed, ix + 1, iy) * u;
  const double bottom = lattice(seed, ix, iy + 1) * (1 - u) + lattice(seed, ix + 1, iy + 1) * u;
  return top * (1 - v) + bottom * v;
}

double clouds(std::uint64_t seed, double x, double y) {
  double out = 0;
  double weight = 0.5;
  for (int octave = 0; octave < 7; ++octave) {
    out += weight * smooth(seed + static_cast<std::uint64_t>(octave), x, y);
    x *= 2;
    y *= 2;
    weight *= 0.6;
  }
  return out;
}

std::uint8_t to_byte(double v) {
  return static_cast<std::uint8_t>(std::lround(std::min(255.0, std::max(0.0, v))));
}

// A few solid ellipses, as things in front of the sky.
double shade(std::uint64_t seed, double u, double v) {
  double out = 0;
  for (std::uint64_t k = 0; k < 6; ++k) {
    const double cx = lattice(seed + 100, static_cast<int>(k), 1);
    const double cy = lattice(seed + 100, static_cast<int>(k), 2);
    const double r = 0.05 + 0.2 * lattice(seed + 100, static_cast<int>(k), 3);
    const double dx = u - cx;
    const double dy = (v - cy) * 1.4;
    if (dx * dx + dy * dy < r * r) out += k % 2 == 0 ? 60 : -60;
  }
  return out;
}

}  // namespace

media::Image photograph(std::uint64_t seed, int width, int height) {
  media::Image out;
  out.width = width;
  out.height = height;
  out.rgb.reserve(static_cast<std::size_t>(3 * width * height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width;
      const double v = static_cast<double>(y) / height;
      const double base = 190 * clouds(seed * 31, 4 * u, 4 * v) + shade(seed, u, v) - 20;
      for (std::uint64_t c = 0; c < 3; ++c) {
        out.rgb.push_back(to_byte(base + 40 * smooth(seed * 31 + 50 + c, 3 * u, 3 * v)));
      }
    }
  }
  return out;
}

Bytes as_jpeg(const media::Image& image, int quality) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row(static_cast<std::size_t>(3 * image.width));
  while (jpeg.next_scanline < jpeg.image_height) {
    const auto from =
        image.rgb.begin() + static_cast<std::ptrdiff_t>(jpeg.next_scanline * row.size());
    std::copy(from, from + static_cast<std::ptrdiff_t>(row.size()), row.begin());
    JSAMPROW rows[1] = {row.data()};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Bytes out(buffer, buffer + size);
  std::free(buffer);
  return out;
}

media::Image halved(const media::Image& image) {
  media::Image out;
  out.width = image.width / 2;
  out.height = image.height / 2;
  const auto at = [&](int x, int y, int c) {
    return int{image.rgb[static_cast<std::size_t>(3 * (y * image.width + x) + c)]};
  };
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int sum = at(2 * x, 2 * y, c) + at(2 * x + 1, 2 * y, c) + at(2 * x, 2 * y + 1, c) +
                        at(2 * x + 1, 2 * y + 1, c);
        out.rgb.push_back(static_cast<std::uint8_t>(sum / 4));
      }
    }
  }
  return out;
}

media::Image recoloured(const media::Image& image) {
  media::Image out = image;
  constexpr double kGain[3] = {1.08, 1.02, 0.94};
  for (std::size_t i = 0; i < out.rgb.size(); ++i)
    out.rgb[i] = to_byte(out.rgb[i] * kGain[i % 3] + 4);
  return out;
}

Bytes reposted(const media::Image& image) {
  return as_jpeg(recoloured(halved(image)), 60);
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

media::DecoderPool& test_pool() {
  static const auto pool = media::DecoderPool::create({}, picture_job(Exactness::kStrict));
  check(pool.has_value(), "no decoder pool");
  return **pool;
}

TestHouse::TestHouse() {
  auto opened = sqlite::SqliteStore::open(folder.file("matching.db"));
  check(opened.has_value(), "no store");
  store = *std::move(opened);
  check(store::migrate(*store, {migration(), uploads_migration(), tokens_migration()}, to_ms(now))
            .has_value(),
        "no schema");
  check(store
            ->write([&](store::Tx& tx) {
              return banks.create(tx, "terrorist-content", "Terrorist content",
                                  fingerprint::kMatchDistance, now);
            })
            .has_value(),
        "no bank");
}

std::unique_ptr<Matcher> TestHouse::load(const std::filesystem::path& snapshot) const {
  auto out = Matcher::load(*store, pool, banks, clock, snapshot);
  check(out.has_value(), "no matcher");
  return *std::move(out);
}

NewEntry TestHouse::entry(const fingerprint::Pdq& pdq, std::string act, std::string step) const {
  NewEntry out;
  out.bank = "terrorist-content";
  out.pdq = pdq;
  out.quality = 100;
  out.label = "perpetrator-produced-attack";
  out.act = std::move(act);
  out.target = "target-1";
  out.step = std::move(step);
  out.now = now;
  return out;
}

Result<EntryId> TestHouse::add(const NewEntry& entry) {
  return store::write_returning<EntryId>(*store,
                                         [&](store::Tx& tx) { return banks.add(tx, entry); });
}

std::vector<EntryId> TestHouse::tombstone(const std::string& act, const std::string& step) {
  auto out = store::write_returning<std::vector<EntryId>>(*store, [&](store::Tx& tx) {
    return banks.tombstone(tx, act, "target-1", step, now + Millis(1));
  });
  check(out.has_value(), "tombstone failed");
  return *std::move(out);
}

fingerprint::Pdq some_pdq(std::uint64_t seed) {
  fingerprint::Pdq out;
  for (std::size_t i = 0; i < 4; ++i) out.words[i] = mix(seed * 4 + i);
  return out;
}

}  // namespace entente::matching

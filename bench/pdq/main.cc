// SPDX-License-Identifier: Apache-2.0
//
// PDQ from decoded pixels beside the published steps, same bits or the run ends.
//
//   entente_bench_pdq [--rounds 5]   speed, one JSON line per figure
//   entente_bench_pdq --distances    how far cheaper decoding lies from strict hashes
//
// Times are CPU time of the thread, ours and the yardstick's alternating, the median of the rounds
// for each picture; a round of ours is several calls in a row, or it would be too short to time.
// `ratio` is the median over the pictures; `ratio_of_sums` weighs in those where strict mode fell
// back on the published steps. Both start from the decoder's bytes: the yardstick turns them into
// its plane of floats first.
#include <ctime>
#include <string_view>

#include "../bench.h"
#include "../photographs.h"
#include "distances.h"
#include "entente/fingerprint/pdq.h"
#include "entente/fingerprint/pdq_rows.h"
#include "published.h"

namespace entente::bench {
namespace {

using fingerprint::CpuPath;
using fingerprint::PdqResult;
using fingerprint::PdqRows;
using fingerprint::Pixels;

double thread_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

struct Timer {
  std::vector<double> ms;

  // Runs work `times` times in a row and keeps the mean.
  template <class F>
  auto operator()(F work, int times = 1) {
    const double start = thread_ms();
    auto result = work();
    for (int n = 1; n < times; ++n) result = work();
    ms.push_back((thread_ms() - start) / times);
    return result;
  }
  double median() { return percentile(ms, 0.5); }
};

// Both find the picture in the cache, where a decoder has just written it.
void touch(const Raster& raster) {
  std::uint8_t sum = 0;
  for (const std::uint8_t byte : raster.bytes) sum = static_cast<std::uint8_t>(sum + byte);
  static std::atomic<std::uint8_t> seen{0};
  seen.store(sum);
}

Published published_from(const Raster& raster) {
  std::vector<float> luma(raster.bytes.size() / static_cast<unsigned>(raster.channels));
  const std::uint8_t* p = raster.bytes.data();
  if (raster.channels == 1) {
    std::copy(raster.bytes.begin(), raster.bytes.end(), luma.begin());
  } else {
    for (float& value : luma) {
      value = 0.299F * static_cast<float>(p[0]) + 0.587F * static_cast<float>(p[1]) +
              0.114F * static_cast<float>(p[2]);
      p += 3;
    }
  }
  return published_pdq(luma, raster.width, raster.height);
}

PdqResult strict_from(const Raster& raster) {
  return must(raster.channels == 1
                  ? fingerprint::pdq_from_luma(std::span(raster.bytes), raster.width, raster.height)
                  : fingerprint::pdq_from_rgb(raster.bytes, raster.width, raster.height),
              "strict");
}

// Row by row, as a decoder feeds it.
fingerprint::PdqRowsResult rows_from(const Raster& raster, CpuPath path) {
  const Pixels pixels = raster.channels == 1 ? Pixels::kLuma : Pixels::kRgb;
  auto rows =
      must(PdqRows::create(raster.width, raster.height, {.pixels = pixels, .path = path}), "rows");
  const auto length = raster.bytes.size() / static_cast<unsigned>(raster.height);
  for (std::size_t at = 0; at < raster.bytes.size(); at += length) {
    must(rows.add_row(std::span(raster.bytes).subspan(at, length)), "row");
  }
  return must(rows.finish(), "finish");
}

void same_bits(const Published& published, const PdqResult& ours) {
  if (published.hex() != ours.hash.hex() || published.quality != ours.quality) {
    stop("not the bits of the published steps: " + ours.hash.hex() + ", not " + published.hex());
  }
}

struct Size {
  const char* name;
  int width;
  int height;
  int reach;
  int times;  // calls in one round of ours
};
constexpr std::array<Size, 3> kSizes = {{{"512x512", 512, 512, 40, 16},
                                         {"1024x768", 1024, 768, 80, 8},
                                         {"4000x3000", 4000, 3000, 300, 1}}};

// The middle of each photograph that is large enough; for 12 megapixels, of half the size, doubled.
std::vector<Raster> pictures(const Size& size, Colour colour) {
  const bool enlarge = size.width > 2560;
  const int width = enlarge ? size.width / 2 : size.width;
  const int height = enlarge ? size.height / 2 : size.height;
  std::vector<Raster> out;
  for (const Photograph& photograph : debian_photographs()) {
    const Raster whole = decode_jpeg(photograph.file, colour, 1);
    if (whole.width < width || whole.height < height) continue;
    const Raster cut =
        crop(whole, (whole.width - width) / 2, (whole.height - height) / 2, width, height);
    out.push_back(enlarge ? doubled(cut) : cut);
  }
  return out;
}

void measure(const Size& size, Colour colour, std::size_t rounds) {
  std::vector<double> published_ms;
  std::vector<double> strict_ms;
  std::vector<double> rows_ms;
  std::vector<double> ratios;
  double published_sum = 0;
  double strict_sum = 0;
  int fell_back = 0;
  const std::vector<Raster> all = pictures(size, colour);
  for (const Raster& picture : all) {
    Timer published;
    Timer strict;
    Timer rows;
    for (std::size_t round = 0; round < rounds; ++round) {
      touch(picture);
      const Published wanted = published([&] { return published_from(picture); });
      touch(picture);
      same_bits(wanted, strict([&] { return strict_from(picture); }, size.times));
      touch(picture);
      const auto seen = rows([&] { return rows_from(picture, CpuPath::kBest); }, size.times);
      if (seen.settled) same_bits(wanted, seen.pdq);
      if (round == 0 && !seen.settled) ++fell_back;
    }
    published_ms.push_back(published.median());
    strict_ms.push_back(strict.median());
    rows_ms.push_back(rows.median());
    ratios.push_back(published.median() / strict.median());
    published_sum += published.median();
    strict_sum += strict.median();
  }
  figure({{"bench", "pdq"},
          {"figure", size.name},
          {"from", colour == Colour::kLuma ? "luma" : "rgb"},
          {"cpu", fingerprint::cpu_path_name(CpuPath::kBest)},
          {"pictures", all.size()},
          {"enlarged", size.width > 2560},
          {"same_bits", true},
          {"published_ms", round3(percentile(published_ms, 0.5))},
          {"strict_ms", round3(percentile(strict_ms, 0.5))},
          {"rows_ms", round3(percentile(rows_ms, 0.5))},
          {"fell_back", fell_back},
          {"ratio", round3(percentile(ratios, 0.5))},
          {"ratio_of_sums", round3(published_sum / strict_sum)},
          {"reach", colour == Colour::kLuma ? json::Value(size.reach) : json::Value(nullptr)}});
}

// Each instruction set on the same pictures: same bits, other times.
void measure_paths(const Size& size, std::size_t rounds) {
  const std::vector<Raster> all = pictures(size, Colour::kLuma);
  for (const CpuPath path : {CpuPath::kPortable, CpuPath::kAvx2, CpuPath::kAvx512}) {
    if (!fingerprint::has_cpu_path(path)) continue;
    Timer rows;
    for (const Raster& picture : all) {
      const PdqResult best = rows_from(picture, CpuPath::kBest).pdq;
      for (std::size_t round = 0; round < rounds; ++round) {
        const auto seen = rows([&] { return rows_from(picture, path); }, size.times);
        if (seen.pdq.hash != best.hash || seen.pdq.quality != best.quality) {
          stop("instruction sets disagree");
        }
      }
    }
    figure({{"bench", "pdq"},
            {"figure", std::string(size.name) + " rows"},
            {"from", "luma"},
            {"cpu", fingerprint::cpu_path_name(path)},
            {"rows_ms", round3(rows.median())}});
  }
}

// From JPEG bytes: decoding alone at full size, and decoding at 1/scale with the hash.
void measure_scaled(const Size& size, std::size_t rounds) {
  const int scale = fingerprint::best_jpeg_scale(size.width, size.height);
  Timer full;
  Timer scaled;
  Timer hash;
  for (const Raster& picture : pictures(size, Colour::kRgb)) {
    const Jpeg file = encode_jpeg(picture);
    for (std::size_t round = 0; round < rounds; ++round) {
      full([&] { return decode_jpeg(file, Colour::kLuma, 1).bytes[0]; });
      const Raster small = scaled([&] { return decode_jpeg(file, Colour::kLuma, scale); });
      hash([&] { return scaled_pdq(small, size.width, size.height, scale); }, size.times);
    }
  }
  figure({{"bench", "pdq"},
          {"figure", std::string(size.name) + " JPEG"},
          {"from", "luma at 1/" + std::to_string(scale)},
          {"decode_full_ms", round3(full.median())},
          {"decode_scaled_ms", round3(scaled.median())},
          {"hash_scaled_ms", round3(hash.median())},
          {"ratio_to_decoding_full", round3(full.median() / (scaled.median() + hash.median()))}});
}

int run(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--distances") {
    print_distances();
    return 0;
  }
  const std::size_t rounds = first == "--rounds" && argc > 2 ? std::stoul(argv[2]) : 5;
  for (const Size& size : kSizes) measure(size, Colour::kLuma, rounds);
  for (const Size& size : kSizes) measure(size, Colour::kRgb, rounds);
  for (const Size& size : kSizes) measure_paths(size, rounds);
  for (const Size& size : kSizes) measure_scaled(size, rounds);
  return 0;
}

}  // namespace
}  // namespace entente::bench

int main(int argc, char** argv) {
  return entente::bench::run(argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
#include "distances.h"

#include <fmt/format.h>

#include <cstdio>
#include <functional>

#include "../bench.h"
#include "entente/fingerprint/pdq_rows.h"

namespace entente::bench {
namespace {

using fingerprint::PdqRows;
using fingerprint::Pixels;

PdqRows fed(const Raster& decoded, int width, int height, int scale) {
  const Pixels pixels = decoded.channels == 1 ? Pixels::kLuma : Pixels::kRgb;
  auto rows = must(PdqRows::create(width, height, {.pixels = pixels, .scale = scale}), "rows");
  if (rows.row_pixels() != decoded.width || rows.rows() != decoded.height) {
    stop("libjpeg's scaled size is not the one expected");
  }
  const auto length = decoded.bytes.size() / static_cast<unsigned>(decoded.height);
  for (std::size_t at = 0; at < decoded.bytes.size(); at += length) {
    must(rows.add_row(std::span(decoded.bytes).subspan(at, length)), "row");
  }
  return rows;
}

struct Sample {
  Jpeg file;
  int width = 0;
  int height = 0;
  fingerprint::Pdq strict;
};

Sample sample_of(const Jpeg& file) {
  const Raster rgb = decode_jpeg(file, Colour::kRgb, 1);
  const auto pdq = must(fingerprint::pdq_from_rgb(rgb.bytes, rgb.width, rgb.height), "strict");
  return {file, rgb.width, rgb.height, pdq.hash};
}

// Pictures of many sizes and contents: whole photographs, and crops of them encoded anew.
std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (const Photograph& p :
       photographs_in(std::filesystem::path(ENTENTE_SHARED_DIR) / "data/pdq")) {
    out.push_back(sample_of(p.file));
  }
  for (const Photograph& p : debian_photographs()) {
    out.push_back(sample_of(p.file));
    const Raster whole = decode_jpeg(p.file, Colour::kRgb, 1);
    // Odd sides and origins, so that blocks and windows do not fall together.
    for (const auto& [width, height] :
         {std::pair{261, 261}, {512, 512}, {601, 899}, {1024, 768}, {1279, 1021}}) {
      if (whole.width < width || whole.height < height) continue;
      const int x = (whole.width - width) / 3;
      const int y = (whole.height - height) / 2;
      out.push_back(sample_of(encode_jpeg(crop(whole, x, y, width, height))));
    }
    if (whole.width >= 2000 && whole.height >= 1500) {
      out.push_back(sample_of(encode_jpeg(doubled(crop(whole, 0, 0, 2000, 1500)))));
    }
  }
  return out;
}

// The distance of one sample, or nothing when the method does not apply to it.
using Method = std::function<std::optional<int>(const Sample&)>;

void print_row(const char* name, const std::vector<Sample>& all, const Method& method) {
  std::vector<double> distances;
  for (const Sample& sample : all) {
    if (const auto distance = method(sample)) distances.push_back(*distance);
  }
  if (distances.empty()) return;
  fmt::print("| {} | {} | {} | {} | {} |\n", name, distances.size(), percentile(distances, 0.5),
             percentile(distances, 0.9), percentile(distances, 1));
}

int distance_at(const Sample& sample, Colour colour, int scale) {
  const Raster decoded = decode_jpeg(sample.file, colour, scale);
  return scaled_pdq(decoded, sample.width, sample.height, scale).hash.distance(sample.strict);
}

// What one would do without the correction: hash the small picture as if it were whole.
int plain_distance_at(const Sample& sample, int scale) {
  const Raster decoded = decode_jpeg(sample.file, Colour::kLuma, scale);
  return scaled_pdq(decoded, decoded.width, decoded.height, 1).hash.distance(sample.strict);
}

// How often strict mode must take the published steps, on full-size pictures.
void print_unsettled(const std::vector<Sample>& all) {
  fmt::print("\n| strict from | pictures | one hash falls back | any of eight does |\n");
  fmt::print("| --- | --- | --- | --- |\n");
  for (const Colour colour : {Colour::kLuma, Colour::kRgb}) {
    int one = 0;
    int any = 0;
    for (const Sample& sample : all) {
      const PdqRows rows = fed(decode_jpeg(sample.file, colour, 1), sample.width, sample.height, 1);
      one += must(rows.finish(), "finish").settled ? 0 : 1;
      any += must(rows.finish_dihedral(), "finish").settled ? 0 : 1;
    }
    fmt::print("| {} | {} | {} | {} |\n", colour == Colour::kLuma ? "Y plane" : "RGB", all.size(),
               one, any);
  }
}

}  // namespace

fingerprint::PdqResult scaled_pdq(const Raster& decoded, int width, int height, int scale) {
  return must(fed(decoded, width, height, scale).finish(), "finish").pdq;
}

void print_distances() {
  const std::vector<Sample> all = samples();
  const auto best = [](const Sample& s) { return fingerprint::best_jpeg_scale(s.width, s.height); };
  fmt::print("| decoded as | pictures | median | p90 | max |\n| --- | --- | --- | --- | --- |\n");
  print_row("Y plane, full size", all,
            [](const Sample& s) { return distance_at(s, Colour::kLuma, 1); });
  print_row("RGB, best scale", all,
            [&](const Sample& s) { return distance_at(s, Colour::kRgb, best(s)); });
  print_row("Y plane, best scale", all,
            [&](const Sample& s) { return distance_at(s, Colour::kLuma, best(s)); });
  for (const int scale : {2, 4, 8}) {
    print_row(fmt::format("– where that is 1/{}", scale).c_str(), all,
              [&](const Sample& s) -> std::optional<int> {
                if (best(s) != scale) return std::nullopt;
                return distance_at(s, Colour::kLuma, scale);
              });
  }
  print_row("Y plane, best scale, without the correction", all,
            [&](const Sample& s) { return plain_distance_at(s, best(s)); });
  for (const auto& [least, name] :
       {std::pair{128, "Y plane, smaller side kept at least 128, not 256"},
        std::pair{64, "Y plane, smaller side kept at least 64"}}) {
    print_row(name, all, [least](const Sample& s) -> std::optional<int> {
      int scale = 8;
      while (scale > 1 && std::min(s.width, s.height) / scale < least) scale /= 2;
      if (scale == fingerprint::best_jpeg_scale(s.width, s.height)) return std::nullopt;
      return distance_at(s, Colour::kLuma, scale);
    });
  }
  print_unsettled(all);
}

}  // namespace entente::bench

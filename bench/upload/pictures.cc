// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <fstream>
#include <iterator>

#include "../bench.h"
#include "../photographs.h"

namespace entente::bench {

namespace {

constexpr const char* kScenes[] = {"Garden", "GreenMeadow", "LadyBird", "Dune", "Wood"};

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes out{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (out.empty()) stop("no photograph at " + path + " (Debian: mate-backgrounds)");
  return out;
}

// 0 1 2 … n-1 n-1 … 1 0 0 1 …
int mirrored(int at, int side) {
  const int turn = at % (2 * side);
  return turn < side ? turn : 2 * side - 1 - turn;
}

Raster cut(const Raster& photo, int width, int height) {
  Raster out{width, height, 3, {}};
  out.bytes.reserve(static_cast<std::size_t>(3 * width * height));
  for (int y = 0; y < height; ++y) {
    const int from_y = mirrored(y, photo.height);
    for (int x = 0; x < width; ++x) {
      const auto at =
          static_cast<std::size_t>(3 * (from_y * photo.width + mirrored(x, photo.width)));
      out.bytes.insert(out.bytes.end(), photo.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       photo.bytes.begin() + static_cast<std::ptrdiff_t>(at + 3));
    }
  }
  return out;
}

}  // namespace

std::vector<Bytes> pictures(const std::string& folder, int width, int height) {
  std::vector<Bytes> out;
  for (const char* scene : kScenes)
    out.push_back(encode_jpeg(cut(
        decode_jpeg(read_file(folder + "/" + scene + ".jpg"), Colour::kRgb, 1), width, height)));
  return out;
}

std::uint64_t decode_luma(const Bytes& file) {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(&jpeg);
  Bytes row(jpeg.output_width);
  std::uint64_t out = 0;
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW rows[1] = {row.data()};
    jpeg_read_scanlines(&jpeg, rows, 1);
    out += row[row.size() / 2];
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return out;
}

}  // namespace entente::bench

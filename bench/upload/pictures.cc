// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "../bench.h"

namespace entente::bench {

namespace {

constexpr int kQuality = 85;
constexpr const char* kScenes[] = {"Garden", "GreenMeadow", "LadyBird", "Dune", "Wood"};

struct Rgb {
  int width = 0;
  int height = 0;
  Bytes pixels;
};

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes out{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (out.empty()) stop("no photograph at " + path + " (Debian: mate-backgrounds)");
  return out;
}

Rgb decode_rgb(const Bytes& file) {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  Rgb out;
  out.width = static_cast<int>(jpeg.output_width);
  out.height = static_cast<int>(jpeg.output_height);
  const auto stride = static_cast<std::size_t>(3 * out.width);
  out.pixels.resize(stride * static_cast<std::size_t>(out.height));
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = out.pixels.data() + jpeg.output_scanline * stride;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return out;
}

Bytes encode(const Rgb& image) {
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
  jpeg_set_quality(&jpeg, kQuality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row(static_cast<std::size_t>(3 * image.width));
  while (jpeg.next_scanline < jpeg.image_height) {
    const auto from =
        image.pixels.begin() + static_cast<std::ptrdiff_t>(jpeg.next_scanline * row.size());
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

// 0 1 2 … n-1 n-1 … 1 0 0 1 …
int mirrored(int at, int side) {
  const int turn = at % (2 * side);
  return turn < side ? turn : 2 * side - 1 - turn;
}

Rgb cut(const Rgb& photo, int width, int height) {
  Rgb out;
  out.width = width;
  out.height = height;
  out.pixels.reserve(static_cast<std::size_t>(3 * width * height));
  for (int y = 0; y < height; ++y) {
    const int from_y = mirrored(y, photo.height);
    for (int x = 0; x < width; ++x) {
      const auto at =
          static_cast<std::size_t>(3 * (from_y * photo.width + mirrored(x, photo.width)));
      out.pixels.insert(out.pixels.end(), photo.pixels.begin() + static_cast<std::ptrdiff_t>(at),
                        photo.pixels.begin() + static_cast<std::ptrdiff_t>(at + 3));
    }
  }
  return out;
}

}  // namespace

std::vector<Bytes> pictures(const std::string& folder, int width, int height) {
  std::vector<Bytes> out;
  for (const char* scene : kScenes)
    out.push_back(encode(cut(decode_rgb(read_file(folder + "/" + scene + ".jpg")), width, height)));
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

// SPDX-License-Identifier: Apache-2.0
#include "photographs.h"

#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "bench.h"

namespace entente::bench {
namespace {

[[noreturn]] void on_error(j_common_ptr jpeg) {
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  stop(std::string("JPEG: ") + text);
}

}  // namespace

Raster decode_jpeg(const Jpeg& file, Colour colour, int scale) {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = colour == Colour::kLuma ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.scale_num = 1;
  jpeg.scale_denom = static_cast<unsigned>(scale);
  jpeg_start_decompress(&jpeg);
  Raster out{static_cast<int>(jpeg.output_width),
             static_cast<int>(jpeg.output_height),
             jpeg.output_components,
             {}};
  const std::size_t row = std::size_t{jpeg.output_width} * static_cast<unsigned>(out.channels);
  out.bytes.resize(row * jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW at = out.bytes.data() + row * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return out;
}

Jpeg encode_jpeg(const Raster& rgb) {
  constexpr int kQuality = 85;
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = static_cast<unsigned>(rgb.width);
  jpeg.image_height = static_cast<unsigned>(rgb.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, kQuality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  const std::size_t stride = std::size_t{3} * jpeg.image_width;
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW at = const_cast<JSAMPROW>(rgb.bytes.data()) + stride * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  Jpeg out(memory, memory + size);
  std::free(memory);
  return out;
}

std::vector<Photograph> photographs_in(const std::filesystem::path& folder) {
  std::vector<Photograph> out;
  if (!std::filesystem::exists(folder)) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jpg") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    out.push_back({entry.path().filename().string(), Jpeg(std::istreambuf_iterator<char>(in), {})});
  }
  std::sort(out.begin(), out.end(),
            [](const Photograph& a, const Photograph& b) { return a.name < b.name; });
  return out;
}

std::vector<Photograph> debian_photographs() {
  auto out = photographs_in("/usr/share/backgrounds/mate/nature");
  if (out.empty()) stop("the photographs of Debian's package mate-backgrounds are missing");
  return out;
}

Raster crop(const Raster& from, int x, int y, int width, int height) {
  Raster out{width, height, from.channels, {}};
  const std::size_t channels = static_cast<unsigned>(from.channels);
  const std::size_t row = static_cast<unsigned>(width) * channels;
  for (int line = y; line < y + height; ++line) {
    const std::size_t at = (static_cast<std::size_t>(line) * static_cast<unsigned>(from.width) +
                            static_cast<unsigned>(x)) *
                           channels;
    out.bytes.insert(out.bytes.end(), from.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     from.bytes.begin() + static_cast<std::ptrdiff_t>(at + row));
  }
  return out;
}

Raster doubled(const Raster& from) {
  Raster out{2 * from.width, 2 * from.height, from.channels, {}};
  out.bytes.reserve(4 * from.bytes.size());
  // Pixel centres: each new pixel lies a quarter from one old centre, three quarters from another.
  const auto near_and_far = [](int at, int length) {
    const int near = at / 2;
    const int far = at % 2 == 0 ? near - 1 : near + 1;
    return std::pair(near, std::clamp(far, 0, length - 1));
  };
  const auto value = [&](int x, int y, int c) {
    return static_cast<int>(
        from.bytes[static_cast<std::size_t>((y * from.width + x) * from.channels + c)]);
  };
  for (int y = 0; y < out.height; ++y) {
    const auto [y_near, y_far] = near_and_far(y, from.height);
    for (int x = 0; x < out.width; ++x) {
      const auto [x_near, x_far] = near_and_far(x, from.width);
      for (int c = 0; c < from.channels; ++c) {
        const int sum = 9 * value(x_near, y_near, c) + 3 * value(x_far, y_near, c) +
                        3 * value(x_near, y_far, c) + value(x_far, y_far, c);
        out.bytes.push_back(static_cast<std::uint8_t>((sum + 8) / 16));
      }
    }
  }
  return out;
}

}  // namespace entente::bench

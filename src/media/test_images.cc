// SPDX-License-Identifier: Apache-2.0
#include "entente/media/test_images.h"

#include <cstdio>
#include <cstdlib>

// clang-format off
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
// clang-format on

namespace entente::media {
namespace {

void append_u32(Bytes& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t crc_of(ByteView bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

void append_chunk(Bytes& out, std::string_view type, const Bytes& data) {
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  const Bytes body = joined(to_bytes(type), data);
  out = joined(std::move(out), body);
  append_u32(out, crc_of(body));
}

}  // namespace

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes drawn(int width, int height) {
  Bytes out;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      out.push_back(static_cast<std::uint8_t>(255 * x / width));
      out.push_back(static_cast<std::uint8_t>(255 * y / height));
      out.push_back(static_cast<std::uint8_t>((x * 7 + y * 13) % 128));
    }
  }
  return out;
}

Bytes write_jpeg(const Bytes& pixels, int width, int height, JpegKind kind) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_CreateCompress(&jpeg, JPEG_LIB_VERSION, sizeof jpeg);
  unsigned char* file = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &file, &size);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = kind == JpegKind::kGrey ? 1 : kind == JpegKind::kInks ? 4 : 3;
  jpeg.in_color_space = kind == JpegKind::kGrey   ? JCS_GRAYSCALE
                        : kind == JpegKind::kInks ? JCS_CMYK
                                                  : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (kind == JpegKind::kProgressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  Bytes row(static_cast<std::size_t>(width * jpeg.input_components));
  while (jpeg.next_scanline < jpeg.image_height) {
    std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(jpeg.next_scanline * row.size()),
                row.size(), row.begin());
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  Bytes out(file, file + size);
  jpeg_destroy_compress(&jpeg);
  std::free(file);
  return out;
}

Bytes write_png(const Bytes& pixels, int width, int height, const PngKind& kind) {
  Bytes out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, std::size_t size) {
        auto& file = *static_cast<Bytes*>(png_get_io_ptr(p));
        file.insert(file.end(), data, data + size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               kind.depth, kind.colour_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette;
  for (std::size_t i = 0; i + 2 < kind.palette.size(); i += 3) {
    palette.push_back({kind.palette[i], kind.palette[i + 1], kind.palette[i + 2]});
  }
  if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  if (!kind.palette_alpha.empty()) {
    png_set_tRNS(png, info, kind.palette_alpha.data(), static_cast<int>(kind.palette_alpha.size()),
                 nullptr);
  }
  png_write_info(png, info);
  std::vector<png_bytep> rows;
  Bytes copy = pixels;
  const std::size_t stride = png_get_rowbytes(png, info);
  for (int y = 0; y < height; ++y) {
    rows.push_back(copy.data() + static_cast<std::size_t>(y) * stride);
  }
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

Bytes forged_png(std::uint32_t width, std::uint32_t height, const Bytes& image_data) {
  Bytes out = to_bytes("\x89PNG\r\n\x1a\n");
  Bytes header;
  append_u32(header, width);
  append_u32(header, height);
  header = joined(std::move(header), {8, 0, 0, 0, 0});  // 8-bit grey, not interlaced
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", image_data);
  append_chunk(out, "IEND", {});
  return out;
}

Bytes write_webp(const Bytes& rgba, int width, int height) {
  std::uint8_t* file = nullptr;
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data(), width, height, 4 * width, &file);
  Bytes out(file, file + size);
  WebPFree(file);
  return out;
}

}  // namespace entente::media

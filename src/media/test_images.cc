// SPDX-License-Identifier: Apache-2.0
#include "entente/media/test_images.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

// clang-format off
#include <jpeglib.h>
#include <png.h>
#include <libheif/heif.h>
#include <webp/encode.h>
#include <zlib.h>
// clang-format on

// x265 keeps a few buffers of each encoder for ever; it runs in tests only.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name for it
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libx265";
}

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

Bytes png_of_chunks(std::uint32_t width, std::uint32_t height,
                    const std::vector<std::pair<std::string, Bytes>>& chunks) {
  Bytes out = to_bytes("\x89PNG\r\n\x1a\n");
  Bytes header;
  append_u32(header, width);
  append_u32(header, height);
  header = joined(std::move(header), {8, 0, 0, 0, 0});  // 8-bit grey, not interlaced
  append_chunk(out, "IHDR", header);
  for (const auto& [type, data] : chunks) append_chunk(out, type, data);
  append_chunk(out, "IEND", {});
  return out;
}

Bytes forged_png(std::uint32_t width, std::uint32_t height, const Bytes& image_data) {
  return png_of_chunks(width, height, {{"IDAT", image_data}});
}

Bytes deflated_zeros(std::size_t count) {
  const Bytes zeros(count, 0);
  uLongf size = compressBound(static_cast<uLong>(count));
  Bytes out(size);
  if (compress2(out.data(), &size, zeros.data(), static_cast<uLong>(count), 9) != Z_OK)
    std::abort();
  out.resize(size);
  return out;
}

Bytes write_webp(const Bytes& rgba, int width, int height) {
  std::uint8_t* file = nullptr;
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data(), width, height, 4 * width, &file);
  Bytes out(file, file + size);
  WebPFree(file);
  return out;
}

namespace {

void append_u24_le(Bytes& out, std::size_t value) {
  for (const int shift : {0, 8, 16}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
void append_u32_le(Bytes& out, std::size_t value) {
  append_u24_le(out, value);
  out.push_back(static_cast<std::uint8_t>(value >> 24));
}
void append_riff(Bytes& out, std::string_view type, const Bytes& data) {
  out = joined(std::move(out), to_bytes(type));
  append_u32_le(out, data.size());
  out = joined(std::move(out), data);
  if (data.size() % 2 != 0) out.push_back(0);
}

}  // namespace

Bytes write_webp_animation(const std::vector<Bytes>& stills, int width, int height) {
  constexpr std::size_t kRiffHeader = 12;
  Bytes extended{0x12, 0, 0, 0};  // an animation, with alpha
  append_u24_le(extended, static_cast<std::size_t>(width - 1));
  append_u24_le(extended, static_cast<std::size_t>(height - 1));
  Bytes body = to_bytes("WEBP");
  append_riff(body, "VP8X", extended);
  append_riff(body, "ANIM", {0, 0, 0, 0, 0, 0});
  for (const Bytes& still : stills) {
    Bytes frame;
    append_u24_le(frame, 0);  // left, top
    append_u24_le(frame, 0);
    append_u24_le(frame, static_cast<std::size_t>(width - 1));
    append_u24_le(frame, static_cast<std::size_t>(height - 1));
    append_u24_le(frame, 100);  // milliseconds
    frame.push_back(0x02);      // as it is, not blended
    frame.insert(frame.end(), still.begin() + kRiffHeader, still.end());
    append_riff(body, "ANMF", frame);
  }
  Bytes out;
  append_riff(out, "RIFF", body);
  return out;
}

Bytes write_heif(const Bytes& rgb, int width, int height, HeifKind kind) {
  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  heif_context_get_encoder_for_format(
      context, kind == HeifKind::kAvif ? heif_compression_AV1 : heif_compression_HEVC, &encoder);
  heif_encoder_set_lossy_quality(encoder, 95);
  heif_encoder_set_parameter(encoder, "speed", "9");  // AV1's; others refuse it
  heif_image* image = nullptr;
  heif_image_create(width, height, heif_colorspace_RGB, heif_chroma_interleaved_RGB, &image);
  heif_image_add_plane(image, heif_channel_interleaved, width, height, 8);
  int stride = 0;
  std::uint8_t* rows = heif_image_get_plane(image, heif_channel_interleaved, &stride);
  for (int y = 0; y < height; ++y) {
    std::copy_n(rgb.begin() + std::ptrdiff_t{3} * width * y, 3 * width, rows + y * stride);
  }
  heif_image_handle* handle = nullptr;
  if (heif_context_encode_image(context, image, encoder, nullptr, &handle).code != heif_error_Ok) {
    std::abort();
  }
  Bytes out;
  heif_writer writer{1, [](heif_context*, const void* data, std::size_t size, void* into) {
                       const auto* bytes = static_cast<const std::uint8_t*>(data);
                       static_cast<Bytes*>(into)->assign(bytes, bytes + size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, "ok"};
                     }};
  heif_context_write(context, &writer, &out);
  heif_image_handle_release(handle);
  heif_image_release(image);
  heif_encoder_release(encoder);
  heif_context_free(context);
  return out;
}

namespace {

void append_u16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

Bytes box(std::string_view type, const Bytes& content) {
  Bytes out;
  append_u32(out, static_cast<std::uint32_t>(8 + content.size()));
  return joined(joined(std::move(out), to_bytes(type)), content);
}
Bytes full_box(std::string_view type, std::uint8_t version, const Bytes& content) {
  return box(type, joined({version, 0, 0, 0}, content));
}

// The first box of that type, wherever it lies, whole.
Bytes find_box(const Bytes& file, std::string_view type) {
  const std::size_t at = as_text(file).find(type) - 4;
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8 | file[at + i];
  return {file.begin() + static_cast<std::ptrdiff_t>(at),
          file.begin() + static_cast<std::ptrdiff_t>(at + size)};
}

Bytes item_entry(std::uint16_t id, std::string_view type) {
  Bytes out;
  append_u16(out, id);
  append_u16(out, 0);  // not protected
  out = joined(std::move(out), to_bytes(type));
  out.push_back(0);  // no name
  return full_box("infe", 2, out);
}

Bytes size_property(std::uint32_t width, std::uint32_t height) {
  Bytes out;
  append_u32(out, width);
  append_u32(out, height);
  return full_box("ispe", 0, out);
}

// Where items 1 and 2 lie, in the order of the file.
Bytes locations(std::size_t first, std::size_t first_size, std::size_t second_size) {
  Bytes out{0x44, 0x00};  // four bytes each for offset and length
  append_u16(out, 2);
  std::size_t at = first;
  for (const auto& [id, size] : {std::pair(1, first_size), {2, second_size}}) {
    append_u16(out, static_cast<std::size_t>(id));
    append_u16(out, 0);
    append_u16(out, 1);
    append_u32(out, static_cast<std::uint32_t>(at));
    append_u32(out, static_cast<std::uint32_t>(size));
    at += size;
  }
  return full_box("iloc", 0, out);
}

}  // namespace

Bytes derived_avif(const Bytes& avif, std::string_view type, const Bytes& payload,
                   const std::vector<std::uint16_t>& from, std::uint32_t width,
                   std::uint32_t height) {
  Bytes coded = find_box(avif, "mdat");
  coded.erase(coded.begin(), coded.begin() + 8);
  Bytes reference;
  append_u16(reference, 2);
  append_u16(reference, from.size());
  for (const std::uint16_t id : from) append_u16(reference, id);
  const Bytes properties = box(
      "ipco",
      joined(joined(find_box(avif, "ispe"), find_box(avif, "av1C")), size_property(width, height)));
  Bytes uses;
  append_u32(uses, 2);
  uses = joined(std::move(uses), {0, 1, 2, 1, 2});  // item 1: its size and its coding
  uses = joined(std::move(uses), {0, 2, 1, 3});     // item 2: its size
  const auto meta = [&](std::size_t data_at) {
    Bytes out = full_box("hdlr", 0, joined({0, 0, 0, 0, 'p', 'i', 'c', 't'}, Bytes(13, 0)));
    out = joined(std::move(out), full_box("pitm", 0, {0, 2}));
    out = joined(std::move(out), locations(data_at, coded.size(), payload.size()));
    out = joined(
        std::move(out),
        full_box("iinf", 0, joined(joined({0, 2}, item_entry(1, "av01")), item_entry(2, type))));
    out = joined(std::move(out), full_box("iref", 0, box("dimg", reference)));
    out = joined(std::move(out), box("iprp", joined(properties, full_box("ipma", 0, uses))));
    return full_box("meta", 0, out);
  };
  const Bytes start = box("ftyp", to_bytes(std::string_view("avif\0\0\0\0mif1avif", 16)));
  const std::size_t data_at = start.size() + meta(0).size() + 8;
  return joined(joined(start, meta(data_at)), box("mdat", joined(coded, payload)));
}

namespace {

constexpr std::size_t kGifColours = 128;

void append_u16_le(Bytes& out, int value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

// LZW that compresses nothing: with 128 colours codes have 8 bits until the table holds 256, so a
// clear code now and then keeps each pixel one byte.
Bytes lzw(const Bytes& pixels) {
  constexpr std::uint8_t kClear = 128;
  constexpr std::uint8_t kEnd = 129;
  constexpr std::size_t kRun = 100;
  Bytes codes;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (i % kRun == 0) codes.push_back(kClear);
    codes.push_back(pixels[i]);
  }
  codes.push_back(kEnd);
  Bytes out{7};
  for (std::size_t at = 0; at < codes.size(); at += 255) {
    const std::size_t size = std::min<std::size_t>(255, codes.size() - at);
    out.push_back(static_cast<std::uint8_t>(size));
    const auto begin = codes.begin() + static_cast<std::ptrdiff_t>(at);
    out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
  }
  out.push_back(0);
  return out;
}

Bytes stored_order(const GifFrame& frame) {
  if (!frame.interlaced) return frame.pixels;
  Bytes out;
  for (const auto& [first, step] : {std::pair(0, 8), {4, 8}, {2, 4}, {1, 2}}) {
    for (int y = first; y < frame.height; y += step) {
      const auto row = frame.pixels.begin() + std::ptrdiff_t{y} * frame.width;
      out.insert(out.end(), row, row + frame.width);
    }
  }
  return out;
}

}  // namespace

Bytes gif_colour(std::uint8_t number) {
  return {static_cast<std::uint8_t>(2 * number), static_cast<std::uint8_t>(255 - number), number};
}

Bytes write_gif(int width, int height, const std::vector<GifFrame>& frames) {
  Bytes out = to_bytes("GIF89a");
  append_u16_le(out, width);
  append_u16_le(out, height);
  out = joined(std::move(out), {0xf6, 0, 0});  // a table of 128 colours
  for (std::size_t i = 0; i < kGifColours; ++i) {
    out = joined(std::move(out), gif_colour(static_cast<std::uint8_t>(i)));
  }
  for (const GifFrame& frame : frames) {
    const auto flags = static_cast<std::uint8_t>(frame.disposal << 2 | (frame.transparent >= 0));
    const auto transparent = static_cast<std::uint8_t>(std::max(0, frame.transparent));
    out = joined(std::move(out), {0x21, 0xf9, 4, flags, 10, 0, transparent, 0});
    out.push_back(0x2c);
    for (const int side : {frame.left, frame.top, frame.width, frame.height}) {
      append_u16_le(out, side);
    }
    out.push_back(frame.interlaced ? 0x40 : 0);
    out = joined(std::move(out), lzw(stored_order(frame)));
  }
  out.push_back(0x3b);
  return out;
}

}  // namespace entente::media

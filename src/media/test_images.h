// SPDX-License-Identifier: Apache-2.0
//
// Images made on the spot for the tests of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "entente/core/bytes.h"

namespace entente::media {

// A picture with a gradient and some texture, RGB.
Bytes drawn(int width, int height);

enum class JpegKind : std::uint8_t { kPlain, kProgressive, kGrey, kInks };
// `channels` as the kind needs: 3, 3, 1, 4 (Adobe's inverted inks).
Bytes write_jpeg(const Bytes& pixels, int width, int height, JpegKind kind = JpegKind::kPlain);

// `colour_type` and `depth` as PNG numbers them; 16-bit samples big-endian. `palette` is RGB
// triples.
struct PngKind {
  int colour_type = 2;
  int depth = 8;
  bool interlaced = false;
  Bytes palette = {};
  Bytes palette_alpha = {};
};
Bytes write_png(const Bytes& pixels, int width, int height, const PngKind& kind = {});
// Signature, IHDR with these sides, the given image data as it is, IEND; checksums right.
Bytes forged_png(std::uint32_t width, std::uint32_t height, const Bytes& image_data);

// Signature, IHDR of an 8-bit grey picture, these chunks (type, data) as they are, IEND; checksums
// right.
Bytes png_of_chunks(std::uint32_t width, std::uint32_t height,
                    const std::vector<std::pair<std::string, Bytes>>& chunks);
// zlib's form of that many zero bytes.
Bytes deflated_zeros(std::size_t count);

// Lossless, from RGBA.
Bytes write_webp(const Bytes& rgba, int width, int height);
// An animation of stills of one size, each covering the screen; a still is what write_webp gives.
Bytes write_webp_animation(const std::vector<Bytes>& stills, int width, int height);

// Opaque, from RGB; quality as libheif numbers it.
enum class HeifKind : std::uint8_t { kAvif, kHeic };
Bytes write_heif(const Bytes& rgb, int width, int height, HeifKind kind);
// An AVIF whose primary item (number 2) is derived, of `type` "grid" or "iovl" with that payload,
// from the items listed (1 is the picture of `avif`, itself made by write_heif); it claims
// `width`×`height`.
Bytes derived_avif(const Bytes& avif, std::string_view type, const Bytes& payload,
                   const std::vector<std::uint16_t>& from, std::uint32_t width,
                   std::uint32_t height);

// GIF with 128 colours; pixels are numbers of colours, gif_colour says which.
struct GifFrame {
  int left = 0, top = 0, width = 0, height = 0;
  Bytes pixels = {};  // in the order shown, also when interlaced
  int transparent = -1;
  int disposal = 0;
  bool interlaced = false;
};
Bytes gif_colour(std::uint8_t number);
Bytes write_gif(int width, int height, const std::vector<GifFrame>& frames);

Bytes joined(Bytes a, const Bytes& b);

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// Images made on the spot for the tests of this folder.
#pragma once

#include <cstdint>

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

// Lossless, from RGBA.
Bytes write_webp(const Bytes& rgba, int width, int height);

Bytes joined(Bytes a, const Bytes& b);

}  // namespace entente::media

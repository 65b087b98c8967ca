// SPDX-License-Identifier: Apache-2.0
//
// Inside decode.h: one decoder per format. Each checks the picture's size with check_size before it
// decodes pixels.
#pragma once

#include "entente/media/decode.h"

namespace entente::media {

// kTooLarge or kInvalid unless the sides lie within kMaxSide and kMaxPixels.
Result<void> check_size(std::int64_t width, std::int64_t height);

// One row of RGBA over white, as RGB.
void flatten_row(const std::uint8_t* rgba, std::uint8_t* rgb, std::size_t pixels);

Result<Image> decode_jpeg(ByteView file);
Result<Image> decode_png(ByteView file);
Result<Image> decode_webp(ByteView file);

}  // namespace entente::media

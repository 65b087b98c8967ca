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

// Hands out a whole picture: `stride` bytes a row, RGB, or RGBA laid over white.
Result<void> give_rgb(RowSink& sink, const Frame& frame, const std::uint8_t* rows,
                      std::size_t stride);
Result<void> give_rgba(RowSink& sink, const Frame& frame, const std::uint8_t* rows,
                       std::size_t stride);

// How many frames of this size an animation may show: at least one.
int frame_limit(const DecodeOptions& options, std::int64_t width, std::int64_t height);

// `media_type` is a literal; the results carry it.
using Decoder = Result<Decoded>(ByteView file, const DecodeOptions& options, RowSink& sink);
Decoder decode_jpeg;
Decoder decode_png;
Decoder decode_webp;
Decoder decode_gif;
Decoder decode_heif;  // HEIC and AVIF

}  // namespace entente::media

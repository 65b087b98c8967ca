// SPDX-License-Identifier: Apache-2.0
//
// Decodes JPEG, PNG and WebP into RGB, 8 bits a channel. The input is hostile: call this only
// inside a worker of sandbox.h, in tests and in fuzzers.
//
// Choices that decide the pixels, hence the fingerprint:
//   JPEG   libjpeg-turbo's accurate integer DCT and smooth ("fancy") chroma upsampling, its
//   defaults. CMYK and YCCK
//          are converted without a colour profile; Adobe's inverted storage is undone.
//   PNG    palettes expanded, 16 bits scaled to 8, grey spread to RGB, gamma and colour profiles
//   ignored; of an
//          animated PNG the still image.
//   alpha  laid over white, the page most viewers show behind it.
//   EXIF orientation is ignored: pixels come as stored.
//
// Errors: kUnsupported (another media type, named; an animated WebP), kTooLarge (a limit below,
// before any pixel is decoded), kInvalid (truncated or malformed). Bytes after the end of the image
// are ignored. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "entente/core/bytes.h"

namespace entente::media {

// A file above this is no photograph a person took: 64 Mpx as JPEG at the highest quality is near
// 30 MiB.
inline constexpr std::size_t kMaxInputBytes = 32U << 20;
// What telephones and cameras make ends near 50 Mpx (larger ones bin their pixels); 64 Mpx is 192
// MB of RGB.
inline constexpr std::int64_t kMaxPixels = 64'000'000;
// Long panoramas pass, the 1×10⁹ strips of decompression bombs do not.
inline constexpr int kMaxSide = 30'000;
// Progressive JPEGs come with about ten scans; each further scan is another pass over all pixels
// for a few bytes.
inline constexpr int kMaxJpegScans = 100;

struct Image {
  int width = 0;
  int height = 0;
  Bytes rgb;               // 3·width·height bytes, row by row
  std::string media_type;  // "image/jpeg", "image/png", "image/webp"
};

// The media type by the first bytes; kUnsupported names other known types, kInvalid for an empty
// file.
Result<std::string> sniff(ByteView file);

Result<Image> decode(ByteView file);

}  // namespace entente::media

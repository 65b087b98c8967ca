// SPDX-License-Identifier: Apache-2.0
//
// Decodes JPEG, PNG, WebP, GIF, AVIF and HEIC, 8 bits a channel. The input is hostile: call this
// only inside a worker of sandbox.h, in tests and in fuzzers.
//
// decode_rows() hands rows to a sink as the decoder yields them, so that a photograph is hashed
// while it is decoded. By default a JPEG comes as luma (its own Y plane, BT.601), scaled inside its
// DCT; everything else, and a JPEG in strict mode, comes as RGB at full size.
//
// Choices that decide the pixels, hence the fingerprint:
//   JPEG   libjpeg-turbo's accurate integer DCT and smooth ("fancy") chroma upsampling, its
//          defaults. CMYK and YCCK are converted without a colour profile, always at full size;
//          Adobe's inverted storage is undone.
//   PNG    palettes expanded, 16 bits scaled to 8, grey spread to RGB, gamma and colour profiles
//          ignored; of an animated PNG the still image.
//   GIF    frames as a viewer composes them (disposal, transparency); the background is
//          transparent. A frame that reaches outside the screen is refused: viewers differ about
//          it.
//   WebP   frames of an animation as a viewer composes them.
//   AVIF, HEIC  the primary image, so of a sequence its cover; rotation, mirroring and cropping of
//          the container applied, as the format demands; more than 8 bits rounded to 8; colours by
//          the file's matrix coefficients, without a colour profile.
//   alpha  laid over white, the page most viewers show behind it.
//   EXIF orientation is ignored: pixels come as stored.
//
// Errors: kUnsupported (another media type, named), kTooLarge (a limit below, before any pixel is
// decoded), kInvalid (truncated or malformed), and the sink's own. Bytes after the end of the image
// are ignored. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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
// AVIF and HEIC: libheif counts the bytes of a canvas, four a pixel, in 31 bits.
inline constexpr int kMaxHeifSide = 20'000;
// Progressive JPEGs come with about ten scans; each further scan is another pass over all pixels
// for a few bytes.
inline constexpr int kMaxJpegScans = 100;
// Of an animation, all frames together: two seconds of work, or 256 frames of a megapixel.
inline constexpr std::int64_t kMaxAnimationPixels = 256'000'000;

// A picture, or one frame of an animation.
struct Frame {
  int width = 0;  // as the file says
  int height = 0;
  int scale = 1;      // 1, 2, 4 or 8: rows come at scaled(side, scale)
  bool luma = false;  // a byte a pixel; else three, RGB
  int index = 0;
  std::string_view media_type;  // "image/jpeg"…; a literal
};
constexpr int scaled(int side, int scale) {
  return (side + scale - 1) / scale;
}

// Takes frames: begin, every row from the top, end. An error ends the decoding and is what
// decode_rows() returns. A frame that was not ended was damaged: throw it away.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual Result<void> begin(const Frame& frame) = 0;
  virtual Result<void> row(ByteView pixels) = 0;
  virtual Result<void> end() = 0;
};

struct DecodeOptions {
  // RGB at full size, whatever the format.
  bool strict = false;
  // Else a JPEG is scaled down as long as its shorter side stays at or above this; 0 leaves it at
  // full size.
  int min_side = 256;
  // Of an animation, the first ones.
  int max_frames = 1;
};

struct Decoded {
  std::string media_type;
  int frames = 0;
  bool more = false;  // frames were left out: above max_frames or kMaxAnimationPixels
};
Result<Decoded> decode_rows(ByteView file, const DecodeOptions& options, RowSink& sink);

struct Image {
  int width = 0;
  int height = 0;
  Bytes rgb;               // 3·width·height bytes, row by row
  std::string media_type;  // "image/jpeg"…
};
// The first frame as a whole, as in strict mode.
Result<Image> decode(ByteView file);

// The media type by the first bytes; kUnsupported names other known types, kInvalid for an empty
// file.
Result<std::string> sniff(ByteView file);

// Loads what the decoders would otherwise load from files at their first use, which a confined
// process cannot. Once, before confinement; not thread-safe. DecoderPool::create calls it.
void prepare_decoders();

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// PDQ, the 256-bit perceptual hash of photographs published by Meta, in its full-resolution form
// (no pre-shrink), which is what HMA and the Python binding compute. Two pictures that look alike
// differ in few bits: up to kMatchDistance is a match. A hash below kMinQuality comes from a
// picture with too little detail to tell it from another and should neither enter a bank nor be
// looked up.
//
// Same pixels, same hash: bit for bit on every machine, and equal to the reference's (tests/pdq
// holds 30 of its values). The functions below work as pdq_rows.h does, in whole numbers; where the
// rounding of the published steps could decide a bit or the quality they take those steps as well,
// which is some ten times slower and seldom needed (README.md). That rests on the order of every
// float operation, so these files are compiled without contraction to fused multiply-add.
//
// Pure functions, thread-safe. Time is linear in the pixels; memory is about 2·(side/128 + 4) rows
// of floats. Pictures are taken as stored: EXIF orientation is ignored (look up the eight
// `dihedral` hashes instead). Rows as a decoder yields them: pdq_rows.h.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "entente/core/error.h"

namespace entente::fingerprint {

// Published thresholds: bits that may differ, and the least quality (0 to 100) worth keeping.
inline constexpr int kMatchDistance = 31;
inline constexpr int kMinQuality = 50;
inline constexpr int kPdqBits = 256;
inline constexpr int kPdqHexDigits = 64;

// A side below this has no picture in it: the reference answers a zero hash of quality 0, and so do
// we.
inline constexpr int kMinHashedSide = 5;
// Larger sides are refused, so that no product below can overflow and one call's memory stays under
// 64 MiB.
inline constexpr int kMaxSide = 30'000;

struct Pdq {
  // Bit 16·i+j (row i, column j of the 16×16 spectrum) is bit (16·i+j) % 64 of words[(16·i+j) /
  // 64].
  std::array<std::uint64_t, 4> words{};

  friend bool operator==(const Pdq&, const Pdq&) = default;
  // Some total order, for containers.
  friend std::strong_ordering operator<=>(const Pdq&, const Pdq&) = default;

  // 64 lower-case digits, bit 255 first, as the reference prints it.
  std::string hex() const;
  // Refuses (kInvalid) anything but 64 lower-case hexadecimal digits: one spelling per hash.
  static Result<Pdq> parse(std::string_view hex64);
  // Bits that differ, 0 to 256.
  int distance(const Pdq& other) const;
};

// The eight ways to turn and mirror a picture, as the reference names them, in the order of
// Dihedral.
enum class Turn : std::uint8_t {
  kOriginal,
  kRotate90,  // counter-clockwise
  kRotate180,
  kRotate270,  // counter-clockwise
  kFlipX,      // top to bottom
  kFlipY,      // left to right
  kFlipPlus1,  // over the main diagonal (transposed)
  kFlipMinus1,
};
using Dihedral = std::array<Pdq, 8>;

struct PdqResult {
  Pdq hash;
  int quality = 0;  // 0 to 100
};
struct PdqDihedralResult {
  Dihedral hashes{};  // indexed by Turn; what the turned picture would hash to, within some 20
                      // bits: the sample sits half a step off centre
  int quality = 0;
};

// `luma` holds width·height values from 0 to 255, row by row. kInvalid: wrong length, a value
// outside that range or NaN, a side below 1. kTooLarge: a side above kMaxSide.
Result<PdqResult> pdq_from_luma(std::span<const float> luma, int width, int height);
Result<PdqResult> pdq_from_luma(std::span<const std::uint8_t> luma, int width, int height);
Result<PdqDihedralResult> pdq_dihedral_from_luma(std::span<const float> luma, int width,
                                                 int height);
Result<PdqDihedralResult> pdq_dihedral_from_luma(std::span<const std::uint8_t> luma, int width,
                                                 int height);

// `rgb` holds 3·width·height bytes, row by row; luma is 0.299 R + 0.587 G + 0.114 B, unrounded.
// Same errors.
Result<PdqResult> pdq_from_rgb(std::span<const std::uint8_t> rgb, int width, int height);
Result<PdqDihedralResult> pdq_dihedral_from_rgb(std::span<const std::uint8_t> rgb, int width,
                                                int height);

}  // namespace entente::fingerprint

// SPDX-License-Identifier: Apache-2.0
//
// PDQ from rows as a decoder yields them, top to bottom, without the whole picture: the filter and
// the decimation of PDQ are one separable sparse linear operator, 64×H · picture · W×64, so each
// row is added to the sample rows it weighs in and forgotten. Work memory: about 24 bytes a column
// and channel, under 3 MiB for the widest picture.
//
//   ENTENTE_TRY(rows, PdqRows::create(width, height, {.pixels = Pixels::kRgb}));
//   for (each row) ENTENTE_CHECK_OK(rows.add_row(bytes));
//   ENTENTE_TRY(seen, rows.finish());
//   if (!seen.settled) …               // strict mode: pdq_from_rgb over the whole picture
//
// Exactness. The operator sums bytes in whole numbers and rounds once at the end; the published
// steps round at each of their running sums. Both agree except where that rounding could decide a
// bit or the quality; then `settled` is false, and only the published steps over the whole picture
// (pdq_from_luma, pdq_from_rgb, which fall back by themselves) tell what the reference says. The
// margins are measured, not proven: README.md has how wide they are and why.
//
// A JPEG decoded at 1/scale by libjpeg gives an estimate, never settled; best_jpeg_scale says which
// scale keeps it within a few bits.
//
// Not thread-safe; several objects at once are fine. Same bits on every processor and CpuPath.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "entente/core/error.h"
#include "entente/fingerprint/pdq.h"

namespace entente::fingerprint {

enum class Pixels : std::uint8_t {
  kLuma,       // one byte a pixel: the Y of a JPEG, or grey
  kRgb,        // three bytes a pixel; luma is 0.299 R + 0.587 G + 0.114 B, unrounded
  kFloatLuma,  // one float a pixel, 0 to 255
};

// Which instructions do the work. All give the same bits; kBest is the widest this machine has.
enum class CpuPath : std::uint8_t { kBest, kPortable, kAvx2, kAvx512 };
bool has_cpu_path(CpuPath path);
std::string_view cpu_path_name(CpuPath path);  // kBest: the name of what it stands for

struct PdqRowsOptions {
  Pixels pixels = Pixels::kRgb;
  int scale = 1;                  // 1, 2, 4 or 8: rows come from a JPEG decoded at 1/scale
  CpuPath path = CpuPath::kBest;  // others are for tests and measurements
};

struct PdqRowsResult {
  PdqResult pdq;
  bool settled = false;  // the published steps give these very bits and quality
};
struct PdqRowsDihedralResult {
  PdqDihedralResult pdq;
  bool settled = false;  // all eight, and the quality
};

// The largest of 1, 2, 4, 8 that leaves the smaller side at least 256 pixels.
int best_jpeg_scale(int width, int height);

class PdqRows {
 public:
  // `width` and `height` are the file's own, also when scale is above 1: the decoder then yields
  // ceil(height/scale) rows of ceil(width/scale) pixels, as libjpeg does. kInvalid: a side below 1,
  // another scale. kTooLarge: a side above kMaxSide. kUnsupported: a CpuPath this machine lacks.
  static Result<PdqRows> create(int width, int height, const PdqRowsOptions& options);
  PdqRows(PdqRows&&) noexcept;
  PdqRows& operator=(PdqRows&&) noexcept;
  ~PdqRows();

  int row_pixels() const;  // pixels each row must have
  int rows() const;        // rows there must be

  // The next row. kInvalid: not the length of one row, more rows than there are, the other type of
  // row than create was told, a float outside 0 to 255; the object is then as before the call.
  Result<void> add_row(std::span<const std::uint8_t> row);
  Result<void> add_row(std::span<const float> row);

  // After the last row, any number of times. kInvalid: rows are missing. A picture with a side
  // below kMinHashedSide has the zero hash and no quality, settled.
  Result<PdqRowsResult> finish() const;
  Result<PdqRowsDihedralResult> finish_dihedral() const;

 private:
  class Impl;
  explicit PdqRows(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace entente::fingerprint

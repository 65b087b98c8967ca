// SPDX-License-Identifier: Apache-2.0
//
// Inside decode.h: the decoders libheif uses for HEVC (libde265) and AV1 (dav1d). Its own start
// threads, which a confined process cannot, and know no limit on the work one file may cause.
#pragma once

#include <cstdint>

namespace entente::media {

// What the coded pictures of one file may cost together: a photograph of the largest size in tiles,
// its alpha and a margin. Overlays and grids may name one tile thousands of times, each time to be
// decoded again.
class CodingBudget {
 public:
  static constexpr std::int64_t kMaxCodedPixels = 200'000'000;
  static constexpr int kMaxCodedPictures = 4'096;  // 64 Mpx in tiles of 128×128

  void reset() { *this = {}; }
  // False when the file has had its share.
  bool take_picture() { return ++pictures_ <= kMaxCodedPictures || refuse(); }
  bool take_pixels(std::int64_t width, std::int64_t height) {
    pixels_ += width * height;
    return pixels_ <= kMaxCodedPixels || refuse();
  }
  bool spent() const { return spent_; }

 private:
  bool refuse() {
    spent_ = true;
    return false;
  }

  std::int64_t pixels_ = 0;
  int pictures_ = 0;
  bool spent_ = false;
};
// Of the file this thread decodes.
CodingBudget& coding_budget();

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// The image decoders on any bytes: they answer with an image of the size it claims, or with a
// reason.
#include <cstdlib>

#include "entente/media/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = entente::media::decode({data, size});
  if (!image) {
    if (image.error().detail.empty()) std::abort();
    return 0;
  }
  const auto pixels =
      static_cast<std::size_t>(image->width) * static_cast<std::size_t>(image->height);
  if (pixels == 0 || image->rgb.size() != 3 * pixels) std::abort();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

Unexpected failed(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return fail(Code::kTooLarge, "WebP: not enough memory");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return fail(Code::kUnsupported, "WebP: a feature that is not decoded here");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return fail(Code::kInvalid, "WebP: the file ends too early");
    default:
      return fail(Code::kInvalid, "WebP: the file is malformed");
  }
}

}  // namespace

Result<Image> decode_webp(ByteView file) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return fail(Code::kInternal, "WebP: header and library differ in version");
  }
  if (const auto status = WebPGetFeatures(file.data(), file.size(), &config.input);
      status != VP8_STATUS_OK) {
    return failed(status);
  }
  ENTENTE_CHECK_OK(check_size(config.input.width, config.input.height));
  if (config.input.has_animation != 0) {
    return fail(Code::kUnsupported, "an animated WebP is not decoded here");
  }
  Image image;
  image.width = config.input.width;
  image.height = config.input.height;
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  image.rgb.resize(3 * width * height);
  const bool alpha = config.input.has_alpha != 0;
  Bytes rgba(alpha ? 4 * width * height : 0);
  const std::size_t stride = (alpha ? 4U : 3U) * width;
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = alpha ? rgba.data() : image.rgb.data();
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = stride * height;
  const VP8StatusCode status = WebPDecode(file.data(), file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return failed(status);
  if (alpha) flatten_row(rgba.data(), image.rgb.data(), width * height);
  return image;
}

}  // namespace entente::media

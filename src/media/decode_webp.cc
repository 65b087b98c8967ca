// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

constexpr std::string_view kType = "image/webp";

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

Frame frame_of(int width, int height) {
  Frame out;
  out.width = width;
  out.height = height;
  out.media_type = kType;
  return out;
}

Result<Decoded> decode_still(ByteView file, WebPDecoderConfig& config, RowSink& sink) {
  const Frame frame = frame_of(config.input.width, config.input.height);
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  const bool alpha = config.input.has_alpha != 0;
  const std::size_t stride = (alpha ? 4U : 3U) * width;
  Bytes pixels(stride * height);
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = pixels.size();
  const VP8StatusCode status = WebPDecode(file.data(), file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return failed(status);
  ENTENTE_CHECK_OK(alpha ? give_rgba(sink, frame, pixels.data(), stride)
                         : give_rgb(sink, frame, pixels.data(), stride));
  return Decoded{std::string(kType), 1, false};
}

Result<Decoded> decode_animation(ByteView file, const DecodeOptions& options, RowSink& sink) {
  WebPAnimDecoderOptions how;
  if (WebPAnimDecoderOptionsInit(&how) == 0) {
    return fail(Code::kInternal, "WebP: header and library differ in version");
  }
  how.color_mode = MODE_RGBA;
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&data, &how), &WebPAnimDecoderDelete);
  WebPAnimInfo info;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0) {
    return fail(Code::kInvalid, "WebP: the animation is malformed or cut short");
  }
  ENTENTE_CHECK_OK(check_size(info.canvas_width, info.canvas_height));
  Frame frame = frame_of(static_cast<int>(info.canvas_width), static_cast<int>(info.canvas_height));
  Decoded out{std::string(kType), 0, false};
  const int limit = frame_limit(options, frame.width, frame.height);
  while (out.frames < limit && WebPAnimDecoderHasMoreFrames(decoder.get()) != 0) {
    std::uint8_t* rgba = nullptr;  // the decoder's
    int until = 0;
    if (WebPAnimDecoderGetNext(decoder.get(), &rgba, &until) == 0) {
      return fail(Code::kInvalid, "WebP: a frame is malformed or cut short");
    }
    frame.index = out.frames++;
    ENTENTE_CHECK_OK(give_rgba(sink, frame, rgba, std::size_t{4} * info.canvas_width));
  }
  if (out.frames == 0) return fail(Code::kInvalid, "WebP: an animation without frames");
  out.more = WebPAnimDecoderHasMoreFrames(decoder.get()) != 0;
  return out;
}

}  // namespace

Result<Decoded> decode_webp(ByteView file, const DecodeOptions& options, RowSink& sink) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return fail(Code::kInternal, "WebP: header and library differ in version");
  }
  if (const auto status = WebPGetFeatures(file.data(), file.size(), &config.input);
      status != VP8_STATUS_OK) {
    return failed(status);
  }
  ENTENTE_CHECK_OK(check_size(config.input.width, config.input.height));
  return config.input.has_animation != 0 ? decode_animation(file, options, sink)
                                         : decode_still(file, config, sink);
}

}  // namespace entente::media

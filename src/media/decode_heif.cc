// SPDX-License-Identifier: Apache-2.0
//
// libheif reads the container and puts tiles and overlays together; the coded pictures are decoded
// by heif_codecs.h, in this thread. Exceptions for lack of memory may cross libheif's C interface;
// the worker answers for them.
#include <libheif/heif.h>

#include <algorithm>
#include <memory>

#include "entente/media/decoders.h"
#include "entente/media/heif_codecs.h"
#include "entente/media/heif_references.h"

namespace entente::media {
namespace {

constexpr std::string_view kAvif = "image/avif";
constexpr std::string_view kHeic = "image/heic";
constexpr std::string_view kHeif = "image/heif";

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* value) const {
    Release(value);
  }
};
template <class T, auto Release>
using Owned = std::unique_ptr<T, Releaser<Release>>;

Unexpected failed(const heif_error& error) {
  if (coding_budget().spent()) {
    return fail(Code::kTooLarge, "HEIF: more tiles or layers than a picture has");
  }
  const std::string detail =
      "HEIF: " + std::string(error.message != nullptr ? error.message : "malformed");
  switch (error.code) {
    case heif_error_Memory_allocation_error:
      return fail(Code::kTooLarge, detail);
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype:
      return fail(Code::kUnsupported, detail);
    default:
      return fail(Code::kInvalid, detail);
  }
}

// As sniff() names it.
std::string_view type_of(ByteView file) {
  const std::string_view brand = as_text(file).substr(8);
  return brand.starts_with("avi") ? kAvif : brand.starts_with("hei") ? kHeic : kHeif;
}

Result<Decoded> give(const heif_image& image, std::string_view type, bool alpha, RowSink& sink) {
  Frame frame;
  frame.width = heif_image_get_width(&image, heif_channel_interleaved);
  frame.height = heif_image_get_height(&image, heif_channel_interleaved);
  frame.media_type = type;
  ENTENTE_CHECK_OK(check_size(frame.width, frame.height));
  int stride = 0;
  const std::uint8_t* rows =
      heif_image_get_plane_readonly(&image, heif_channel_interleaved, &stride);
  if (rows == nullptr || stride < frame.width * (alpha ? 4 : 3)) {
    return fail(Code::kInvalid, "HEIF: a picture without pixels");
  }
  const auto step = static_cast<std::size_t>(stride);
  ENTENTE_CHECK_OK(alpha ? give_rgba(sink, frame, rows, step) : give_rgb(sink, frame, rows, step));
  return Decoded{std::string(type), 1, false};
}

}  // namespace

Result<Decoded> decode_heif(ByteView file, const DecodeOptions& /*options*/, RowSink& sink) {
  ENTENTE_CHECK_OK(check_references(file));
  prepare_decoders();
  coding_budget().reset();
  const Owned<heif_context, heif_context_free> context(heif_context_alloc());
  if (!context) return fail(Code::kTooLarge, "HEIF: not enough memory");
  heif_context_set_max_decoding_threads(context.get(), 0);  // in this thread
  heif_context_set_maximum_image_size_limit(context.get(), kMaxSide);
  heif_error error =
      heif_context_read_from_memory_without_copy(context.get(), file.data(), file.size(), nullptr);
  if (error.code != heif_error_Ok) return failed(error);

  heif_image_handle* primary = nullptr;
  error = heif_context_get_primary_image_handle(context.get(), &primary);
  if (error.code != heif_error_Ok) return failed(error);
  const Owned<heif_image_handle, heif_image_handle_release> handle(primary);
  const int width = heif_image_handle_get_width(primary);
  const int height = heif_image_handle_get_height(primary);
  ENTENTE_CHECK_OK(check_size(width, height));
  if (std::max(width, height) > kMaxHeifSide) {
    return fail(Code::kTooLarge,
                "HEIF: a side is above " + std::to_string(kMaxHeifSide) + " pixels");
  }
  // Nor may an overlay's canvas, which is not what the file claims, have longer sides than that.
  heif_context_set_maximum_image_size_limit(context.get(), 1 + std::max(width, height));

  const Owned<heif_decoding_options, heif_decoding_options_free> how(heif_decoding_options_alloc());
  if (!how) return fail(Code::kTooLarge, "HEIF: not enough memory");
  how->convert_hdr_to_8bit = 1;
  const bool alpha = heif_image_handle_has_alpha_channel(primary) != 0;
  heif_image* decoded = nullptr;
  error = heif_decode_image(primary, &decoded, heif_colorspace_RGB,
                            alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                            how.get());
  const Owned<heif_image, heif_image_release> image(decoded);
  if (error.code != heif_error_Ok) return failed(error);
  return give(*image, type_of(file), alpha, sink);
}

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
#include "entente/media/heif_codecs.h"

#include <dav1d/dav1d.h>
#include <libde265/de265.h>
#include <libheif/heif_plugin.h>

#include <cstring>
#include <memory>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

// Above those of libheif's own decoders (about 100).
constexpr int kPriority = 1'000;
constexpr int kPluginVersion = 3;

constexpr heif_error kFine{heif_error_Ok, heif_suberror_Unspecified, "Success"};
constexpr heif_error kDamaged{heif_error_Decoder_plugin_error, heif_suberror_Unspecified,
                              "the coded picture is malformed or cut short"};
constexpr heif_error kTooMuch{heif_error_Decoder_plugin_error,
                              heif_suberror_Security_limit_exceeded,
                              "the coded pictures are too many or too large"};
constexpr heif_error kNoMemory{heif_error_Memory_allocation_error, heif_suberror_Unspecified,
                               "not enough memory"};
constexpr heif_error kOddPlanes{heif_error_Unsupported_feature,
                                heif_suberror_Unsupported_color_conversion,
                                "planes of different depths"};

bool within_limits(int width, int height) {
  return check_size(width, height).has_value() && coding_budget().take_pixels(width, height);
}

struct Plane {
  heif_channel channel;
  const std::uint8_t* rows;
  std::ptrdiff_t stride;
  int width, height, depth;
};

heif_error add_plane(heif_image& image, const Plane& plane) {
  const heif_error error =
      heif_image_add_plane(&image, plane.channel, plane.width, plane.height, plane.depth);
  if (error.code != heif_error_Ok) return error;
  int stride = 0;
  std::uint8_t* out = heif_image_get_plane(&image, plane.channel, &stride);
  const std::size_t bytes =
      static_cast<std::size_t>(plane.width) * (plane.depth > 8 ? std::size_t{2} : std::size_t{1});
  if (out == nullptr || plane.rows == nullptr) return kDamaged;
  for (int y = 0; y < plane.height; ++y) {
    std::memcpy(out + std::ptrdiff_t{y} * stride, plane.rows + y * plane.stride, bytes);
  }
  return kFine;
}

struct Colours {
  int primaries, transfer, matrix;
  bool full_range;
};

// Numbers libheif does not know stay unspecified, as in a file without any.
void set_colours(heif_image& image, const Colours& colours) {
  heif_color_profile_nclx* nclx = heif_nclx_color_profile_alloc();
  if (nclx == nullptr) return;
  heif_nclx_color_profile_set_color_primaries(nclx, static_cast<std::uint16_t>(colours.primaries));
  heif_nclx_color_profile_set_transfer_characteristics(
      nclx, static_cast<std::uint16_t>(colours.transfer));
  heif_nclx_color_profile_set_matrix_coefficients(nclx, static_cast<std::uint16_t>(colours.matrix));
  nclx->full_range_flag = colours.full_range ? 1 : 0;
  heif_image_set_nclx_color_profile(&image, nclx);
  heif_nclx_color_profile_free(nclx);
}

constexpr heif_channel kChannels[] = {heif_channel_Y, heif_channel_Cb, heif_channel_Cr};

// ── HEVC ──

struct Hevc {
  de265_decoder_context* context = nullptr;
  Hevc() = default;
  Hevc(const Hevc&) = delete;
  Hevc& operator=(const Hevc&) = delete;
  ~Hevc() {
    if (context != nullptr) de265_free_decoder(context);
  }
};

heif_error hevc_new(void** out) {
  if (!coding_budget().take_picture()) return kTooMuch;
  auto hevc = std::make_unique<Hevc>();
  hevc->context = de265_new_decoder();  // without worker threads
  if (hevc->context == nullptr) return kNoMemory;
  *out = hevc.release();
  return kFine;
}

void hevc_free(void* decoder) {
  delete static_cast<Hevc*>(decoder);
}

// NAL units, each after its length in four bytes.
heif_error hevc_push(void* decoder, const void* data, std::size_t size) {
  constexpr std::size_t kLength = 4;
  ByteView rest(static_cast<const std::uint8_t*>(data), size);
  while (!rest.empty()) {
    if (rest.size() < kLength) return kDamaged;
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLength; ++i) length = length << 8 | rest[i];
    rest = rest.subspan(kLength);
    if (length > rest.size()) return kDamaged;
    de265_push_NAL(static_cast<Hevc*>(decoder)->context, rest.data(), static_cast<int>(length), 0,
                   nullptr);
    rest = rest.subspan(length);
  }
  return kFine;
}

heif_error hevc_copy(const de265_image& from, heif_image** out) {
  const int width = de265_get_image_width(&from, 0);
  const int height = de265_get_image_height(&from, 0);
  if (!within_limits(width, height)) return kTooMuch;
  const bool grey = de265_get_chroma_format(&from) == de265_chroma_mono;
  heif_error error =
      heif_image_create(width, height, grey ? heif_colorspace_monochrome : heif_colorspace_YCbCr,
                        static_cast<heif_chroma>(de265_get_chroma_format(&from)), out);
  const int depth = de265_get_bits_per_pixel(&from, 0);
  for (int c = 0; error.code == heif_error_Ok && c < (grey ? 1 : 3); ++c) {
    if (de265_get_bits_per_pixel(&from, c) != depth) return kOddPlanes;
    int stride = 0;
    const std::uint8_t* rows = de265_get_image_plane(&from, c, &stride);
    error = add_plane(**out, {kChannels[c], rows, stride, de265_get_image_width(&from, c),
                              de265_get_image_height(&from, c), depth});
  }
  if (error.code != heif_error_Ok) return error;
  set_colours(
      **out,
      {de265_get_image_colour_primaries(&from), de265_get_image_transfer_characteristics(&from),
       de265_get_image_matrix_coefficients(&from), de265_get_image_full_range_flag(&from) != 0});
  return kFine;
}

// The first picture; an item holds one.
heif_error hevc_decode(void* decoder, heif_image** out) {
  *out = nullptr;
  de265_decoder_context* context = static_cast<Hevc*>(decoder)->context;
  de265_flush_data(context);
  int more = 1;
  while (more != 0) {
    more = 0;
    if (de265_decode(context, &more) != DE265_OK) return kDamaged;
    const de265_image* image = de265_get_next_picture(context);
    if (image == nullptr) continue;
    const heif_error error = hevc_copy(*image, out);
    if (error.code != heif_error_Ok && *out != nullptr) {
      heif_image_release(*out);
      *out = nullptr;
    }
    return error;
  }
  return kDamaged;
}

// ── AV1 ──

struct Av1 {
  Dav1dContext* context = nullptr;
  Dav1dData data{};
  Av1() = default;
  Av1(const Av1&) = delete;
  Av1& operator=(const Av1&) = delete;
  ~Av1() {
    if (data.sz > 0) dav1d_data_unref(&data);
    if (context != nullptr) dav1d_close(&context);
  }
};

heif_error av1_new(void** out) {
  if (!coding_budget().take_picture()) return kTooMuch;
  Dav1dSettings settings;
  dav1d_default_settings(&settings);
  settings.n_threads = 1;  // the caller's own
  settings.max_frame_delay = 1;
  settings.frame_size_limit = static_cast<unsigned>(kMaxPixels);
  settings.all_layers = 0;
  settings.logger.callback = nullptr;
  auto av1 = std::make_unique<Av1>();
  if (dav1d_open(&av1->context, &settings) != 0) return kNoMemory;
  *out = av1.release();
  return kFine;
}

void av1_free(void* decoder) {
  delete static_cast<Av1*>(decoder);
}

heif_error av1_push(void* decoder, const void* data, std::size_t size) {
  auto& av1 = *static_cast<Av1*>(decoder);
  if (av1.data.sz > 0 || size == 0) return kDamaged;
  std::uint8_t* into = dav1d_data_create(&av1.data, size);
  if (into == nullptr) return kNoMemory;
  std::memcpy(into, data, size);
  return kFine;
}

heif_error av1_copy(const Dav1dPicture& from, heif_image** out) {
  if (!within_limits(from.p.w, from.p.h)) return kTooMuch;
  const bool grey = from.p.layout == DAV1D_PIXEL_LAYOUT_I400;
  const bool half_wide =
      from.p.layout == DAV1D_PIXEL_LAYOUT_I420 || from.p.layout == DAV1D_PIXEL_LAYOUT_I422;
  const bool half_high = from.p.layout == DAV1D_PIXEL_LAYOUT_I420;
  const heif_chroma chroma = grey        ? heif_chroma_monochrome
                             : half_high ? heif_chroma_420
                             : half_wide ? heif_chroma_422
                                         : heif_chroma_444;
  heif_error error = heif_image_create(
      from.p.w, from.p.h, grey ? heif_colorspace_monochrome : heif_colorspace_YCbCr, chroma, out);
  for (int c = 0; error.code == heif_error_Ok && c < (grey ? 1 : 3); ++c) {
    const bool colour = c > 0;
    error = add_plane(
        **out, {kChannels[c], static_cast<const std::uint8_t*>(from.data[c]),
                from.stride[colour ? 1 : 0], colour && half_wide ? (from.p.w + 1) / 2 : from.p.w,
                colour && half_high ? (from.p.h + 1) / 2 : from.p.h, from.p.bpc});
  }
  if (error.code != heif_error_Ok) return error;
  const Dav1dSequenceHeader& header = *from.seq_hdr;
  set_colours(**out, {header.pri, header.trc, header.mtrx, header.color_range != 0});
  return kFine;
}

heif_error av1_decode(void* decoder, heif_image** out) {
  *out = nullptr;
  auto& av1 = *static_cast<Av1*>(decoder);
  Dav1dPicture picture{};
  // After the last byte dav1d wants to be asked once more before it gives what it held back.
  for (int asked_at_end = 0;;) {
    if (av1.data.sz > 0) {
      const int sent = dav1d_send_data(av1.context, &av1.data);
      if (sent < 0 && sent != DAV1D_ERR(EAGAIN)) return kDamaged;
    }
    if (av1.data.sz == 0) ++asked_at_end;
    const int got = dav1d_get_picture(av1.context, &picture);
    if (got == 0) break;
    if (got != DAV1D_ERR(EAGAIN) || asked_at_end > 2) return kDamaged;
  }
  const heif_error error = av1_copy(picture, out);
  dav1d_picture_unref(&picture);
  if (error.code != heif_error_Ok && *out != nullptr) {
    heif_image_release(*out);
    *out = nullptr;
  }
  return error;
}

// ── both, as libheif knows them ──

void set_strict(void* /*decoder*/, int /*strict*/) {}

const heif_decoder_plugin kHevc = {
    kPluginVersion,
    [] { return "libde265 without threads"; },
    nullptr,
    nullptr,
    [](heif_compression_format format) { return format == heif_compression_HEVC ? kPriority : 0; },
    hevc_new,
    hevc_free,
    hevc_push,
    hevc_decode,
    set_strict,
    "entente-hevc"};

const heif_decoder_plugin kAv1 = {
    kPluginVersion,
    [] { return "dav1d without threads"; },
    nullptr,
    nullptr,
    [](heif_compression_format format) { return format == heif_compression_AV1 ? kPriority : 0; },
    av1_new,
    av1_free,
    av1_push,
    av1_decode,
    set_strict,
    "entente-av1"};

}  // namespace

CodingBudget& coding_budget() {
  thread_local CodingBudget budget;
  return budget;
}

void prepare_decoders() {
  static const bool ready = [] {
    heif_init(nullptr);
    heif_register_decoder_plugin(&kHevc);
    heif_register_decoder_plugin(&kAv1);
    // Tables libde265 builds at first use.
    de265_init();
    return true;
  }();
  static_cast<void>(ready);
}

}  // namespace entente::media

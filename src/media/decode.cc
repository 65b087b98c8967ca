// SPDX-License-Identifier: Apache-2.0
#include "entente/media/decode.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view media_type;
  Decoder* decoder;
};

using namespace std::string_view_literals;

// What people send. Those with a decoder are decoded, the others are named in the refusal.
constexpr std::array kMagics{
    Magic{0, "\xff\xd8\xff"sv, "image/jpeg"sv, decode_jpeg},
    Magic{0, "\x89PNG\r\n\x1a\n"sv, "image/png"sv, decode_png},
    Magic{8, "WEBP"sv, "image/webp"sv, decode_webp},  // after "RIFF" and a length
    Magic{0, "GIF87a"sv, "image/gif"sv, decode_gif},
    Magic{0, "GIF89a"sv, "image/gif"sv, decode_gif},
    // The first brand after "ftyp" and a length. "mif1" says how the items are packed, not what
    // codes them: telephones write it before "heic".
    Magic{4, "ftypavif"sv, "image/avif"sv, decode_heif},
    Magic{4, "ftypavis"sv, "image/avif"sv, decode_heif},
    Magic{4, "ftyphei"sv, "image/heic"sv, decode_heif},
    Magic{4, "ftypmif1"sv, "image/heif"sv, decode_heif},
    Magic{4, "ftypmsf1"sv, "image/heif-sequence"sv, nullptr},
    Magic{4, "ftyp"sv, "video/mp4"sv, nullptr},
    Magic{0, "BM"sv, "image/bmp"sv, nullptr},
    Magic{0, "II*\0"sv, "image/tiff"sv, nullptr},
    Magic{0, "MM\0*"sv, "image/tiff"sv, nullptr},
    Magic{0, "\xff\x0a"sv, "image/jxl"sv, nullptr},
    Magic{0, "\0\0\0\x0cJXL "sv, "image/jxl"sv, nullptr},
    Magic{0, "\x1a\x45\xdf\xa3"sv, "video/webm"sv, nullptr},
    Magic{0, "%PDF-"sv, "application/pdf"sv, nullptr},
    Magic{0, "<svg"sv, "image/svg+xml"sv, nullptr},
};

bool has_magic(std::string_view file, const Magic& magic) {
  if (file.size() < magic.offset) return false;
  if (!file.substr(magic.offset).starts_with(magic.bytes)) return false;
  return magic.media_type != "image/webp" || file.starts_with("RIFF");
}

Result<const Magic*> find_magic(ByteView file) {
  if (file.empty()) return fail(Code::kInvalid, "the file is empty");
  const auto* const found =
      std::find_if(kMagics.begin(), kMagics.end(),
                   [text = as_text(file)](const Magic& magic) { return has_magic(text, magic); });
  if (found != kMagics.end() && found->decoder != nullptr) return found;
  Error error{Code::kUnsupported, {}, {}, {}, "send JPEG, PNG, WebP, GIF, AVIF or HEIC"};
  error.detail = found == kMagics.end()
                     ? "the first bytes are those of no image format known here"
                     : "files of type " + std::string(found->media_type) + " are not decoded here";
  return fail(std::move(error));
}

class Collector final : public RowSink {
 public:
  explicit Collector(Image& image) : image_(image) {}
  Result<void> begin(const Frame& frame) override {
    image_.width = frame.width;
    image_.height = frame.height;
    image_.media_type = frame.media_type;
    image_.rgb.reserve(std::size_t{3} * static_cast<std::size_t>(frame.width) *
                       static_cast<std::size_t>(frame.height));
    return {};
  }
  Result<void> row(ByteView pixels) override {
    image_.rgb.insert(image_.rgb.end(), pixels.begin(), pixels.end());
    return {};
  }
  Result<void> end() override { return {}; }

 private:
  Image& image_;
};

}  // namespace

Result<std::string> sniff(ByteView file) {
  ENTENTE_TRY(magic, find_magic(file));
  return std::string(magic->media_type);
}

Result<Decoded> decode_rows(ByteView file, const DecodeOptions& options, RowSink& sink) {
  if (file.size() > kMaxInputBytes) {
    return fail(Code::kTooLarge, "the file is above " + std::to_string(kMaxInputBytes) + " bytes");
  }
  ENTENTE_TRY(magic, find_magic(file));
  return magic->decoder(file, options, sink);
}

Result<Image> decode(ByteView file) {
  Image image;
  Collector sink(image);
  ENTENTE_CHECK_OK(decode_rows(file, {.strict = true}, sink));
  return image;
}

Result<void> check_size(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1) return fail(Code::kInvalid, "the image has no pixels");
  if (width <= kMaxSide && height <= kMaxSide && width * height <= kMaxPixels) return {};
  return fail(Code::kTooLarge, "an image of " + std::to_string(width) + "×" +
                                   std::to_string(height) + " is above the limit of " +
                                   std::to_string(kMaxPixels / 1'000'000) + " Mpx and " +
                                   std::to_string(kMaxSide) + " pixels a side");
}

void flatten_row(const std::uint8_t* rgba, std::uint8_t* rgb, std::size_t pixels) {
  for (std::size_t i = 0; i < pixels; ++i, rgba += 4, rgb += 3) {
    const unsigned alpha = rgba[3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>((rgba[c] * alpha + 255U * (255U - alpha) + 127U) / 255U);
    }
  }
}

namespace {

template <class Give>
Result<void> give_rows(RowSink& sink, const Frame& frame, const std::uint8_t* rows,
                       std::size_t stride, const Give& give) {
  ENTENTE_CHECK_OK(sink.begin(frame));
  for (int y = 0; y < frame.height; ++y, rows += stride) {
    ENTENTE_CHECK_OK(sink.row(give(rows)));
  }
  return sink.end();
}

}  // namespace

Result<void> give_rgb(RowSink& sink, const Frame& frame, const std::uint8_t* rows,
                      std::size_t stride) {
  const auto width = static_cast<std::size_t>(frame.width);
  return give_rows(sink, frame, rows, stride,
                   [width](const std::uint8_t* row) { return ByteView(row, 3 * width); });
}

Result<void> give_rgba(RowSink& sink, const Frame& frame, const std::uint8_t* rows,
                       std::size_t stride) {
  const auto width = static_cast<std::size_t>(frame.width);
  Bytes rgb(3 * width);
  return give_rows(sink, frame, rows, stride, [&rgb, width](const std::uint8_t* row) {
    flatten_row(row, rgb.data(), width);
    return ByteView(rgb);
  });
}

int frame_limit(const DecodeOptions& options, std::int64_t width, std::int64_t height) {
  const std::int64_t fit = kMaxAnimationPixels / std::max<std::int64_t>(1, width * height);
  return static_cast<int>(std::clamp<std::int64_t>(fit, 1, std::max(1, options.max_frames)));
}

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
#include "entente/media/decode.h"

#include <array>
#include <string_view>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view media_type;
};

using namespace std::string_view_literals;

// What people send. The first three are decoded, the others are named in the refusal.
constexpr std::array kMagics{
    Magic{0, "\xff\xd8\xff"sv, "image/jpeg"sv},  Magic{0, "\x89PNG\r\n\x1a\n"sv, "image/png"sv},
    Magic{8, "WEBP"sv, "image/webp"sv},  // after "RIFF" and a length
    Magic{0, "GIF8"sv, "image/gif"sv},           Magic{0, "BM"sv, "image/bmp"sv},
    Magic{0, "II*\0"sv, "image/tiff"sv},         Magic{0, "MM\0*"sv, "image/tiff"sv},
    Magic{4, "ftypavif"sv, "image/avif"sv},      Magic{4, "ftypavis"sv, "image/avif"sv},
    Magic{4, "ftyphei"sv, "image/heic"sv},       Magic{4, "ftypmif1"sv, "image/heif"sv},
    Magic{4, "ftyp"sv, "video/mp4"sv},           Magic{0, "\xff\x0a"sv, "image/jxl"sv},
    Magic{0, "\0\0\0\x0cJXL "sv, "image/jxl"sv}, Magic{0, "\x1a\x45\xdf\xa3"sv, "video/webm"sv},
    Magic{0, "%PDF-"sv, "application/pdf"sv},    Magic{0, "<svg"sv, "image/svg+xml"sv},
};

bool has_magic(std::string_view file, const Magic& magic) {
  if (file.size() < magic.offset) return false;
  if (!file.substr(magic.offset).starts_with(magic.bytes)) return false;
  return magic.media_type != "image/webp" || file.starts_with("RIFF");
}

}  // namespace

Result<std::string> sniff(ByteView file) {
  if (file.empty()) return fail(Code::kInvalid, "the file is empty");
  std::string_view found;
  for (const Magic& magic : kMagics) {
    if (has_magic(as_text(file), magic)) {
      found = magic.media_type;
      break;
    }
  }
  if (found == "image/jpeg" || found == "image/png" || found == "image/webp") {
    return std::string(found);
  }
  Error error{Code::kUnsupported, {}, {}, {}, "send JPEG, PNG or WebP"};
  error.detail = found.empty() ? "the first bytes are those of no image format known here"
                               : "images of type " + std::string(found) + " are not decoded here";
  return fail(std::move(error));
}

Result<Image> decode(ByteView file) {
  if (file.size() > kMaxInputBytes) {
    return fail(Code::kTooLarge, "the file is above " + std::to_string(kMaxInputBytes) + " bytes");
  }
  ENTENTE_TRY(type, sniff(file));
  Result<Image> image = type == "image/jpeg"  ? decode_jpeg(file)
                        : type == "image/png" ? decode_png(file)
                                              : decode_webp(file);
  if (image) image->media_type = std::move(type);
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

}  // namespace entente::media

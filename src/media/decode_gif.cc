// SPDX-License-Identifier: Apache-2.0
//
// giflib reads blocks and undoes the LZW coding; how frames lie over each other is ours (GIF89a
// §23, and what viewers do where it is silent).
#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

constexpr std::string_view kType = "image/gif";

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

class Reader {
 public:
  Reader(ByteView file, const DecodeOptions& options, RowSink& sink)
      : rest_(file), options_(options), sink_(sink) {}

  Result<Decoded> read() {
    int error = 0;
    gif_.reset(DGifOpen(this, &Reader::on_read, &error));
    if (!gif_) return failed(error);
    ENTENTE_CHECK_OK(check_size(gif_->SWidth, gif_->SHeight));
    width_ = static_cast<std::size_t>(gif_->SWidth);
    height_ = static_cast<std::size_t>(gif_->SHeight);
    canvas_.resize(4 * width_ * height_);  // transparent
    const int limit = frame_limit(options_, gif_->SWidth, gif_->SHeight);
    Decoded out{std::string(kType), 0, false};
    while (true) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      if (DGifGetRecordType(gif_.get(), &type) == GIF_ERROR) return failed(gif_->Error);
      if (type == EXTENSION_RECORD_TYPE) {
        ENTENTE_CHECK_OK(read_extension());
      } else if (type == IMAGE_DESC_RECORD_TYPE) {
        out.more = out.frames == limit;
        if (out.more) break;
        ENTENTE_CHECK_OK(show_frame(out.frames++));
      } else if (type == TERMINATE_RECORD_TYPE) {
        break;
      }
    }
    if (out.frames == 0) return fail(Code::kInvalid, "GIF: the file has no picture");
    return out;
  }

 private:
  static Unexpected failed(int error) {
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM) return fail(Code::kTooLarge, "GIF: not enough memory");
    const char* text = GifErrorString(error);
    return fail(Code::kInvalid,
                "GIF: " + std::string(text != nullptr ? text : "the file is malformed"));
  }

  Result<void> read_extension() {
    int kind = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif_.get(), &kind, &block) == GIF_ERROR) return failed(gif_->Error);
    while (block != nullptr) {
      // A block is its length, then its bytes.
      if (kind == GRAPHICS_EXT_FUNC_CODE) DGifExtensionToGCB(block[0], block + 1, &control_);
      if (DGifGetExtensionNext(gif_.get(), &block) == GIF_ERROR) return failed(gif_->Error);
    }
    return {};
  }

  Result<void> show_frame(int index) {
    if (DGifGetImageDesc(gif_.get()) == GIF_ERROR) return failed(gif_->Error);
    const GifImageDesc& at = gif_->Image;
    if (at.Left < 0 || at.Top < 0 || at.Width < 1 || at.Height < 1 ||
        at.Left + at.Width > gif_->SWidth || at.Top + at.Height > gif_->SHeight) {
      return fail(Code::kInvalid, "GIF: frame " + std::to_string(index) +
                                      " is empty or reaches outside the screen");
    }
    const ColorMapObject* colours = at.ColorMap != nullptr ? at.ColorMap : gif_->SColorMap;
    if (colours == nullptr) {
      return fail(Code::kInvalid, "GIF: frame " + std::to_string(index) + " has no colours");
    }
    // What came before is disposed of only when a frame follows.
    if (index > 0) dispose();
    if (control_.DisposalMode == DISPOSE_PREVIOUS) kept_ = canvas_;
    ENTENTE_CHECK_OK(draw(at, *colours));
    left_by_last_ = Last{at.Left, at.Top, at.Width, at.Height, control_.DisposalMode};
    control_ = GraphicsControlBlock{DISPOSAL_UNSPECIFIED, false, 0, NO_TRANSPARENT_COLOR};
    Frame frame;
    frame.width = gif_->SWidth;
    frame.height = gif_->SHeight;
    frame.index = index;
    frame.media_type = kType;
    return give_rgba(sink_, frame, canvas_.data(), 4 * width_);
  }

  void dispose() {
    if (left_by_last_.disposal == DISPOSE_PREVIOUS) canvas_.swap(kept_);
    if (left_by_last_.disposal != DISPOSE_BACKGROUND) return;
    for (int y = 0; y < left_by_last_.height; ++y) {
      std::memset(pixel(left_by_last_.left, left_by_last_.top + y), 0,
                  4 * static_cast<std::size_t>(left_by_last_.width));
    }
  }

  Result<void> draw(const GifImageDesc& at, const ColorMapObject& colours) {
    line_.resize(static_cast<std::size_t>(at.Width));
    if (!at.Interlace) return draw_lines(at, colours, 0, 1);
    for (const auto& [first, step] : {std::pair(0, 8), {4, 8}, {2, 4}, {1, 2}}) {
      ENTENTE_CHECK_OK(draw_lines(at, colours, first, step));
    }
    return {};
  }

  Result<void> draw_lines(const GifImageDesc& at, const ColorMapObject& colours, int first,
                          int step) {
    for (int y = first; y < at.Height; y += step) {
      if (DGifGetLine(gif_.get(), line_.data(), at.Width) == GIF_ERROR) return failed(gif_->Error);
      std::uint8_t* out = pixel(at.Left, at.Top + y);
      for (const GifPixelType value : line_) {
        // A value beyond the colours shows what lies below, as in viewers.
        if (value < colours.ColorCount && value != control_.TransparentColor) {
          const GifColorType& colour = colours.Colors[value];
          out[0] = colour.Red;
          out[1] = colour.Green;
          out[2] = colour.Blue;
          out[3] = 255;
        }
        out += 4;
      }
    }
    return {};
  }

  std::uint8_t* pixel(int x, int y) {
    return canvas_.data() +
           4 * (static_cast<std::size_t>(y) * width_ + static_cast<std::size_t>(x));
  }

  static int on_read(GifFileType* gif, GifByteType* out, int wanted) {
    Reader& reader = *static_cast<Reader*>(gif->UserData);
    const std::size_t size =
        std::min(static_cast<std::size_t>(std::max(0, wanted)), reader.rest_.size());
    if (size > 0) std::memcpy(out, reader.rest_.data(), size);
    reader.rest_ = reader.rest_.subspan(size);
    return static_cast<int>(size);
  }

  struct Last {
    int left = 0, top = 0, width = 0, height = 0;
    int disposal = DISPOSAL_UNSPECIFIED;
  };

  ByteView rest_;
  const DecodeOptions& options_;
  RowSink& sink_;
  std::unique_ptr<GifFileType, Close> gif_;
  std::size_t width_ = 0;
  std::size_t height_ = 0;
  GraphicsControlBlock control_{DISPOSAL_UNSPECIFIED, false, 0, NO_TRANSPARENT_COLOR};
  Last left_by_last_;
  Bytes canvas_;  // RGBA
  Bytes kept_;    // before the last frame, when that asks to be taken away again
  std::vector<GifPixelType> line_;
};

}  // namespace

Result<Decoded> decode_gif(ByteView file, const DecodeOptions& options, RowSink& sink) {
  return Reader(file, options, sink).read();
}

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// libpng reports errors by a jump. Everything it could jump over is a member of Reader or plain
// data, so no destructor is skipped.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

// Profiles and texts, which may be compressed, change no pixel here: they are skipped unread.
constexpr png_byte kSkipped[] =
    "cHRM\0gAMA\0iCCP\0sRGB\0sBIT\0tEXt\0zTXt\0iTXt\0eXIf\0sPLT\0hIST\0pCAL\0sCAL\0tIME\0pHYs\0oFF"
    "s";
constexpr int kSkippedCount = sizeof kSkipped / 5;  // four letters and a zero each
// Whatever else comes beside the pixels.
constexpr png_alloc_size_t kMaxChunkBytes = 1U << 20;
constexpr png_uint_32 kMaxCachedChunks = 64;

class Reader {
 public:
  Reader(ByteView file, RowSink& sink) : rest_(file), sink_(sink) {}
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Decoded> read() {
    png_ =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &Reader::on_error, &Reader::on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) return fail(Code::kTooLarge, "PNG: no memory for its header");
    ENTENTE_CHECK_OK(step(&Reader::read_header));
    ENTENTE_CHECK_OK(check_size(width_, height_));
    ENTENTE_CHECK_OK(step(&Reader::ask_for_rgb));
    stride_ = std::size_t{width_} * (has_alpha_ ? 4U : 3U);
    // An interlaced image comes in seven passes over its rows, so all of them must be kept.
    rows_.resize(stride_ * (passes_ > 1 ? height_ : 1));
    if (has_alpha_) rgb_row_.resize(std::size_t{3} * width_);
    Frame frame;
    frame.width = static_cast<int>(width_);
    frame.height = static_cast<int>(height_);
    frame.media_type = kType;
    ENTENTE_CHECK_OK(sink_.begin(frame));
    ENTENTE_CHECK_OK(step(&Reader::read_rows));
    ENTENTE_CHECK_OK(std::move(given_));
    ENTENTE_CHECK_OK(sink_.end());
    return Decoded{std::string(kType), 1, false};
  }

 private:
  static constexpr std::string_view kType = "image/png";

  Result<void> step(void (Reader::*part)()) {
    if (setjmp(png_jmpbuf(png_)) == 0) {
      (this->*part)();
      return {};
    }
    return fail(Code::kInvalid, "PNG: " + std::string(text_.data()));
  }

  void read_header() {
    png_set_read_fn(png_, this, &Reader::on_read);
    // libpng's own limit of a million a side would answer with a worse message than check_size.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_chunk_cache_max(png_, kMaxCachedChunks);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kSkipped, kSkippedCount);
    png_read_info(png_, info_);
    width_ = png_get_image_width(png_, info_);
    height_ = png_get_image_height(png_, info_);
  }

  void ask_for_rgb() {
    png_set_scale_16(png_);
    png_set_expand(png_);  // palette to RGB, grey to 8 bits, a transparent colour to alpha
    png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    has_alpha_ = png_get_channels(png_, info_) == 4;
    const std::size_t row = std::size_t{width_} * (has_alpha_ ? 4U : 3U);
    if (png_get_rowbytes(png_, info_) != row) png_error(png_, "unexpected row length");
  }

  // libpng never jumps over a call to the sink: it is asked for a row, and has returned.
  void read_rows() {
    const std::size_t step = passes_ > 1 ? stride_ : 0;
    for (int pass = 0; pass < passes_; ++pass) {
      for (std::size_t y = 0; y < height_; ++y) {
        std::uint8_t* row = rows_.data() + y * step;
        png_read_row(png_, row, nullptr);
        if (pass + 1 == passes_ && !give(row)) return;
      }
    }
  }

  bool give(const std::uint8_t* row) {
    if (has_alpha_) {
      flatten_row(row, rgb_row_.data(), width_);
      given_ = sink_.row(rgb_row_);
    } else {
      given_ = sink_.row({row, stride_});
    }
    return given_.has_value();
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    Reader& reader = *static_cast<Reader*>(png_get_error_ptr(png));
    std::strncpy(reader.text_.data(), message, reader.text_.size() - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void on_read(png_structp png, png_bytep out, std::size_t size) {
    Reader& reader = *static_cast<Reader*>(png_get_io_ptr(png));
    if (size > reader.rest_.size()) png_error(png, "the file ends too early");
    std::memcpy(out, reader.rest_.data(), size);
    reader.rest_ = reader.rest_.subspan(size);
  }

  ByteView rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  png_uint_32 width_ = 0;
  png_uint_32 height_ = 0;
  int passes_ = 1;
  bool has_alpha_ = false;
  std::array<char, 128> text_{};
  RowSink& sink_;
  Result<void> given_;
  std::size_t stride_ = 0;
  Bytes rows_;
  Bytes rgb_row_;
};

}  // namespace

Result<Decoded> decode_png(ByteView file, const DecodeOptions& /*options*/, RowSink& sink) {
  return Reader(file, sink).read();
}

}  // namespace entente::media

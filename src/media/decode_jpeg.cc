// SPDX-License-Identifier: Apache-2.0
//
// libjpeg reports errors by a jump. Everything it could jump over is a member of Reader or plain
// data, so no destructor is skipped.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE and does not ask for it
#include <optional>

// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "entente/media/decoders.h"

namespace entente::media {
namespace {

// Rows taken at a time: as many as two rows of blocks of a subsampled picture give.
constexpr std::size_t kRowsAtOnce = 16;

class Reader {
 public:
  Reader(ByteView file, const DecodeOptions& options, RowSink& sink)
      : file_(file), options_(options), sink_(sink) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = &Reader::on_error;
    errors_.emit_message = &Reader::on_message;
    progress_.progress_monitor = &Reader::on_progress;
    jpeg_.client_data = this;
  }
  ~Reader() { jpeg_destroy_decompress(&jpeg_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Decoded> read() {
    ENTENTE_CHECK_OK(step(&Reader::read_header));
    ENTENTE_CHECK_OK(check_size(jpeg_.image_width, jpeg_.image_height));
    Frame frame;
    frame.width = static_cast<int>(jpeg_.image_width);
    frame.height = static_cast<int>(jpeg_.image_height);
    frame.media_type = kType;
    inks_ = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    frame.luma = !inks_ && !options_.strict;
    if (frame.luma) frame.scale = widest_scale(std::min(frame.width, frame.height));
    jpeg_.out_color_space = inks_ ? JCS_CMYK : frame.luma ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_.scale_num = 1;
    jpeg_.scale_denom = static_cast<unsigned>(frame.scale);
    ENTENTE_CHECK_OK(step(&Reader::start));
    const auto width = static_cast<std::size_t>(scaled(frame.width, frame.scale));
    if (jpeg_.output_width != width ||
        static_cast<int>(jpeg_.output_height) != scaled(frame.height, frame.scale)) {
      return fail(Code::kInternal, "JPEG: the library scales in its own way");
    }
    stride_ = width * (inks_ ? 4U : frame.luma ? 1U : 3U);
    rows_.resize(kRowsAtOnce * stride_);
    if (inks_) rgb_row_.resize(3 * width);
    ENTENTE_CHECK_OK(sink_.begin(frame));
    ENTENTE_CHECK_OK(step(&Reader::read_pixels));
    ENTENTE_CHECK_OK(std::move(given_));
    ENTENTE_CHECK_OK(sink_.end());
    return Decoded{std::string(kType), 1, false};
  }

 private:
  static constexpr std::string_view kType = "image/jpeg";

  // Runs a part of the decoding that libjpeg may leave by a jump.
  Result<void> step(void (Reader::*part)()) {
    if (setjmp(back_) == 0) {
      (this->*part)();
      return {};
    }
    return fail(code_, "JPEG: " + std::string(text_.data()));
  }

  int widest_scale(int side) const {
    for (const int scale : {8, 4, 2}) {
      if (options_.min_side > 0 && side / scale >= options_.min_side) return scale;
    }
    return 1;
  }

  void read_header() {
    jpeg_CreateDecompress(&jpeg_, JPEG_LIB_VERSION, sizeof jpeg_);
    jpeg_.client_data = this;
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, file_.data(), static_cast<unsigned long>(file_.size()));
    jpeg_read_header(&jpeg_, TRUE);
  }

  void start() { jpeg_start_decompress(&jpeg_); }

  // The library never jumps over a call to the sink: it is asked for rows, and has returned.
  void read_pixels() {
    std::array<JSAMPROW, kRowsAtOnce> rows{};
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = rows_.data() + i * stride_;
    while (jpeg_.output_scanline < jpeg_.output_height) {
      const JDIMENSION got = jpeg_read_scanlines(&jpeg_, rows.data(), JDIMENSION{kRowsAtOnce});
      if (!give(got)) return;
    }
  }

  bool give(JDIMENSION rows) {
    for (std::size_t y = 0; given_ && y < rows; ++y) {
      const ByteView row(rows_.data() + y * stride_, stride_);
      if (inks_) print_inks(row.data(), rgb_row_.data());
      given_ = sink_.row(inks_ ? ByteView(rgb_row_) : row);
    }
    return given_.has_value();
  }

  // Cyan, magenta, yellow and black as light. Adobe stores how much ink is missing, others how much
  // there is.
  void print_inks(const std::uint8_t* ink, std::uint8_t* rgb) const {
    const bool missing = jpeg_.saw_Adobe_marker != FALSE;
    for (JDIMENSION x = 0; x < jpeg_.output_width; ++x, ink += 4, rgb += 3) {
      const unsigned black = missing ? ink[3] : 255U - ink[3];
      for (std::size_t c = 0; c < 3; ++c) {
        const unsigned colour = missing ? ink[c] : 255U - ink[c];
        rgb[c] = static_cast<std::uint8_t>((colour * black + 127U) / 255U);
      }
    }
  }

  static Reader& of(j_common_ptr jpeg) { return *static_cast<Reader*>(jpeg->client_data); }

  [[noreturn]] void stop(Code code) {
    code_ = code;
    errors_.format_message(reinterpret_cast<j_common_ptr>(&jpeg_), text_.data());
    std::longjmp(back_, 1);
  }

  [[noreturn]] static void on_error(j_common_ptr jpeg) {
    switch (jpeg->err->msg_code) {
      case JERR_OUT_OF_MEMORY:
        of(jpeg).stop(Code::kTooLarge);
      case JERR_BAD_PRECISION:
      case JERR_SOF_UNSUPPORTED:
      case JERR_CONVERSION_NOTIMPL:
        of(jpeg).stop(Code::kUnsupported);
      default:
        of(jpeg).stop(Code::kInvalid);
    }
  }

  // A negative level is a warning: libjpeg would paint over the damage and go on. Damage that costs
  // pixels is refused, or a picture cut short would be looked at as if it were whole; harmless dirt
  // is let through as viewers do.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    Reader& reader = of(jpeg);
    switch (jpeg->err->msg_code) {
      case JWRN_HIT_MARKER:
      case JWRN_HUFF_BAD_CODE:
      case JWRN_ARITH_BAD_CODE:
        reader.stop(Code::kInvalid);
      case JWRN_JPEG_EOF:
        // Without its end marker a one-scan picture may still be whole; one of several scans lacks
        // the later ones.
        if (jpeg_has_multiple_scans(&reader.jpeg_) != FALSE) reader.stop(Code::kInvalid);
        break;
      default:
        break;
    }
  }

  static void on_progress(j_common_ptr jpeg) {
    Reader& reader = of(jpeg);
    if (reader.jpeg_.input_scan_number <= kMaxJpegScans) return;
    reader.code_ = Code::kTooLarge;
    std::snprintf(reader.text_.data(), reader.text_.size(), "more than %d scans", kMaxJpegScans);
    std::longjmp(reader.back_, 1);
  }

  ByteView file_;
  const DecodeOptions& options_;
  RowSink& sink_;
  Result<void> given_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf back_{};
  Code code_ = Code::kInvalid;
  std::array<char, JMSG_LENGTH_MAX> text_{};
  bool inks_ = false;
  std::size_t stride_ = 0;
  Bytes rows_;
  Bytes rgb_row_;
};

}  // namespace

Result<Decoded> decode_jpeg(ByteView file, const DecodeOptions& options, RowSink& sink) {
  return Reader(file, options, sink).read();
}

}  // namespace entente::media

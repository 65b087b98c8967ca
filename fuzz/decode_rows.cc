// SPDX-License-Identifier: Apache-2.0
//
// The image decoders on any bytes: they hand out frames of the size they claim, or a reason.
#include "entente/media/decode.h"
#include "fuzz.h"

namespace entente::media {
namespace {

// Large frames are turned away, so that a run tries many small ones.
constexpr std::int64_t kLarge = 1 << 20;

class Checker final : public RowSink {
 public:
  Result<void> begin(const Frame& frame) override {
    fuzz::promise(!open_ && frame.index == frames_ && frame.width > 0 && frame.height > 0);
    fuzz::promise(frame.scale == 1 || frame.luma);
    open_ = true;
    frame_ = frame;
    rows_ = 0;
    if (std::int64_t{frame.width} * frame.height > kLarge) return fail(Code::kConflict, "large");
    return {};
  }
  Result<void> row(ByteView pixels) override {
    const int width = scaled(frame_.width, frame_.scale);
    fuzz::promise(pixels.size() == static_cast<std::size_t>(width) * (frame_.luma ? 1U : 3U));
    std::uint8_t all = 0;
    for (const std::uint8_t pixel : pixels) all = static_cast<std::uint8_t>(all | pixel);
    fuzz::promise(++rows_ <= scaled(frame_.height, frame_.scale) && (all | 1U) != 0);
    return {};
  }
  Result<void> end() override {
    fuzz::promise(open_ && rows_ == scaled(frame_.height, frame_.scale));
    open_ = false;
    ++frames_;
    return {};
  }
  int frames() const { return frames_; }

 private:
  Frame frame_;
  bool open_ = false;
  int rows_ = 0;
  int frames_ = 0;
};

void decode_with(ByteView file, const DecodeOptions& options) {
  Checker sink;
  const auto decoded = decode_rows(file, options, sink);
  if (decoded) {
    fuzz::promise(decoded->frames == sink.frames() && decoded->frames > 0);
    fuzz::promise(decoded->media_type == sniff(file).value());
  } else {
    fuzz::promise(!decoded.error().detail.empty());
  }
}

}  // namespace
}  // namespace entente::media

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  entente::media::decode_with({data, size}, {.strict = true});
  entente::media::decode_with({data, size}, {.min_side = 16, .max_frames = 3});
  return 0;
}

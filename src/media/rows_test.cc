// SPDX-License-Identifier: Apache-2.0
//
// decode_rows: what a sink gets from each format, and from animations.
#include <gtest/gtest.h>

#include <cstdlib>

#include "entente/media/decode.h"
#include "entente/media/test_images.h"

namespace entente::media {
namespace {

struct Shown {
  Frame frame;
  Bytes pixels;
  int rows = 0;
  bool ended = false;
};

// Keeps every frame; may refuse a row.
class Recorder final : public RowSink {
 public:
  explicit Recorder(int refuse_at = -1) : refuse_at_(refuse_at) {}
  Result<void> begin(const Frame& frame) override {
    frames.push_back({frame, {}, 0, false});
    return {};
  }
  Result<void> row(ByteView pixels) override {
    Shown& shown = frames.back();
    if (shown.rows == refuse_at_) return fail(Code::kConflict, "enough");
    const auto width = static_cast<std::size_t>(scaled(shown.frame.width, shown.frame.scale));
    EXPECT_EQ(pixels.size(), width * (shown.frame.luma ? 1U : 3U));
    shown.pixels.insert(shown.pixels.end(), pixels.begin(), pixels.end());
    ++shown.rows;
    return {};
  }
  Result<void> end() override {
    frames.back().ended = true;
    EXPECT_EQ(frames.back().rows, scaled(frames.back().frame.height, frames.back().frame.scale));
    return {};
  }

  std::vector<Shown> frames;

 private:
  int refuse_at_;
};

Bytes opaque(const Bytes& rgb) {
  Bytes out;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    out.insert(out.end(), {rgb[i], rgb[i + 1], rgb[i + 2], 255});
  }
  return out;
}

std::vector<Bytes> one_of_each(int width, int height) {
  const Bytes pixels = drawn(width, height);
  const Bytes still = write_webp(opaque(pixels), width, height);
  const auto count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {write_jpeg(pixels, width, height),
          write_jpeg(pixels, width, height, JpegKind::kProgressive),
          write_jpeg(Bytes(4 * count, 99), width, height, JpegKind::kInks),
          write_png(pixels, width, height),
          write_png(pixels, width, height, {.interlaced = true}),
          still,
          write_webp_animation({still}, width, height),
          write_gif(width, height, {{.width = width, .height = height, .pixels = Bytes(count, 3)}}),
          write_heif(pixels, width, height, HeifKind::kAvif),
          write_heif(pixels, width, height, HeifKind::kHeic)};
}

TEST(DecodeRows, ASinksErrorEndsTheDecodingOfEveryFormat) {
  for (const Bytes& file : one_of_each(40, 32)) {
    for (const int row : {0, 5, 31}) {
      Recorder sink(row);
      const auto decoded = decode_rows(file, {}, sink);
      ASSERT_FALSE(decoded.has_value());
      EXPECT_EQ(decoded.error(), (Error{Code::kConflict, "enough", {}, {}, {}}));
      EXPECT_EQ(sink.frames.at(0).rows, row);
      EXPECT_FALSE(sink.frames.at(0).ended);
    }
  }
}

TEST(DecodeRows, ADamagedPictureIsNotEnded) {
  Bytes file = write_jpeg(drawn(160, 120), 160, 120);
  file.resize(file.size() / 2);
  Recorder sink;
  EXPECT_EQ(decode_rows(file, {}, sink).error().code, Code::kInvalid);
  ASSERT_EQ(sink.frames.size(), 1U);
  EXPECT_FALSE(sink.frames[0].ended);
}

TEST(DecodeRows, StrictRowsAreTheImageInEveryFormat) {
  for (const Bytes& file : one_of_each(40, 32)) {
    Recorder sink;
    const auto decoded = decode_rows(file, {.strict = true}, sink).value();
    EXPECT_EQ(decoded.media_type, sniff(file).value());
    EXPECT_EQ(decoded.frames, 1);
    EXPECT_FALSE(decoded.more);
    const Shown& shown = sink.frames.at(0);
    EXPECT_TRUE(shown.ended);
    EXPECT_FALSE(shown.frame.luma);
    EXPECT_EQ(shown.frame.scale, 1);
    EXPECT_EQ(shown.frame.media_type, decoded.media_type);
    EXPECT_EQ(shown.pixels, decode(file)->rgb);
  }
}

TEST(DecodeRows, AJpegGivesItsLuma) {
  const Bytes grey = write_jpeg(Bytes(64 * 48, 77), 64, 48, JpegKind::kGrey);
  Recorder sink;
  ASSERT_TRUE(decode_rows(grey, {}, sink).has_value());
  EXPECT_TRUE(sink.frames.at(0).frame.luma);
  EXPECT_EQ(sink.frames[0].pixels, Bytes(64 * 48, 77));
  // Red is 0.299 of white.
  Bytes red;
  for (int i = 0; i < 64 * 48; ++i) red.insert(red.end(), {255, 0, 0});
  Recorder colour;
  ASSERT_TRUE(decode_rows(write_jpeg(red, 64, 48), {}, colour).has_value());
  for (const std::uint8_t luma : colour.frames.at(0).pixels) EXPECT_NEAR(luma, 76, 1);
}

TEST(DecodeRows, AJpegIsScaledWhileItsShorterSideStaysAboveTheLeast) {
  struct Case {
    int width, height, min_side, scale;
  };
  for (const Case& c : {Case{511, 700, 256, 1},
                        {512, 700, 256, 2},
                        {1023, 1100, 256, 2},
                        {1024, 1100, 256, 4},
                        {90, 80, 10, 8},
                        {79, 90, 10, 4},
                        {90, 80, 0, 1},
                        {5, 3, 1, 2},
                        {1, 1, 256, 1}}) {
    const Bytes file = write_jpeg(drawn(c.width, c.height), c.width, c.height);
    Recorder sink;
    ASSERT_TRUE(decode_rows(file, {.min_side = c.min_side}, sink).has_value());
    const Frame& frame = sink.frames.at(0).frame;
    EXPECT_EQ(frame.scale, c.scale) << c.width << "×" << c.height;
    EXPECT_EQ(frame.width, c.width);
    EXPECT_EQ(frame.height, c.height);
    EXPECT_TRUE(sink.frames[0].ended);
  }
}

// ── animations ──

Bytes solid(int width, int height, std::uint8_t colour) {
  return Bytes(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), colour);
}
Bytes colours_of(const Bytes& numbers) {  // 255: white, the page below
  Bytes out;
  for (const std::uint8_t number : numbers) {
    out = joined(std::move(out), number == 255 ? Bytes{255, 255, 255} : gif_colour(number));
  }
  return out;
}

TEST(DecodeRows, AGifFrameOutsideTheScreenIsRefused) {
  const std::vector<GifFrame> bad{
      {.left = 1, .width = 8, .height = 8, .pixels = solid(8, 8, 1)},
      {.top = 60'000, .width = 8, .height = 8, .pixels = solid(8, 8, 1)},
      {.width = 9, .height = 1, .pixels = solid(9, 1, 1)},
      {.width = 8, .height = 0, .pixels = {}},
  };
  for (const GifFrame& frame : bad) {
    const auto image = decode(write_gif(8, 8, {frame}));
    ASSERT_FALSE(image.has_value());
    EXPECT_EQ(image.error().code, Code::kInvalid);
    EXPECT_NE(image.error().detail.find("outside the screen"), std::string::npos);
  }
}

TEST(DecodeRows, AGifWithoutPictureScreenOrColoursIsRefused) {
  EXPECT_EQ(decode(write_gif(8, 8, {})).error().code, Code::kInvalid);
  EXPECT_EQ(decode(write_gif(0, 8, {})).error().code, Code::kInvalid);
  Bytes colourless = write_gif(8, 8, {{.width = 8, .height = 8, .pixels = solid(8, 8, 1)}});
  colourless[10] = 0x70;  // no global table, so what was it is read as blocks
  EXPECT_EQ(decode(colourless).error().code, Code::kInvalid);
}

TEST(DecodeRows, AGifsFramesAreComposed) {
  const auto file = write_gif(
      4, 2,
      {{.width = 4, .height = 2, .pixels = solid(4, 2, 10), .disposal = 1},
       // Two pixels, one of them transparent; taken back to what was there before.
       {.left = 1, .width = 2, .height = 1, .pixels = {20, 99}, .transparent = 99, .disposal = 3},
       // Taken away, down to the background.
       {.left = 3, .top = 1, .width = 1, .height = 1, .pixels = {30}, .disposal = 2},
       {.width = 1, .height = 1, .pixels = {40}, .disposal = 1}});
  Recorder sink;
  const auto decoded = decode_rows(file, {.max_frames = 10}, sink).value();
  EXPECT_EQ(decoded.frames, 4);
  EXPECT_FALSE(decoded.more);
  EXPECT_EQ(sink.frames.at(0).pixels, colours_of({10, 10, 10, 10, 10, 10, 10, 10}));
  EXPECT_EQ(sink.frames.at(1).pixels, colours_of({10, 20, 10, 10, 10, 10, 10, 10}));
  EXPECT_EQ(sink.frames.at(2).pixels, colours_of({10, 10, 10, 10, 10, 10, 10, 30}));
  EXPECT_EQ(sink.frames.at(3).pixels, colours_of({40, 10, 10, 10, 10, 10, 10, 255}));
  EXPECT_EQ(sink.frames.at(3).frame.index, 3);
}

TEST(DecodeRows, AnInterlacedGifShowsItsRowsInOrder) {
  Bytes pixels;
  for (std::uint8_t y = 0; y < 21; ++y) pixels.insert(pixels.end(), 3, y);
  const auto image =
      decode(write_gif(3, 21, {{.width = 3, .height = 21, .pixels = pixels, .interlaced = true}}));
  ASSERT_TRUE(image.has_value()) << to_string(image.error());
  EXPECT_EQ(image->rgb, colours_of(pixels));
}

TEST(DecodeRows, AMillionFramesCostOneUnlessMoreAreAskedFor) {
  // A frame of one pixel is 26 bytes.
  const std::vector<GifFrame> frames(1'000'000,
                                     {.width = 1, .height = 1, .pixels = {5}, .disposal = 1});
  const Bytes file = write_gif(2, 2, frames);
  ASSERT_LT(file.size(), kMaxInputBytes);
  for (const int asked : {1, 7}) {
    Recorder sink;
    const auto decoded = decode_rows(file, {.max_frames = asked}, sink).value();
    EXPECT_EQ(decoded.frames, asked);
    EXPECT_TRUE(decoded.more);
    EXPECT_EQ(sink.frames.size(), static_cast<std::size_t>(asked));
  }
}

// Counts only: the frames are large.
class Counter final : public RowSink {
 public:
  Result<void> begin(const Frame& /*frame*/) override { return {}; }
  Result<void> row(ByteView pixels) override {
    bytes += pixels.size();
    return {};
  }
  Result<void> end() override { return {}; }
  std::size_t bytes = 0;
};

TEST(DecodeRows, AFloodOfLargeFramesEndsAtTheLimit) {
  // 49 Mpx a frame, painted in one corner.
  const std::vector<GifFrame> frames(50, {.width = 1, .height = 1, .pixels = {5}, .disposal = 1});
  Counter sink;
  const auto decoded =
      decode_rows(write_gif(7'000, 7'000, frames), {.max_frames = 1'000}, sink).value();
  EXPECT_EQ(decoded.frames, kMaxAnimationPixels / (7'000 * 7'000));
  EXPECT_TRUE(decoded.more);
  EXPECT_LE(sink.bytes, static_cast<std::size_t>(3 * kMaxAnimationPixels));
}

TEST(DecodeRows, AWebpAnimationGivesItsFrames) {
  const std::vector<Bytes> stills{write_webp(opaque(Bytes(3 * 64, 10)), 8, 8),
                                  write_webp(opaque(Bytes(3 * 64, 20)), 8, 8),
                                  write_webp(Bytes(4 * 64, 0), 8, 8)};
  const Bytes file = write_webp_animation(stills, 8, 8);
  Recorder sink;
  const auto decoded = decode_rows(file, {.max_frames = 9}, sink).value();
  EXPECT_EQ(decoded.frames, 3);
  EXPECT_FALSE(decoded.more);
  EXPECT_EQ(sink.frames.at(0).pixels, Bytes(3 * 64, 10));
  EXPECT_EQ(sink.frames.at(1).pixels, Bytes(3 * 64, 20));
  EXPECT_EQ(sink.frames.at(2).pixels, Bytes(3 * 64, 255));  // transparent
  Recorder first;
  EXPECT_TRUE(decode_rows(file, {}, first).value().more);
  EXPECT_EQ(first.frames.size(), 1U);
}

}  // namespace
}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
#include "entente/media/decode.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "entente/media/test_images.h"

namespace entente::media {
namespace {

void expect_error(ByteView file, Code code, std::string_view words) {
  const auto image = decode(file);
  ASSERT_FALSE(image.has_value()) << words;
  EXPECT_EQ(image.error().code, code) << to_string(image.error());
  EXPECT_NE(image.error().detail.find(words), std::string::npos) << to_string(image.error());
}

// The largest difference between two pictures.
int difference(const Bytes& a, const Bytes& b) {
  EXPECT_EQ(a.size(), b.size());
  int out = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    out = std::max(out, std::abs(int{a[i]} - int{b[i]}));
  }
  return out;
}

Bytes cut(const Bytes& file, std::size_t parts, std::size_t of) {
  return {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(file.size() * parts / of)};
}

TEST(Decode, RefusesWhatIsNoImage) {
  expect_error({}, Code::kInvalid, "empty");
  expect_error(Bytes(4096, 0), Code::kUnsupported, "no image format");
  expect_error(as_bytes("hello"), Code::kUnsupported, "no image format");
  expect_error(as_bytes("\xff\xd8"), Code::kUnsupported, "no image format");
  expect_error(as_bytes("RIFF\x10\0\0\0WAVE"), Code::kUnsupported, "no image format");
}

TEST(Decode, NamesTheTypesItDoesNotDecode) {
  expect_error(as_bytes("BM1234"), Code::kUnsupported, "image/bmp");
  expect_error(as_bytes("%PDF-1.7"), Code::kUnsupported, "application/pdf");
  expect_error(as_bytes("\xff\x0a"), Code::kUnsupported, "image/jxl");
  expect_error(as_bytes(std::string_view("\0\0\0\x20"
                                         "ftypisom",
                                         12)),
               Code::kUnsupported, "video/mp4");
  expect_error(as_bytes(std::string_view("\0\0\0\x20"
                                         "ftypmsf1",
                                         12)),
               Code::kUnsupported, "image/heif-sequence");
}

TEST(Decode, RefusesAFileAboveTheLimit) {
  expect_error(Bytes(kMaxInputBytes + 1, 0xff), Code::kTooLarge, "bytes");
}

TEST(Decode, RefusesTruncatedImagesWhereverTheyAreCut) {
  const Bytes pixels = drawn(160, 120);
  Bytes rgba;
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    rgba.insert(rgba.end(), {pixels[i], pixels[i + 1], pixels[i + 2], 255});
  }
  const Bytes still = write_webp(rgba, 160, 120);
  const std::vector<Bytes> files{
      write_jpeg(pixels, 160, 120),
      write_jpeg(pixels, 160, 120, JpegKind::kProgressive),
      write_png(pixels, 160, 120),
      still,
      write_webp_animation({still}, 160, 120),
      write_gif(160, 120,
                {{.width = 160, .height = 120, .pixels = Bytes(std::size_t{160} * 120, 7)}}),
      write_heif(pixels, 160, 120, HeifKind::kAvif),
      write_heif(pixels, 160, 120, HeifKind::kHeic)};
  for (const Bytes& file : files) {
    ASSERT_TRUE(decode(file).has_value());
    for (std::size_t part = 1; part < 19; ++part) {
      const auto image = decode(cut(file, part, 20));
      ASSERT_FALSE(image.has_value()) << sniff(file).value() << " " << part << "/20";
      EXPECT_TRUE(image.error().code == Code::kInvalid || image.error().code == Code::kUnsupported)
          << sniff(file).value() << " " << part << "/20 " << to_string(image.error());
    }
  }
}

TEST(Decode, SurvivesAnyDamagedByte) {
  const Bytes pixels = drawn(48, 40);
  const GifFrame frame{.width = 24, .height = 20, .pixels = Bytes(std::size_t{24} * 20, 7)};
  const std::vector<Bytes> files{
      write_jpeg(pixels, 48, 40), write_jpeg(pixels, 48, 40, JpegKind::kProgressive),
      write_png(pixels, 48, 40, {.interlaced = true}), write_gif(24, 20, {frame, frame})};
  for (const Bytes& file : files) {
    for (std::size_t at = 0; at < file.size(); ++at) {
      Bytes damaged = file;
      damaged[at] ^= 0x55;
      const auto image = decode(damaged);
      if (image) {
        EXPECT_EQ(image->rgb.size(), std::size_t{3} * static_cast<std::size_t>(image->width) *
                                         static_cast<std::size_t>(image->height));
      } else {
        EXPECT_FALSE(image.error().detail.empty());
      }
    }
  }
}

TEST(Decode, RefusesAbsurdSidesBeforeAnyPixel) {
  const Bytes some_deflate{0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01};
  expect_error(forged_png(60'000, 60'000, some_deflate), Code::kTooLarge, "60000×60000");
  expect_error(forged_png(30'000, 30'000, some_deflate), Code::kTooLarge, "30000×30000");
  expect_error(forged_png(30'001, 1, some_deflate), Code::kTooLarge, "30001×1");
  expect_error(forged_png(0x7fffffff, 0x7fffffff, some_deflate), Code::kTooLarge, "2147483647");
  expect_error(forged_png(0, 5, some_deflate), Code::kInvalid, "PNG");
  expect_error(forged_png(0xffffffff, 5, some_deflate), Code::kInvalid, "PNG");
  expect_error(forged_png(100, 100, some_deflate), Code::kInvalid, "PNG");

  // A JPEG's frame header claims 65500×65500.
  Bytes jpeg = write_jpeg(drawn(32, 32), 32, 32);
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] != 0xff || jpeg[i + 1] != 0xc0) continue;
    for (const std::size_t at : {i + 5, i + 7}) {
      jpeg[at] = 0xff;
      jpeg[at + 1] = 0xdc;
    }
    break;
  }
  expect_error(jpeg, Code::kTooLarge, "65500×65500");
}

TEST(Decode, RefusesAHundredMegapixelsInEveryFormat) {
  // GIF and WebP cannot claim it without being refused; their headers are patched to.
  Bytes gif = write_gif(8, 8, {{.width = 8, .height = 8, .pixels = Bytes(64, 1)}});
  std::fill(gif.begin() + 6, gif.begin() + 10, std::uint8_t{0x74});  // 29812×29812
  expect_error(gif, Code::kTooLarge, "29812×29812");

  const Bytes still = write_webp(Bytes(4 * 64, 9), 8, 8);
  Bytes webp = write_webp_animation({still}, 8, 8);
  for (const std::size_t at : {24U, 27U}) {  // the screen's sides, less one, in 24 bits
    webp[at] = 0x0f;
    webp[at + 1] = 0x27;
  }
  expect_error(webp, Code::kTooLarge, "10000×10000");

  Bytes avif = write_heif(drawn(64, 64), 64, 64, HeifKind::kAvif);
  const std::size_t ispe = as_text(avif).find("ispe");
  for (const std::size_t at : {ispe + 10, ispe + 14}) {
    avif[at] = 0x27;
    avif[at + 1] = 0x10;
  }
  expect_error(avif, Code::kTooLarge, "10000×10000");
}

TEST(Decode, TheCodedPictureIsHeldToTheLimitToo) {
  // The container claims 64×64; what is coded inside is another matter.
  Bytes avif = write_heif(drawn(64, 64), 64, 64, HeifKind::kAvif);
  const Bytes large = write_heif(Bytes(std::size_t{3} * 30'008 * 8, 9), 30'008, 8, HeifKind::kAvif);
  const Bytes forged = derived_avif(large, "iden", {}, {1}, 64, 64);
  const auto image = decode(forged);
  ASSERT_FALSE(image.has_value());
  EXPECT_NE(image.error().code, Code::kInternal);
}

TEST(Decode, PngTextsAndProfilesAreNotInflated) {
  // Each names itself, "no compression method but deflate", and ten megabytes of nothing.
  const Bytes bomb =
      joined(to_bytes(std::string_view("name\0\0", 6)), deflated_zeros(std::size_t{10} << 20));
  const Bytes pixels = deflated_zeros(9);  // rows of eight, each after its filter
  std::vector<std::pair<std::string, Bytes>> chunks(200, {"zTXt", bomb});
  chunks.emplace_back("iCCP", bomb);
  chunks.emplace_back("IDAT", pixels);
  const auto image = decode(png_of_chunks(8, 1, chunks));
  ASSERT_TRUE(image.has_value()) << to_string(image.error());
  EXPECT_EQ(image->rgb, Bytes(24, 0));
}

TEST(Decode, APngThatGoesOnAfterItsPixelsGivesOnlyThose) {
  const auto image = decode(png_of_chunks(8, 1, {{"IDAT", deflated_zeros(std::size_t{20} << 20)}}));
  if (image) {
    EXPECT_EQ(image->rgb.size(), 24U);
  } else {
    EXPECT_EQ(image.error().code, Code::kInvalid);
  }
}

TEST(Decode, RefusesAJpegOfEndlessScans) {
  Bytes file = write_jpeg(drawn(64, 64), 64, 64, JpegKind::kProgressive);
  // The first scan, again and again: each costs a pass over all pixels.
  const auto find_marker = [&file](std::size_t from, bool (*wanted)(std::uint8_t)) {
    while (file[from] != 0xff || !wanted(file[from + 1])) ++from;
    return static_cast<std::ptrdiff_t>(from);
  };
  const auto begin = find_marker(0, [](std::uint8_t b) { return b == 0xda; });
  const auto end =
      find_marker(static_cast<std::size_t>(begin) + 2, [](std::uint8_t b) { return b != 0; });
  const Bytes scan(file.begin() + begin, file.begin() + end);
  Bytes scans;
  for (int i = 0; i < kMaxJpegScans; ++i) scans = joined(std::move(scans), scan);
  file.insert(file.begin() + end, scans.begin(), scans.end());
  expect_error(file, Code::kTooLarge, "scans");
}

TEST(Decode, IgnoresWhatFollowsTheImage) {
  const Bytes pixels = drawn(64, 48);
  const Bytes junk = to_bytes("PK\x03\x04 a polyglot's other half <script>");
  for (const Bytes& file : {write_jpeg(pixels, 64, 48), write_png(pixels, 64, 48)}) {
    const auto image = decode(joined(file, junk));
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->rgb, decode(file)->rgb);
  }
}

TEST(Decode, JpegsOfEveryColourSpaceBecomeRgb) {
  const Bytes pixels = drawn(64, 48);
  for (const JpegKind kind : {JpegKind::kPlain, JpegKind::kProgressive}) {
    const auto image = decode(write_jpeg(pixels, 64, 48, kind));
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->width, 64);
    EXPECT_EQ(image->height, 48);
    EXPECT_EQ(image->media_type, "image/jpeg");
  }
  // Flat colours survive lossy coding.
  const auto grey = decode(write_jpeg(Bytes(64 * 48, 77), 64, 48, JpegKind::kGrey)).value();
  EXPECT_LE(difference(grey.rgb, Bytes(64 * 48 * 3, 77)), 1);
  Bytes inks;
  for (int i = 0; i < 64 * 48; ++i) inks = joined(std::move(inks), {255, 128, 0, 204});
  const auto print = decode(write_jpeg(inks, 64, 48, JpegKind::kInks)).value();
  Bytes light;
  for (int i = 0; i < 64 * 48; ++i) light = joined(std::move(light), {204, 102, 0});
  EXPECT_LE(difference(print.rgb, light), 2);
}

TEST(Decode, PngsOfEveryKindBecomeRgb) {
  const Bytes pixels = drawn(31, 17);
  for (const bool interlaced : {false, true}) {
    const auto image = decode(write_png(pixels, 31, 17, {.interlaced = interlaced})).value();
    EXPECT_EQ(image.rgb, pixels);
    EXPECT_EQ(image.media_type, "image/png");
  }
  // One bit of grey: 0b10100000, 0b01000000.
  const auto bits = decode(write_png({0xa0, 0x40}, 3, 2, {.colour_type = 0, .depth = 1})).value();
  EXPECT_EQ(bits.rgb, (Bytes{255, 255, 255, 0, 0, 0, 255, 255, 255,  //
                             0, 0, 0, 255, 255, 255, 0, 0, 0}));
  // 16 bits are rounded to 8, not cut: 0x00ff is nearer 1 than 0.
  const auto deep =
      decode(write_png({0x00, 0xff, 0x00, 0x00, 0xff, 0xff}, 1, 1, {.depth = 16})).value();
  EXPECT_EQ(deep.rgb, (Bytes{1, 0, 255}));
  // A palette is looked up; hashing its indices instead would be another picture.
  const auto indexed =
      decode(write_png({1, 0}, 2, 1, {.colour_type = 3, .palette = {9, 8, 7, 200, 100, 50}}));
  EXPECT_EQ(indexed->rgb, (Bytes{200, 100, 50, 9, 8, 7}));
}

TEST(Decode, TransparencyShowsWhite) {
  const Bytes rgba{10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128};
  const Bytes expected{10, 20, 30, 255, 255, 255, 127, 127, 127};
  for (const bool interlaced : {false, true}) {
    const PngKind kind{.colour_type = 6, .interlaced = interlaced};
    EXPECT_EQ(decode(write_png(rgba, 3, 1, kind))->rgb, expected);
  }
  EXPECT_EQ(decode(write_webp(rgba, 3, 1))->rgb, expected);
  const PngKind palette{.colour_type = 3, .palette = {9, 8, 7, 1, 2, 3}, .palette_alpha = {255, 0}};
  EXPECT_EQ(decode(write_png({0, 1}, 2, 1, palette))->rgb, (Bytes{9, 8, 7, 255, 255, 255}));
}

TEST(Decode, WebpBecomesRgb) {
  const Bytes pixels = drawn(40, 30);
  Bytes rgba;
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    rgba.insert(rgba.end(), {pixels[i], pixels[i + 1], pixels[i + 2], 255});
  }
  const auto image = decode(write_webp(rgba, 40, 30)).value();
  EXPECT_EQ(image.rgb, pixels);
  EXPECT_EQ(image.media_type, "image/webp");
}

}  // namespace
}  // namespace entente::media

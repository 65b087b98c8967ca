// SPDX-License-Identifier: Apache-2.0
//
// AVIF and HEIC: pictures, and containers made to cost.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "entente/media/decode.h"
#include "entente/media/heif_codecs.h"
#include "entente/media/heif_references.h"
#include "entente/media/test_images.h"

namespace entente::media {
namespace {

using namespace std::string_view_literals;

const Bytes& small_avif() {
  static const Bytes file = write_heif(drawn(64, 64), 64, 64, HeifKind::kAvif);
  return file;
}

void append_u16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

// A canvas of 100×80 on which so many layers lie, all at the corner.
Bytes overlay(std::size_t layers, std::size_t width = 100, std::size_t height = 80) {
  Bytes out{0, 0, 0, 0, 0, 0, 0, 0, 255, 255};  // version, flags, black
  append_u16(out, width);
  append_u16(out, height);
  for (std::size_t i = 0; i < layers; ++i) out = joined(std::move(out), {0, 0, 0, 0});
  return out;
}
Bytes grid(std::size_t rows, std::size_t columns, std::size_t width, std::size_t height) {
  Bytes out{0, 0, static_cast<std::uint8_t>(rows - 1), static_cast<std::uint8_t>(columns - 1)};
  append_u16(out, width);
  append_u16(out, height);
  return out;
}
std::vector<std::uint16_t> times(std::size_t count, std::uint16_t item) {
  return std::vector<std::uint16_t>(count, item);
}

void expect_error(ByteView file, Code code, std::string_view words) {
  const auto image = decode(file);
  ASSERT_FALSE(image.has_value()) << words;
  EXPECT_EQ(image.error().code, code) << to_string(image.error());
  EXPECT_NE(image.error().detail.find(words), std::string::npos) << to_string(image.error());
}

TEST(Heif, ADerivedPictureThatContainsItselfIsRefused) {
  expect_error(derived_avif(small_avif(), "iovl", overlay(2), {1, 2}, 100, 80), Code::kInvalid,
               "contains itself");
  expect_error(derived_avif(small_avif(), "grid", grid(2, 2, 128, 128), times(4, 2), 128, 128),
               Code::kInvalid, "contains itself");
  expect_error(derived_avif(small_avif(), "iden", {}, {2}, 64, 64), Code::kInvalid,
               "contains itself");
}

TEST(Heif, OneTileThousandsOfTimesIsRefused) {
  expect_error(derived_avif(small_avif(), "iovl", overlay(20'000), times(20'000, 1), 100, 80),
               Code::kTooLarge, "more tiles");
  expect_error(derived_avif(small_avif(), "iovl", overlay(5'000), times(5'000, 1), 100, 80),
               Code::kTooLarge, "more tiles");
  expect_error(derived_avif(small_avif(), "grid", grid(125, 125, 8'000, 8'000), times(125 * 125, 1),
                            8'000, 8'000),
               Code::kTooLarge, "more tiles");
}

TEST(Heif, ACanvasBeyondTheClaimIsRefused) {
  expect_error(derived_avif(small_avif(), "iovl", overlay(1, 29'000, 29'000), times(1, 1), 100, 80),
               Code::kTooLarge, "29000x29000");
}

TEST(Heif, AnAbsurdClaimIsRefusedBeforeAnyPixel) {
  expect_error(derived_avif(small_avif(), "grid", grid(1, 1, 64, 64), times(1, 1), 10'000, 10'000),
               Code::kTooLarge, "10000×10000");
  EXPECT_FALSE(
      decode(derived_avif(small_avif(), "grid", grid(1, 1, 64, 64), times(1, 1), 0xffffffff, 1))
          .has_value());
}

TEST(Heif, ADanglingReferenceIsRefused) {
  for (const std::string_view type : {"iovl", "grid", "iden"}) {
    const Bytes payload = type == "iovl"   ? overlay(1)
                          : type == "grid" ? grid(1, 1, 64, 64)
                                           : Bytes();
    const auto image = decode(derived_avif(small_avif(), type, payload, {77}, 64, 64));
    ASSERT_FALSE(image.has_value());
    EXPECT_NE(image.error().code, Code::kInternal) << to_string(image.error());
  }
}

TEST(Heif, GridsAndOverlaysArePutTogether) {
  const auto tiles =
      decode(derived_avif(small_avif(), "grid", grid(2, 2, 128, 128), times(4, 1), 128, 128));
  ASSERT_TRUE(tiles.has_value()) << to_string(tiles.error());
  EXPECT_EQ(tiles->width, 128);
  const auto layer = decode(derived_avif(small_avif(), "iovl", overlay(1), times(1, 1), 100, 80));
  ASSERT_TRUE(layer.has_value()) << to_string(layer.error());
  EXPECT_EQ(layer->width, 100);
  EXPECT_EQ(layer->height, 80);
}

TEST(Heif, BothCodingsGiveThePictureBack) {
  const Bytes pixels = drawn(96, 64);
  for (const HeifKind kind : {HeifKind::kAvif, HeifKind::kHeic}) {
    const auto image = decode(write_heif(pixels, 96, 64, kind));
    ASSERT_TRUE(image.has_value()) << to_string(image.error());
    EXPECT_EQ(image->media_type, kind == HeifKind::kAvif ? "image/avif" : "image/heic");
    ASSERT_EQ(image->rgb.size(), pixels.size());
    std::int64_t off = 0;
    for (std::size_t i = 0; i < pixels.size(); ++i) off += std::abs(pixels[i] - image->rgb[i]);
    EXPECT_LT(off / static_cast<std::int64_t>(pixels.size()), 12);
  }
}

TEST(CodingBudget, EndsAtItsLimits) {
  CodingBudget budget;
  EXPECT_TRUE(budget.take_pixels(20'000, 10'000));
  EXPECT_FALSE(budget.spent());
  EXPECT_FALSE(budget.take_pixels(1, 1));
  EXPECT_TRUE(budget.spent());
  budget.reset();
  for (int i = 0; i < CodingBudget::kMaxCodedPictures; ++i) EXPECT_TRUE(budget.take_picture());
  EXPECT_FALSE(budget.take_picture());
}

// ── the references, read from boxes written here ──

Bytes box(std::string_view type, const Bytes& content) {
  Bytes out{0, 0};
  append_u16(out, 8 + content.size());
  return joined(joined(std::move(out), to_bytes(type)), content);
}
constexpr std::uint16_t kNoPicture = 777;
Bytes references(const std::vector<std::pair<std::uint16_t, std::vector<std::uint16_t>>>& lists,
                 std::string_view type = "dimg") {
  Bytes body(4, 0);
  for (const auto& [from, to] : lists) {
    Bytes list;
    append_u16(list, from);
    append_u16(list, to.size());
    for (const std::uint16_t item : to) append_u16(list, item);
    body = joined(std::move(body), box(type, list));
  }
  Bytes items(6, 0);
  std::set<std::uint16_t> all;
  for (const auto& [from, to] : lists) {
    all.insert(from);
    all.insert(to.begin(), to.end());
  }
  all.erase(kNoPicture);
  for (const std::uint16_t item : all) {
    Bytes entry{2, 0, 0, 0};
    append_u16(entry, item);
    items = joined(std::move(items), box("infe", joined(std::move(entry), to_bytes("\0\0av01"sv))));
  }
  return box("meta", joined(Bytes(4, 0), joined(box("iinf", items), box("iref", body))));
}

TEST(HeifReferences, LoopsAreFound) {
  EXPECT_EQ(check_references(references({{1, {2}}, {2, {3}}, {3, {1}}})).error().code,
            Code::kInvalid);
  EXPECT_EQ(check_references(references({{1, {1}}})).error().code, Code::kInvalid);
  EXPECT_EQ(check_references(references({{1, {2}}, {2, {1}}}, "auxl")).error().code,
            Code::kInvalid);
  // A thumbnail of a thumbnail is never part of a picture.
  EXPECT_TRUE(check_references(references({{1, {2}}, {2, {1}}}, "thmb")).has_value());
}

TEST(HeifReferences, APictureIsMadeOfPictures) {
  EXPECT_EQ(check_references(references({{1, {2, kNoPicture}}})).error().code, Code::kInvalid);
  EXPECT_TRUE(check_references(references({{kNoPicture, {kNoPicture}}})).has_value());
}

TEST(HeifReferences, LongChainsAreRefusedWhicheverEndTheyAreReadFrom) {
  std::vector<std::pair<std::uint16_t, std::vector<std::uint16_t>>> up;
  std::vector<std::pair<std::uint16_t, std::vector<std::uint16_t>>> down;
  for (std::uint16_t i = 1; i < 1'000; ++i) {
    up.push_back({i, {static_cast<std::uint16_t>(i + 1)}});
    down.push_back({static_cast<std::uint16_t>(i + 1), {i}});
  }
  EXPECT_EQ(check_references(references(up)).error().code, Code::kInvalid);
  EXPECT_EQ(check_references(references(down)).error().code, Code::kInvalid);
}

TEST(HeifReferences, UnfoldingIsCountedNotDone) {
  // 100 × 100 × 100 × 100 layers in a few hundred bytes.
  const Bytes file = references({{4, std::vector<std::uint16_t>(100, 3)},
                                 {3, std::vector<std::uint16_t>(100, 2)},
                                 {2, std::vector<std::uint16_t>(100, 1)},
                                 {1, std::vector<std::uint16_t>(100, 9)}});
  EXPECT_EQ(check_references(file).error().code, Code::kTooLarge);
  EXPECT_TRUE(
      check_references(references({{2, std::vector<std::uint16_t>(4'000, 1)}})).has_value());
}

TEST(HeifReferences, BrokenBoxesAreLeftToTheLibrary) {
  const Bytes whole = references({{2, {1, 1}}});
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_TRUE(check_references(ByteView(whole).first(size)).has_value());
  }
}

}  // namespace
}  // namespace entente::media

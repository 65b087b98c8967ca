// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/hma/multipart.h"

#include <gtest/gtest.h>

namespace entente::matching::hma {
namespace {

const std::string kHead = "Content-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"";

std::string body_of(const std::string& head, const std::string& text) {
  return "--b\r\n" + head + "\r\n\r\n" + text + "\r\n--b--\r\n";
}

TEST(Multipart, RefusesWhatTwoReadersWouldTakeApartInTwoWays) {
  const std::string good = body_of(kHead, "x");
  for (const std::string& bad : {
           std::string(),
           std::string("--b"),
           std::string("--c\r\n\r\n\r\n--c--"),
           "preamble\r\n" + good,
           std::string("--bx\r\n") + kHead + "\r\n\r\nx\r\n--b--",
           body_of("Content-Disposition: form-data", "x"),
           body_of("X: y", "x"),
           body_of("no header at all", "x"),
           body_of(kHead + "\r\n" + kHead, "x"),
           body_of("Content-Disposition: attachment; name=\"photo\"", "x"),
           body_of("Content-Disposition: form-data; name=\"\"", "x"),
           body_of("Content-Disposition: form-data; name=\"photo", "x"),
           body_of(kHead + "\r\nContent-Transfer-Encoding: base64", "eA=="),
       }) {
    EXPECT_EQ(parse_multipart(bad, "b").error().code, Code::kInvalid) << bad;
  }
  for (std::size_t cut = 0; cut + 4 < good.size(); ++cut)
    EXPECT_FALSE(parse_multipart(good.substr(0, cut), "b").has_value()) << cut;
}

TEST(Multipart, RefusesMorePartsAndLongerHeadersThanAForm) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxParts; ++i) many += "--b\r\n" + kHead + "\r\n\r\nx\r\n";
  EXPECT_EQ(parse_multipart(many + "--b--\r\n", "b").error().code, Code::kTooLarge);
  EXPECT_FALSE(parse_multipart(body_of(kHead + std::string(kMaxPartHeader, 'x'), "x"), "b"));
}

TEST(Multipart, ABoundaryIsOneWordOfTheHeader) {
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=b"), "b");
  EXPECT_EQ(boundary_of("Multipart/Form-Data; charset=utf-8; boundary=\"x-y\""), "x-y");
  for (const char* bad : {"", "text/plain; boundary=b", "multipart/form-data",
                          "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a b\"",
                          "multipart/form-data; boundary=\"x"}) {
    EXPECT_EQ(boundary_of(bad), "") << bad;
  }
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=" + std::string(71, 'x')), "");
}

TEST(Multipart, GivesFilesAndFieldsAsTheyAre) {
  const std::string file("\x00\r\n--not\r\n\xff", 11);
  const std::string body = "--b\r\n" + kHead + "\r\ncontent-type: Image/JPEG; x=y\r\n\r\n" + file +
                           "\r\n--b\r\nContent-Disposition: form-data; name=note\r\n\r\nhello"
                           "\r\n--b--";
  const auto parts = parse_multipart(body, "b");
  ASSERT_TRUE(parts.has_value()) << to_string(parts.error());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].name, "photo");
  EXPECT_EQ((*parts)[0].filename, "a.jpg");
  EXPECT_EQ((*parts)[0].content_type, "image/jpeg");
  EXPECT_EQ((*parts)[0].body, file);
  EXPECT_EQ((*parts)[1].name, "note");
  EXPECT_FALSE((*parts)[1].filename);
  EXPECT_EQ((*parts)[1].body, "hello");
}

}  // namespace
}  // namespace entente::matching::hma

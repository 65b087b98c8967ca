// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/public_url.h"

#include <gtest/gtest.h>

namespace entente::effects::site {
namespace {

const PublicBase kBase = *parse_base("https://photos.example");

Code code_of(std::string_view url) {
  const auto out = parse_public_url(kBase, url);
  EXPECT_FALSE(out.has_value()) << url;
  return out ? Code::kInternal : out.error().code;
}

TEST(PublicUrl, RefusesWaysOutOfTheRootHoweverTheyAreSpelt) {
  for (const char* url :
       {"https://photos.example/../etc/passwd", "https://photos.example/a/../b",
        "https://photos.example/%2e%2e/x", "https://photos.example/a%2f..%2fb",
        "https://photos.example/./a", "https://photos.example//a", "https://photos.example/a/",
        "https://photos.example/", "https://photos.example", "https://photos.example?x"}) {
    EXPECT_EQ(code_of(url), Code::kInvalid) << url;
  }
}

TEST(PublicUrl, RefusesOtherSites) {
  for (const char* url :
       {"https://other.example/a", "http://photos.example/a", "https://photos.example:8443/a",
        "https://photos.example.evil.example/a", "https://xphotos.example/a"}) {
    EXPECT_EQ(code_of(url), Code::kNotFound) << url;
  }
  for (const char* url :
       {"https://user@photos.example/a", "https://photos.example\\@evil/a",
        "ftp://photos.example/a", "photos.example/a", "https://:443/a", "", "https:///a"}) {
    EXPECT_EQ(code_of(url), Code::kInvalid) << url;
  }
}

TEST(PublicUrl, RefusesControlCharactersBrokenEncodingsAndItsOwnNames) {
  for (const char* url :
       {"https://photos.example/a%00b", "https://photos.example/a%0ab",
        "https://photos.example/a\nb", "https://photos.example/a%7f", "https://photos.example/a%",
        "https://photos.example/a%4", "https://photos.example/a%zz",
        "https://photos.example/x/.entente-restore"}) {
    EXPECT_EQ(code_of(url), Code::kInvalid) << url;
  }
  EXPECT_EQ(code_of("https://photos.example/" + std::string(kMaxPathBytes, 'a')), Code::kInvalid);
  EXPECT_EQ(code_of("https://photos.example/" + std::string(1 << 20, 'a')), Code::kInvalid);
}

TEST(PublicUrl, SpellingsOfOneFileAreOneAddress) {
  const auto plain = parse_public_url(kBase, "https://photos.example/a%20b/c.jpg");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->canonical, "https://photos.example/a%20b/c.jpg");
  EXPECT_EQ(plain->path, "/a b/c.jpg");
  EXPECT_EQ(plain->segments, (std::vector<std::string>{"a b", "c.jpg"}));
  for (const char* same :
       {"HTTPS://Photos.Example/a%20b/c.jpg", "https://photos.example:443/a%20b/c.jpg",
        "https://photos.example/%61%20b%2Fc.jpg", "https://photos.example/a b/c.jpg?size=1#top"}) {
    EXPECT_EQ(parse_public_url(kBase, same)->canonical, plain->canonical) << same;
  }
  EXPECT_NE(parse_public_url(kBase, "https://photos.example/A%20b/c.jpg")->canonical,
            plain->canonical);
  EXPECT_EQ(parse_public_url(kBase, "https://photos.example/100%25")->canonical,
            "https://photos.example/100%25");
}

TEST(PublicUrl, TheHostIsNginxsWithoutThePort) {
  EXPECT_EQ(parse_base("http://127.0.0.1:8480")->host, "127.0.0.1");
  EXPECT_EQ(parse_base("http://[::1]:8480")->host, "[::1]");
  EXPECT_EQ(parse_base("http://[::1]")->host, "[::1]");
  EXPECT_FALSE(parse_base("http://a.example/path").has_value());
  EXPECT_FALSE(parse_base("http://a.example?x").has_value());
  EXPECT_FALSE(parse_base("file:///etc").has_value());
}

TEST(PlainUrl, RefusesWhatCouldBreakOutOfAHeaderAPageOrAConfiguration) {
  for (const char* bad :
       {"", "javascript:alert(1)", "https://a/\"onclick", "https://a/<script>", "https://a/$host",
        "https://a/'", "https://a/x y", "https://a/\r\nSet-Cookie: a", "https://a/{}",
        "https://a/\\", "https://a/;return", "https://a/>; rel=x", "https://a/\xc3\xa9"}) {
    EXPECT_FALSE(check_plain_url(bad, "record_url").has_value()) << bad;
  }
  EXPECT_FALSE(
      check_plain_url("https://a/" + std::string(kMaxRecordBytes, 'a'), "record_url").has_value());
  EXPECT_TRUE(check_plain_url("https://node.example/record/01J?lang=fr&x=%20#top", "record_url")
                  .has_value());
}

}  // namespace
}  // namespace entente::effects::site

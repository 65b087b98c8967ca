// SPDX-License-Identifier: Apache-2.0
#include "entente/json/json.h"

#include <gtest/gtest.h>

#include "entente/json/schema.h"

namespace entente::json {
namespace {

TEST(Parse, RefusesTwoReadersSeeingTwoDocuments) {
  EXPECT_FALSE(parse(R"({"a":1,"a":2})"));
  EXPECT_FALSE(parse(R"({"a":1,"\u0061":2})"));
  EXPECT_TRUE(parse(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"));
}

TEST(Parse, RefusesDepthAndSizeAndJunk) {
  EXPECT_FALSE(parse(std::string(100, '[') + std::string(100, ']')));
  EXPECT_EQ(parse("[1,2,3]", 4).error().code, Code::kTooLarge);
  for (const auto* bad : {"", "{", "[1,]", "{\"a\":1,}", "nul", "\"\xff\"", "1 2"})
    EXPECT_FALSE(parse(bad)) << bad;
}

TEST(Canonical, DoesNotDependOnMemberOrder) {
  EXPECT_EQ(canonical(*parse(R"({"b":1,"a":[true,null,"x"]})")), R"({"a":[true,null,"x"],"b":1})");
}

TEST(Reader, NamesEveryFaultByPointer) {
  const auto o = *parse_object(R"({"party":"","n":1.5,"extra":1})");
  Reader r(o, "/body");
  r.text("party");
  r.integer("n", 0, 9);
  r.time("at");
  EXPECT_FALSE(r.done());
  ASSERT_EQ(r.faults().size(), 4U);
  EXPECT_EQ(r.faults()[0].field, "/body/party");
  EXPECT_EQ(r.faults()[1].field, "/body/n");
  EXPECT_EQ(r.faults()[2].field, "/body/at");
  EXPECT_EQ(r.faults()[3].field, "/body/extra");
}

TEST(Schema, PointsAtTheMissingMember) {
  auto s = Schema::compile(*parse(
      R"({"type":"object","required":["a"],"properties":{"a":{"type":"object","required":["b"],"properties":{"b":{"type":"string","minLength":3}}}}})"));
  ASSERT_TRUE(s) << to_string(s.error());
  EXPECT_TRUE(s->validate(*parse(R"({"a":{"b":"xyz"}})")).empty());
  const auto missing = s->validate(*parse(R"({"a":{}})"));
  ASSERT_FALSE(missing.empty());
  EXPECT_EQ(missing[0].pointer, "/a/b");
  const auto brief = s->validate(*parse(R"({"a":{"b":"x"}})"));
  ASSERT_FALSE(brief.empty());
  EXPECT_EQ(brief[0].pointer, "/a/b");
}

}  // namespace
}  // namespace entente::json

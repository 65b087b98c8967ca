// SPDX-License-Identifier: Apache-2.0
#include "entente/json/json.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

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

TEST(Pointer, FindsInAnObjectWhatItFindsInAValue) {
  const Object o{{"a", Object{{"b", 1}, {"c/d", 2}}}, {"e~f", Object{{"g", 3}}}, {"", 4}};
  const Value v(o);
  for (const std::string_view pointer :
       {"/a", "/a/b", "/a/c~1d", "/e~0f/g", "/e~0f", "/", "/a/", "/none", "/a/b/c", "a", "/e~f"}) {
    const auto* in_object = at_pointer(o, pointer);
    const auto* in_value = at_pointer(v, pointer);
    ASSERT_EQ(in_object == nullptr, in_value == nullptr) << pointer;
    if (in_value == nullptr) continue;
    EXPECT_EQ(*in_object, *in_value) << pointer;
  }
  EXPECT_EQ(at_pointer(o, ""), nullptr);
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

// What one value left behind in a validator must not pass or fail the next, on any thread.
TEST(Schema, ALongStringAgainstAPatternCostsTimeButNoStack) {
  const auto s = Schema::compile(*parse(
      R"({"properties":{"at":{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*$"}}})"));
  ASSERT_TRUE(s.has_value());
  const std::string flood(8U << 20, 'a');  // std::regex ends the process at some fifty thousand
  EXPECT_TRUE(s->validate(Value(Object{{"at", "2026-11-13T" + flood}})).empty());
  const auto faults = s->validate(Value(Object{{"at", "2026-11-13" + flood}}));
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults.front().pointer, "/at");
}

TEST(Schema, APatternIsAKeywordOnlyWhereSchemasStand) {
  const auto s = Schema::compile(*parse(
      R"({"properties":{"pattern":{"type":"string"},"x":{"anyOf":[{"pattern":"^a$"},{"type":"integer"}]}},
          "items":{"pattern":"^b$"}})"));
  ASSERT_TRUE(s.has_value());
  EXPECT_TRUE(s->validate(*parse(R"({"pattern":"anything","x":"a"})")).empty());
  EXPECT_TRUE(s->validate(*parse(R"({"x":7})")).empty());
  EXPECT_FALSE(s->validate(*parse(R"({"x":"b"})")).empty());
  EXPECT_FALSE(s->validate(*parse(R"(["a"])")).empty());
}

TEST(Schema, RefusesPatternsItCannotMatchInLinearTime) {
  EXPECT_FALSE(Schema::compile(*parse(R"({"pattern":"(a)\\1"})")).has_value());
  EXPECT_FALSE(Schema::compile(*parse(R"({"pattern":"["})")).has_value());
  EXPECT_FALSE(Schema::compile(*parse(R"({"patternProperties":{"^a":{}}})")).has_value());
}

TEST(Schema, RefusesByPatternOnEveryUseAndFromManyThreads) {
  const auto s = Schema::compile(*parse(
      R"({"type":"object","properties":{"a":{"pattern":"^[A-Z]{2}$"},"b":{"pattern":"^[0-9]+$"}}})"));
  ASSERT_TRUE(s) << to_string(s.error());
  const auto good = *parse(R"({"a":"FR","b":"12"})");
  const auto bad_a = *parse(R"({"a":"fr","b":"12"})");
  const auto bad_b = *parse(R"({"a":"FR","b":"x"})");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto a = s->validate(bad_a);
        const auto b = s->validate(bad_b);
        if (a.empty() || a[0].pointer != "/a" || b.empty() || b[0].pointer != "/b") ++wrong;
        if (!s->validate(good).empty()) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace entente::json

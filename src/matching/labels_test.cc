// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/labels.h"

#include <gtest/gtest.h>

namespace entente::matching {
namespace {

Error refused(std::string_view text) {
  const auto parsed = Labels::parse(text);
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed ? Error{} : parsed.error();
}

TEST(Labels, AListThatIsWrongSaysWhere) {
  EXPECT_FALSE(Labels::parse("not json").has_value());
  EXPECT_EQ(refused(R"({"labels": "other/1", "items": []})").field, "/labels");
  EXPECT_EQ(refused(R"({"labels": "entente-labels/1", "items": [{"name": "a", "family": "f",
                        "en": "A"}]})")
                .field,
            "/items/0/fr");
  EXPECT_EQ(refused(R"({"labels": "entente-labels/1", "items": [{"name": "A b", "family": "f",
                        "en": "A", "fr": "A"}]})")
                .field,
            "/items/0/name");
  EXPECT_EQ(refused(R"({"labels": "entente-labels/1", "items": [
                        {"name": "a", "family": "f", "en": "A", "fr": "A"},
                        {"name": "a", "family": "f", "en": "B", "fr": "B"}]})")
                .field,
            "/items/1/name");
}

TEST(Labels, OneMoreObjectIsOneMoreLabel) {
  const auto labels = Labels::parse(R"({"labels": "entente-labels/1", "items": [
      {"name": "new-one", "family": "ours", "en": "New", "fr": "Nouveau"}]})");
  ASSERT_TRUE(labels.has_value());
  ASSERT_NE(labels->find("new-one"), nullptr);
  EXPECT_EQ(labels->find("new-one")->fr, "Nouveau");
  EXPECT_FALSE(labels->in_context_only("new-one"));
}

TEST(Labels, TheStandardOnesAreNamedInBothLanguages) {
  const Labels labels = Labels::standard();
  ASSERT_GE(labels.all().size(), 8U);
  for (const Label& label : labels.all()) {
    EXPECT_FALSE(label.en.empty() || label.fr.empty()) << label.name;
    EXPECT_NE(label.en, label.fr) << label.name;
  }
}

TEST(Labels, ThoseThatAreLawfulInNewsAndDebateSayReviewDoNotRemove) {
  const Labels labels = Labels::standard();
  EXPECT_TRUE(labels.in_context_only("news-or-research-footage"));
  EXPECT_TRUE(labels.in_context_only("terrorist-publication"));
  EXPECT_FALSE(labels.in_context_only("imminent-credible-threat"));
  EXPECT_TRUE(labels.in_context_only("a label no list knows"));
}

}  // namespace
}  // namespace entente::matching

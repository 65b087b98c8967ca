// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/leaf.h"

#include "entente/ledger/test_ledger.h"
#include "entente/merkle/tiles.h"

namespace entente::ledger {
namespace {

MadeLeaf made(const LeafInput& input = sample_leaf(), std::uint64_t seed = 1) {
  SeededRandom random(seed);
  return make_leaf(input, random).value();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  check(at != std::string::npos, "the test replaces what is not there");
  return text.replace(at, from.size(), to);
}

TEST(Leaf, RefusesPublicFieldsOfAnotherForm) {
  SeededRandom random(1);
  const auto refuses = [&](auto change) {
    LeafInput in = sample_leaf();
    change(in);
    const auto out = make_leaf(in, random);
    return !out && out.error().code == Code::kInvalid;
  };
  EXPECT_TRUE(refuses([](LeafInput& in) { in.act = "17"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.regime = "eu-tco-removal"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.regime = "eu-tco-removal@"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.regime = "eu-tco-removal@01"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.move = ""; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.move = "sign now"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.party = "Jane Doe <jane@interior.example>"; }))
      << "a person's address must not reach the public log";
  EXPECT_TRUE(refuses([](LeafInput& in) { in.role = std::string(65, 'a'); }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.guessable["step"] = "x"; }));
  EXPECT_TRUE(refuses([](LeafInput& in) { in.guessable["https://a.example"] = "x"; }))
      << "a value put in place of a name would be published in clear";
  EXPECT_TRUE(refuses([](LeafInput& in) {
    for (int i = 0; i < 600; ++i) in.guessable["target/" + std::to_string(i)] = "x";
  }));
}

TEST(Leaf, RefusesEntriesInAnyOtherSpelling) {
  const std::string entry = made().entry;
  ASSERT_TRUE(parse_leaf(entry));
  for (const auto& bad :
       {replaced(entry, R"("v":1)", R"("v":2)"), replaced(entry, R"("v":1)", R"("v":1.0)"),
        replaced(entry, R"("v":1)", R"("v":1,"w":1)"), replaced(entry, ":", ": "),
        replaced(entry, R"("type":"step")", R"("type":"stop")"), replaced(entry, "30Z", "30.000Z"),
        replaced(entry, "sign", "\\u0073ign"), replaced(entry, R"("move":"sign",)", ""),
        replaced(entry, R"("move":"sign")", R"("move":"sign","move":"sign")"),
        replaced(entry, R"("reasons":")", R"("reasons":"A)"), entry + "\n", entry.substr(1),
        std::string(), std::string("entry-0"), std::string("[]")})
    EXPECT_FALSE(parse_leaf(bad)) << bad;
}

TEST(Leaf, DoesNotOpenForAnotherValueSaltOrField) {
  const auto leaf_made = made();
  const auto leaf = parse_leaf(leaf_made.entry).value();
  const auto& salts = leaf_made.salts;
  const std::string url = "https://videos.example/watch/42";
  EXPECT_TRUE(opens(leaf, "target/0", salts.at("target/0"), url));
  EXPECT_TRUE(opens(leaf, kStepField, salts.at("step"), R"({"move":"sign"})"));
  EXPECT_FALSE(opens(leaf, "target/0", salts.at("target/0"), url + "/"));
  EXPECT_FALSE(opens(leaf, "target/0", salts.at("reasons"), url));
  EXPECT_FALSE(opens(leaf, "reasons", salts.at("target/0"), url));
  EXPECT_FALSE(opens(leaf, "target/1", salts.at("target/0"), url));
  EXPECT_FALSE(opens(leaf, kStepField, salts.at("step"), R"({"move":"sigm"})"));
}

TEST(Leaf, ShowsNothingThatCouldBeGuessed) {
  const auto first = made(sample_leaf(), 1);
  const auto second = made(sample_leaf(), 2);
  for (const char* secret : {"videos.example", "watch", "incitement"})
    EXPECT_EQ(first.entry.find(secret), std::string::npos) << secret;
  EXPECT_NE(first.entry, second.entry) << "equal targets must not look equal";
  const auto a = parse_leaf(first.entry).value();
  const auto b = parse_leaf(second.entry).value();
  EXPECT_NE(a.fields.at("target/0"), b.fields.at("target/0"));
  EXPECT_NE(a.step, b.step);
}

TEST(Leaf, SaysWhoMovedWhatUnderWhichLawAndWhen) {
  const auto leaf_made = made();
  const auto leaf = parse_leaf(leaf_made.entry).value();
  EXPECT_EQ(leaf.act, "01J9ZQ3V6T8B2C4D6E8F0G1H2J");
  EXPECT_EQ(leaf.regime, "eu-tco-removal@1");
  EXPECT_EQ(leaf.move, "sign");
  EXPECT_EQ(leaf.party, "interior.example");
  EXPECT_EQ(leaf.role, "signer");
  EXPECT_EQ(leaf.at, sample_leaf().at);
  EXPECT_EQ(leaf.fields.size(), 2U);
  EXPECT_EQ(leaf_made.salts.size(), 3U);
  EXPECT_TRUE(leaf_made.entry.starts_with(
      R"({"act":"01J9ZQ3V6T8B2C4D6E8F0G1H2J","at":"2026-11-13T21:20:30Z","fields":{"reasons":")"))
      << leaf_made.entry;
}

TEST(Leaf, TheLargestLeafIsAnEntry) {
  LeafInput in = sample_leaf();
  in.guessable.clear();
  for (std::size_t i = 0; i < kMaxFields; ++i) {
    const std::string name = std::to_string(i);
    in.guessable[std::string(kMaxFieldNameBytes - name.size(), 'x') + name] = "v";
  }
  in.party.assign(253, 'p');
  in.regime.assign(62, 'r').append("@1");
  in.move.assign(64, 'm');
  in.role.assign(64, 'r');
  const auto entry = made(in).entry;
  EXPECT_LE(entry.size(), merkle::kMaxEntryBytes);
  EXPECT_TRUE(parse_leaf(entry));
}

}  // namespace
}  // namespace entente::ledger

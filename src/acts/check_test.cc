// SPDX-License-Identifier: Apache-2.0
//
// Each regime of tests/data/broken-regimes breaks one promise. The checker must name it, and the
// path it gives must be one that the regime really allows: it is walked again here by a second,
// independent reading of the moves.
#include "entente/acts/check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "entente/acts/toml_text.h"

namespace entente::acts {
namespace {

SourceFile broken(const std::string& name) {
  const std::string path =
      std::string(ENTENTE_SOURCE_DIR) + "/tests/data/broken-regimes/" + name + ".toml";
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return {name + ".toml", text.str()};
}

Result<Regime> parse_broken(const std::string& name) {
  return parse_regime(broken(name), Catalogue::builtin_files());
}

// A second reading of the moves, slow and plain: regions by name, no flags, no bits.
class Walk {
 public:
  explicit Walk(const Regime& regime) : regime_(regime) {
    for (std::size_t i = 0; i < kRegions; ++i) regions_[i] = 0;
  }
  // Empty, or why the step cannot be made.
  std::string take(const std::string& label) {
    const auto colon = label.find(':');
    const Move* m = regime_.move(label.substr(colon + 1));
    if (m == nullptr) return "no such move";
    if (std::find(m->by.begin(), m->by.end(), label.substr(0, colon)) == m->by.end())
      return "not their move";
    if (events_.empty() && !m->drafts) return "the act has not begun";
    if (m->has_region && !m->from.has(at(m->from.region))) return "wrong state";
    for (const auto& c : m->when)
      if (!holds(c)) return "needs " + c.text;
    if (!m->routes.empty() &&
        std::find(m->routes.begin(), m->routes.end(), route_) == m->routes.end())
      return "wrong route";
    if (m->has_region) at(m->from.region) = m->to;
    for (const auto& c : m->then)
      if (c.from.has(at(c.from.region))) at(c.from.region) = c.to;
    if (!m->route.empty()) route_ = m->route;
    events_.insert(m->name);
    return {};
  }
  StateIndex& at(Region r) { return regions_[static_cast<std::size_t>(r)]; }
  std::string name(Region r) { return std::string(state_name(r, at(r))); }

 private:
  bool holds(const Condition& c) {
    const bool value =
        c.event.empty() ? c.states.has(at(c.states.region)) : events_.contains(c.event);
    return value != c.negated;
  }
  const Regime& regime_;
  std::array<StateIndex, kRegions> regions_;
  std::set<std::string> events_;
  std::string route_;
};

void expect_real_path(const Regime& regime, const Finding& finding) {
  Walk walk(regime);
  for (const auto& label : finding.path)
    EXPECT_EQ(walk.take(label), "") << label << " in " << to_text(finding);
}

// The one finding wanted, whose path has been walked again; other findings of the same fault may
// stand beside it.
Finding finding_of(const std::string& name, const std::string& property, const std::string& words) {
  const auto regime = parse_broken(name);
  if (!regime) {
    ADD_FAILURE() << name << " does not even load: " << to_string(regime.error());
    return {};
  }
  const auto report = check_regime(*regime);
  for (const auto& f : report.findings) expect_real_path(*regime, f);
  for (const auto& f : report.findings)
    if (f.property == property && f.detail.find(words) != std::string::npos) return f;
  std::string all;
  for (const auto& f : report.findings) all += "\n  " + to_text(f);
  ADD_FAILURE() << name << ": no finding " << property << " with \"" << words << "\" among:" << all;
  return {};
}

std::string last_step(const Finding& f) {
  return f.path.empty() ? "" : f.path.back();
}

TEST(TomlSafe, LettersBeyondAsciiBelongInTextsAndComments) {
  for (const char* good :
       {"", "# é\na = 1", "a = 'é'", "a = \"é\\\"é\" # é", "a = \"\"\"é\n\"é\"\"\"\"\"\nb = 1",
        "a = '''é'é'''", "\xef\xbb\xbf# a mark"})
    EXPECT_TRUE(plain_outside_texts(good)) << good;
  for (const char* bad : {"[é]", "é = 1", "a = é", "a = 'x'é", "a = \"\"\"x\"\"\"\"é", "a = 1 é",
                          "a = 'x\né'", "a = \"x\\\\\"é"})
    EXPECT_FALSE(plain_outside_texts(bad)) << bad;
}

TEST(BrokenRegime, ASealWithoutATimerIsRefused) {
  const auto f =
      finding_of("seal-without-end", "P6", "no exit timer runs while disclosure is sealed");
  EXPECT_EQ(f.path, (std::vector<std::string>{"drafter:compose", "signer:seal"}));
}

TEST(BrokenRegime, AnAnnulmentThatForgetsAcceptedTargetsIsRefused) {
  const auto f = finding_of("annulment-forgets-accepted", "P5",
                            "nobody but the issuer can reverse once execution is accepted");
  EXPECT_EQ(last_step(f), "court_clerk:annul");
}

TEST(BrokenRegime, AnEffectThatSurvivesReversalIsRefused) {
  const auto f = finding_of("effect-without-undo", "P5",
                            "effect bank.add is still in force once execution is reversed");
  EXPECT_EQ(last_step(f), "platform_system:reversed");
}

TEST(BrokenRegime, AcceptingBeforeTheSignatureIsRefused) {
  const auto f =
      finding_of("accepted-before-signature", "P3", "accept restricts before the act is signed");
  EXPECT_EQ(f.path, (std::vector<std::string>{"drafter:compose", "moderator:accept"}));
}

TEST(BrokenRegime, ARestrictionItsUserCannotChallengeIsRefused) {
  finding_of("user-cannot-challenge", "P4",
             "the user cannot challenge while execution is accepted");
}

TEST(BrokenRegime, AnIssuerThatDisposesOfAChallengeIsRefused) {
  const auto f = finding_of("issuer-answers-the-challenge", "P4",
                            "the issuer can dispose of a challenge of the user by answer");
  EXPECT_EQ(last_step(f), "signer:answer");
}

TEST(BrokenRegime, AReversalThatHangsOnTheIssuerIsRefused) {
  finding_of("only-the-issuer-reverses", "P5",
             "nobody but the issuer can reverse once execution is executed");
}

TEST(BrokenRegime, AWithdrawalThatNeedsThreeHandsIsRefused) {
  const auto f = finding_of("withdrawal-by-three", "P7",
                            "withdraw needs 3 signature(s); restricting needs only 3");
  EXPECT_EQ(last_step(f), "moderator:accept");
}

TEST(BrokenRegime, AStateNothingLeadsToIsRefused) {
  finding_of("unreachable-state", "P1",
             "move finish names execution=partial, which cannot be reached");
  finding_of("unreachable-state", "P1", "move finish can never happen");
}

TEST(BrokenRegime, ATrapIsRefused) {
  const auto f = finding_of("trap", "P2", "no way to the end once execution is impossible");
  EXPECT_EQ(last_step(f), "moderator:impossible");
}

TEST(BrokenRegime, AnOrderThatActsBeforeItIsLoggedIsRefused) {
  const auto f = finding_of("unlogged", "P3", "accept restricts before the act is in the log");
  EXPECT_EQ(std::count(f.path.begin(), f.path.end(), "issuer_system:commit"), 0);
}

TEST(BrokenRegime, AnUnknownClockIsRefused) {
  finding_of("unknown-clock", "P8", "move overdue names a clock that is not there: one_hour");
}

TEST(BrokenRegime, ANoticeWithADeadlineIsRefused) {
  finding_of("notice-with-a-deadline", "P8",
             "clock decide puts a deadline on the addressee of a notice");
}

TEST(BrokenRegime, AnUnknownSafeguardDoesNotLoad) {
  const auto regime = parse_broken("unknown-safeguard");
  ASSERT_FALSE(regime);
  EXPECT_NE(regime.error().detail.find("SG99"), std::string::npos) << to_string(regime.error());
  EXPECT_EQ(regime.error().field, "move[sign].safeguards");
}

TEST(BrokenRegime, DroppingWhatIsNotThereDoesNotLoad) {
  const auto regime = parse_broken("drops-what-is-not-there");
  ASSERT_FALSE(regime);
  EXPECT_NE(regime.error().detail.find("move:contestt"), std::string::npos)
      << to_string(regime.error());
}

TEST(BrokenRegime, OneBrokenRegimeKeepsTheWholeCatalogueOut) {
  auto files = Catalogue::builtin_files();
  files.push_back(broken("seal-without-end"));
  const auto catalogue = Catalogue::load(files);
  ASSERT_FALSE(catalogue);
  EXPECT_EQ(catalogue.error().rule, "P6");
  EXPECT_NE(catalogue.error().detail.find("drafter:compose > signer:seal"), std::string::npos);
}

TEST(RegimeFile, AMisspeltKeyIsRefusedByNameAndWhereItStandsByLine) {
  auto files = Catalogue::builtin_files();
  const auto child = parse_regime(
      {"x.toml", "schema = 1\nextends = \"eu-tco-removal\"\nid = \"x\"\nsafegards = []\n"}, files);
  ASSERT_FALSE(child);
  EXPECT_NE(child.error().detail.find("safegards"), std::string::npos) << child.error().detail;
  for (auto& f : files) {
    if (f.name != "eu-tco-removal.toml") continue;
    f.text.insert(f.text.find("schema = 1"), "safegards = []\n");
    const auto r = parse_regime(f, files);
    ASSERT_FALSE(r);
    EXPECT_NE(r.error().detail.find("line 4: regime.safegards"), std::string::npos)
        << r.error().detail;
  }
}

TEST(RegimeFile, ARegimeThatExtendsItselfIsRefused) {
  const SourceFile self{"x.toml", "extends = \"x\"\n"};
  const auto r = parse_regime(self, {self});
  ASSERT_FALSE(r);
}

TEST(RegimeFile, DroppingWithoutAParentIsRefused) {
  EXPECT_FALSE(parse_regime({"x.toml", "drop = [\"move:a\"]\n"}, {}));
}

TEST(RegimeFile, HostileTextIsRefusedNotCrashed) {
  const auto files = Catalogue::builtin_files();
  for (const std::string text :
       {"", "=", "move = 1\n", "move = [1, 2]\n", "[[move]]\n", "extends = 3\n",
        "extends = \"nobody\"\n", "extends = \"eu-tco-removal\"\nmove = [1]\n",
        "extends = \"eu-tco-removal\"\nroles = 3\n", "extends = \"eu-tco-removal\"\ndrop = [3]\n"})
    EXPECT_FALSE(parse_regime({"hostile.toml", text}, files)) << text;
}

TEST(ShippedRegimes, KeepEveryPromise) {
  const auto files = Catalogue::builtin_files();
  int seen = 0;
  for (const auto& f : files) {
    if (!f.name.ends_with(".toml")) continue;
    ++seen;
    const auto regime = parse_regime(f, files);
    ASSERT_TRUE(regime) << to_string(regime.error());
    const auto report = check_regime(*regime);
    for (const auto& x : report.findings) ADD_FAILURE() << f.name << ": " << to_text(x);
    // A machine that explores nothing proves nothing; what restricts nobody has less to explore.
    EXPECT_GT(report.states, regime->restricting.empty() ? 20U : 100U) << f.name;
  }
  EXPECT_GE(seen, 3);
}

TEST(ShippedRegimes, AreWellFormedByThePublishedSchemaWhichRefusesAMisspeltKey) {
  const auto files = Catalogue::builtin_files();
  std::optional<json::Schema> schema;
  for (const auto& f : files)
    if (f.name == kRegimeSchema) schema = *json::Schema::compile(*json::parse(f.text));
  ASSERT_TRUE(schema);
  for (const auto& f : files) {
    if (!f.name.ends_with(".toml")) continue;
    auto document = regime_document(f, files);
    ASSERT_TRUE(document) << to_string(document.error());
    for (const auto& v : schema->validate(*document))
      ADD_FAILURE() << f.name << " " << v.pointer << ": " << v.detail;
    document->as_object()["move"].as_array()[0].as_object()["safegards"] = json::Array{};
    EXPECT_FALSE(schema->validate(*document).empty()) << f.name;
  }
}

TEST(ShippedRegimes, SpeakBothLanguagesAndNameTheirSources) {
  const auto catalogue = Catalogue::builtin();
  ASSERT_TRUE(catalogue) << to_string(catalogue.error());
  for (const auto* r : catalogue->all()) {
    EXPECT_FALSE(r->sources.empty());
    for (const auto& m : r->moves) EXPECT_FALSE(m.law.empty()) << r->id << " " << m.name;
    for (const auto& c : r->clocks) EXPECT_FALSE(c.law.empty()) << r->id << " " << c.id;
  }
}

TEST(Properties, AreEightAndEachHasItsSentence) {
  const auto all = properties();
  ASSERT_EQ(all.size(), 8U);
  for (const auto& [number, sentence] : all) EXPECT_GT(sentence.size(), 20U) << number;
}

}  // namespace
}  // namespace entente::acts

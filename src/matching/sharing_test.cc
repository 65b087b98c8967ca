// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/sharing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "entente/matching/entry_reviews.h"
#include "entente/matching/signed_document.h"
#include "entente/matching/test_bank_house.h"

namespace entente::matching {
namespace {

crypto::PrivateKey key_of(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::PrivateKey::generate(random);
}

// One party's node.
struct Node : BankHouse {
  explicit Node(std::string name, std::uint64_t seed) : party(std::move(name)), key(key_of(seed)) {}
  std::string party;
  crypto::PrivateKey key;

  Partner as_partner() const { return {party, key.public_key()}; }
  void share(const std::string& bank, const std::string& marking = "AMBER",
             BankKind kind = BankKind::kShared) {
    make_bank(bank, kind);
    BankChange change;
    change.marking = marking;
    EXPECT_TRUE(run([&](store::Tx& tx) { return banks.change(tx, bank, change, ines()); }));
  }
  Result<std::optional<Delta>> send(const std::string& bank, std::int64_t after) {
    return write<std::optional<Delta>>([&](store::Tx& tx) {
      return export_delta(tx, banks, {party, key}, bank, after, now);
    });
  }
  // The delta after `after`, which must be there.
  Delta delta(const std::string& bank, std::int64_t after = 0) {
    const auto made = send(bank, after);
    EXPECT_TRUE(made.has_value() && made->has_value())
        << (made ? "nothing to send" : to_string(made.error()));
    return made && *made ? **made : Delta{};
  }
  void follow(const Node& other, const std::string& bank, BankKind kind = BankKind::kShared) {
    EXPECT_TRUE(run([&](store::Tx& tx) {
      return subscribe(tx, banks, {other.party, bank, "from-" + bank, "Theirs", kind}, omar());
    }));
  }
  Result<DeltaImport> take(const std::string& envelope, const Node& from, bool all = false) {
    return write<DeltaImport>([&](store::Tx& tx) {
      return import_delta(tx, banks, party, envelope, from.as_partner(), {all}, now);
    });
  }
  std::vector<Entry> of(const std::string& bank) {
    return *write<std::vector<Entry>>(
        [&](store::Tx& tx) { return banks.entries(tx, bank, 0, kMaxPage); });
  }
  bool stopped() {
    return (*write<std::vector<Feed>>([&](store::Tx& tx) { return feeds(tx); }))[0].stopped;
  }
  // A delta of our own making, signed properly.
  std::string forge(json::Object changes, const Delta& like) {
    const Partner self = as_partner();
    json::Object document = open_document(kDeltaType, like.envelope, self)->document;
    for (const auto& member : changes) document[member.key()] = member.value();
    return sign_document(kDeltaType, document, key)->envelope;
  }
};

struct SharingTest : testing::Test {
  Node ours{"platform.example", 1};
  Node theirs{"authority.example", 2};
  SharingTest() {
    theirs.share("ordered");
    ours.follow(theirs, "ordered");
  }
  EntryId theirs_has(std::uint64_t seed) {
    return theirs.put(theirs.by_person(pdq_of(seed), "ordered"));
  }
  static json::Object line(std::string_view more, std::uint64_t seed = 9) {
    return *json::parse_object(fmt::format(
        R"({{"op": "put", "entry": "77", "pdq": "{}", "quality": 90,
             "label": "terrorist-publication",
             "source": {{"kind": "person", "party": "authority.example", "reason": "seen"}}{}}})",
        pdq_of(seed).hex(), more));
  }
};

// ── refusals

TEST_F(SharingTest, ABankOfOurOwnIsNotShared) {
  theirs.make_bank("private");
  EXPECT_EQ(theirs.send("private", 0).error().code, Code::kForbidden);
  theirs.share("red", "RED");
  EXPECT_EQ(theirs.send("red", 0).error().field, "marking");
  EXPECT_EQ(theirs.send("nowhere", 0).error().code, Code::kNotFound);
}

TEST_F(SharingTest, ADeltaSignedByAnotherOrInAnothersNameIsRefused) {
  theirs_has(1);
  const Delta delta = theirs.delta("ordered");
  Node stranger("authority.example", 3);
  EXPECT_EQ(ours.take(delta.envelope, stranger).error().code, Code::kUnauthorised);
  Node other("other.example", 2);  // the key is right, the name is not
  EXPECT_EQ(ours.take(delta.envelope, other).error().field, "/party");
  EXPECT_TRUE(ours.of("from-ordered").empty());
}

TEST_F(SharingTest, ATamperedOrTruncatedDeltaIsRefused) {
  theirs_has(1);
  const std::string envelope = theirs.delta("ordered").envelope;
  EXPECT_FALSE(ours.take(envelope.substr(0, envelope.size() / 2), theirs).has_value());
  EXPECT_FALSE(ours.take("", theirs).has_value());
  EXPECT_EQ(ours.take(std::string(kMaxDeltaEnvelope + 1, ' '), theirs).error().code,
            Code::kTooLarge);
  auto opened = *crypto::parse_envelope(envelope);
  opened.payload[opened.payload.size() / 2] ^= 1;
  EXPECT_EQ(ours.take(crypto::to_json(opened), theirs).error().code, Code::kUnauthorised);
  opened = *crypto::parse_envelope(envelope);
  opened.payload_type = std::string(kSightingsType);
  EXPECT_EQ(ours.take(crypto::to_json(opened), theirs).error().code, Code::kUnsupported);
  EXPECT_TRUE(ours.of("from-ordered").empty());
}

TEST_F(SharingTest, NobodyFeedsABankWithoutASubscription) {
  theirs.share("another");
  theirs.put(theirs.by_person(pdq_of(1), "another"));
  EXPECT_EQ(ours.take(theirs.delta("another").envelope, theirs).error().field, "feed");
}

TEST_F(SharingTest, ASubscriptionIsAPersonsAndGoesToOneBank) {
  const auto subscribe_to = [&](const std::string& bank, const Decision& decision,
                                BankKind kind = BankKind::kShared) {
    return ours.run([&](store::Tx& tx) {
      return subscribe(tx, ours.banks, {"authority.example", "ordered", bank, "", kind}, decision);
    });
  };
  EXPECT_EQ(subscribe_to("x", {"", "", ours.now}).error().rule, "SG21");
  EXPECT_EQ(subscribe_to("x", ours.ines(), BankKind::kOwn).error().field, "kind");
  EXPECT_EQ(subscribe_to("elsewhere", ours.ines()).error().code, Code::kConflict);
  EXPECT_TRUE(subscribe_to("from-ordered", ours.ines()).has_value());
}

// ── what travels

TEST_F(SharingTest, AdditionsTravelWithTheirSourceAndWaitForADryRun) {
  const EntryId person = theirs_has(1);
  NewEntry of_act = theirs.entry(pdq_of(2), "act-9", "step-9");
  of_act.bank = "ordered";
  of_act.target = "https://forbidden.example/video";
  of_act.note = "a note";
  theirs.put(of_act);
  const Delta delta = theirs.delta("ordered");
  EXPECT_EQ(delta.lines, 2);
  const std::string payload = to_text(crypto::parse_envelope(delta.envelope)->payload);
  EXPECT_EQ(payload.find("forbidden.example"), std::string::npos);
  EXPECT_EQ(payload.find("\"ines\""), std::string::npos);
  EXPECT_EQ(payload.find("a note"), std::string::npos);
  const auto done = ours.take(delta.envelope, theirs);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->added, 2);
  EXPECT_EQ(done->wanted, 2);
  const auto entries = ours.of("from-ordered");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].source, SourceKind::kPartner);
  EXPECT_EQ(entries[0].partner->party, "authority.example");
  EXPECT_EQ(entries[0].partner->entry, std::to_string(person));
  EXPECT_EQ(entries[0].partner->marking, "AMBER");
  EXPECT_NE(entries[1].partner->provenance.find("act-9"), std::string::npos);
  EXPECT_FALSE(ours.matches(entries[0].id));  // dry run first
}

TEST_F(SharingTest, ChangesFollow) {
  const EntryId id = theirs_has(1);
  const EntryId gone = theirs_has(2);
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  EntryChange change;
  change.expires_at = theirs.now + std::chrono::hours(24);
  ASSERT_TRUE(
      theirs.run([&](store::Tx& tx) { return theirs.banks.amend(tx, id, change, theirs.ines()); }));
  ASSERT_TRUE(theirs.write<std::int64_t>(
      [&](store::Tx& tx) { return contest(tx, id, theirs.ines("news")); }));
  ASSERT_TRUE(theirs.write<bool>(
      [&](store::Tx& tx) { return theirs.banks.tombstone_entry(tx, gone, theirs.ines()); }));
  const Delta second = theirs.delta("ordered", first.upto);
  EXPECT_EQ(second.number, 2);
  const auto done = ours.take(second.envelope, theirs);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->tombstoned, 1);
  EXPECT_EQ(done->updated, 1);
  const auto entries = ours.of("from-ordered");
  EXPECT_EQ(entries[0].expires_at, theirs.now + std::chrono::hours(24));
  EXPECT_TRUE(entries[0].contested);
  EXPECT_TRUE(entries[1].tombstoned_at.has_value());
}

TEST_F(SharingTest, AContestTakenBackAtItsSourceEndsHereToo) {
  const EntryId id = theirs_has(1);
  const std::int64_t review = *theirs.write<std::int64_t>(
      [&](store::Tx& tx) { return contest(tx, id, theirs.ines("news")); });
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  ASSERT_TRUE(ours.of("from-ordered")[0].contested);
  ASSERT_TRUE(theirs.write<std::vector<EntryId>>([&](store::Tx& tx) {
    return close_review(tx, review, ReviewOutcome::kKept, theirs.omar());
  }));
  ASSERT_TRUE(ours.take(theirs.delta("ordered", first.upto).envelope, theirs).has_value());
  EXPECT_FALSE(ours.of("from-ordered")[0].contested);
}

TEST_F(SharingTest, WhatPeopleHereDecidedIsNotThePartnersToUndo) {
  const EntryId id = theirs_has(1);
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  const EntryId here = ours.of("from-ordered")[0].id;
  ASSERT_TRUE(ours.write<bool>(
      [&](store::Tx& tx) { return ours.banks.tombstone_entry(tx, here, ours.ines("lawful")); }));
  ASSERT_TRUE(theirs.run([&](store::Tx& tx) {
    EntryChange change;
    change.expires_at = theirs.now + std::chrono::hours(1);
    return theirs.banks.amend(tx, id, change, theirs.ines());
  }));
  ASSERT_TRUE(ours.take(theirs.delta("ordered", first.upto).envelope, theirs).has_value());
  EXPECT_TRUE(ours.of("from-ordered")[0].tombstoned_at.has_value());
}

TEST_F(SharingTest, WhatThePartnerTookBackItMayPutBack) {
  NewEntry of_act = theirs.entry(pdq_of(2), "act-9", "step-9");
  of_act.bank = "ordered";
  theirs.put(of_act);
  const Delta first = theirs.delta("ordered");
  theirs.tombstone("act-9", "step-10");
  const Delta second = theirs.delta("ordered", first.upto);
  of_act.step = "step-11";
  theirs.put(of_act);
  const Delta third = theirs.delta("ordered", second.upto);
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  ASSERT_TRUE(ours.take(second.envelope, theirs).has_value());
  EXPECT_TRUE(ours.of("from-ordered")[0].tombstoned_at.has_value());
  ASSERT_TRUE(ours.take(third.envelope, theirs).has_value());
  EXPECT_FALSE(ours.of("from-ordered")[0].tombstoned_at.has_value());
}

TEST_F(SharingTest, APartnerTouchesOnlyItsOwnEntries) {
  Node third("third.example", 5);
  third.share("more");
  third.put(third.by_person(pdq_of(5), "more"));
  ASSERT_TRUE(ours.run([&](store::Tx& tx) {
    return subscribe(tx, ours.banks,
                     {"third.example", "more", "from-ordered", "", BankKind::kShared}, ours.ines());
  }));
  ASSERT_TRUE(ours.take(third.delta("more").envelope, third).has_value());
  const EntryId mine = ours.put(ours.by_person(pdq_of(6)));
  theirs_has(1);
  const Delta delta = theirs.delta("ordered");
  json::Array lines;
  for (const std::string& id : {ours.of("from-ordered")[0].partner->entry, std::to_string(mine)})
    lines.push_back(json::Object{{"op", "tombstone"}, {"entry", id}});
  const auto done = ours.take(theirs.forge({{"lines", lines}}, delta), theirs);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->unknown, 2);
  EXPECT_EQ(done->tombstoned, 0);
  EXPECT_FALSE(ours.of("from-ordered")[0].tombstoned_at.has_value());
  EXPECT_TRUE(ours.matches(mine));
}

// ── the chain

TEST_F(SharingTest, TheSameQuestionGetsTheSameBytes) {
  theirs_has(1);
  const Delta once = theirs.delta("ordered");
  theirs_has(2);
  theirs.now += std::chrono::hours(1);
  EXPECT_EQ(theirs.delta("ordered").envelope, once.envelope);
  EXPECT_EQ(theirs.send("ordered", once.upto + 100).error().field, "after");
  const Delta next = theirs.delta("ordered", once.upto);
  EXPECT_FALSE(theirs.send("ordered", next.upto)->has_value());
}

TEST_F(SharingTest, AReplayChangesNothing) {
  theirs_has(1);
  const Delta first = theirs.delta("ordered");
  ASSERT_EQ(ours.take(first.envelope, theirs)->outcome, ImportOutcome::kApplied);
  theirs_has(2);
  ASSERT_TRUE(ours.take(theirs.delta("ordered", first.upto).envelope, theirs).has_value());
  const std::int64_t before =
      *ours.write<std::int64_t>([&](store::Tx& tx) { return ours.banks.sequence(tx); });
  EXPECT_EQ(ours.take(first.envelope, theirs)->outcome, ImportOutcome::kRepeated);
  EXPECT_EQ(*ours.write<std::int64_t>([&](store::Tx& tx) { return ours.banks.sequence(tx); }),
            before);
}

TEST_F(SharingTest, AGapIsSeenAndNothingIsTaken) {
  theirs_has(1);
  const Delta first = theirs.delta("ordered");
  theirs_has(2);
  const Delta second = theirs.delta("ordered", first.upto);
  const auto done = ours.take(second.envelope, theirs);
  EXPECT_EQ(done->outcome, ImportOutcome::kGap);
  EXPECT_EQ(done->wanted, 1);
  EXPECT_TRUE(ours.of("from-ordered").empty());
  EXPECT_EQ(ours.take(first.envelope, theirs)->outcome, ImportOutcome::kApplied);
  EXPECT_EQ(ours.take(second.envelope, theirs)->outcome, ImportOutcome::kApplied);
}

TEST_F(SharingTest, TwoStoriesStopTheFeedAndBothAreKept) {
  theirs_has(1);
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  const std::string lie = theirs.forge({{"lines", json::Array{line("")}}}, first);
  const auto fork = ours.take(lie, theirs);
  ASSERT_TRUE(fork.has_value()) << to_string(fork.error());
  EXPECT_EQ(fork->outcome, ImportOutcome::kFork);
  EXPECT_EQ(ours.of("from-ordered").size(), 1U);
  EXPECT_TRUE(ours.stopped());
  EXPECT_EQ(ours.events("feed_forked").size(), 1U);
  theirs_has(2);
  const Delta second = theirs.delta("ordered", first.upto);
  EXPECT_EQ(ours.take(second.envelope, theirs).error().field, "feed");
  // A person asks, and the feed goes on with what they were told.
  const auto resume = [&](const std::string& hash, const Decision& decision) {
    return ours.run([&](store::Tx& tx) {
      return resume_feed(tx, "authority.example", "ordered", hash, decision);
    });
  };
  EXPECT_EQ(resume(first.hash, ours.ines("")).error().field, "reason");
  EXPECT_EQ(resume(std::string(64, '0'), ours.ines()).error().code, Code::kNotFound);
  ASSERT_TRUE(resume(first.hash, ours.ines("they restored a backup")).has_value());
  EXPECT_EQ(ours.take(second.envelope, theirs)->outcome, ImportOutcome::kApplied);
}

TEST_F(SharingTest, TheOtherStoryCanBeTheTrueOne) {
  theirs_has(1);
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  const std::string other = theirs.forge({{"lines", json::Array{line("")}}}, first);
  ASSERT_EQ(ours.take(other, theirs)->outcome, ImportOutcome::kFork);
  const std::string hash = open_document(kDeltaType, other, theirs.as_partner())->hash;
  ASSERT_TRUE(ours.run([&](store::Tx& tx) {
    return resume_feed(tx, "authority.example", "ordered", hash, ours.ines("the first was wrong"));
  }));
  EXPECT_EQ(ours.take(other, theirs)->outcome, ImportOutcome::kApplied);
  EXPECT_EQ(ours.of("from-ordered").size(), 2U);
}

TEST_F(SharingTest, ASuccessorOfAnotherPastIsAFork) {
  theirs_has(1);
  const Delta first = theirs.delta("ordered");
  ASSERT_TRUE(ours.take(first.envelope, theirs).has_value());
  const std::string odd = theirs.forge(
      {{"number", 2}, {"previous", std::string(64, 'a')}, {"lines", json::Array{}}}, first);
  EXPECT_EQ(ours.take(odd, theirs)->outcome, ImportOutcome::kFork);
}

// ── bad lines

TEST_F(SharingTest, BadLinesAreReportedByNumberAndNothingElseIsLost) {
  theirs_has(1);
  const Delta delta = theirs.delta("ordered");
  json::Object nobody = line("", 3);
  nobody.erase("source");
  json::Object label = line("", 4);
  label["label"] = "no-such-label";
  json::Object hash = line("", 5);
  hash["pdq"] = "abc";
  json::Object late = line("", 6);
  late["expires_at"] = "2020-01-01T00:00:00Z";
  late["entry"] = "78";
  json::Object deep = line("", 7);
  deep["source"] = *json::parse_object(
      R"({"kind":"partner","party":"a","entry":"1","source":{"kind":"partner","party":"b",
          "entry":"1","source":{"kind":"partner","party":"c","entry":"1","source":{"kind":"partner",
          "party":"d","entry":"1","source":{"kind":"person","party":"e","reason":"r"}}}}})");
  const json::Array lines{nobody, label, line(""), hash, "no object", late, deep};
  const std::string envelope = theirs.forge({{"lines", lines}}, delta);
  const auto strict = ours.take(envelope, theirs, true);
  ASSERT_FALSE(strict.has_value());
  EXPECT_EQ(strict.error().field, "/lines/0/source");
  EXPECT_TRUE(ours.of("from-ordered").empty());

  const auto done = ours.take(envelope, theirs);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->added, 1);
  EXPECT_EQ(done->expired, 1);
  ASSERT_EQ(done->faults.size(), 5U);
  EXPECT_EQ(done->faults[0].line, 1);
  EXPECT_EQ(done->faults[1].line, 2);
  EXPECT_EQ(done->faults[1].error.rule, "SG22");
  EXPECT_EQ(done->faults[2].error.field, "/lines/3/pdq");
  EXPECT_EQ(done->faults[3].line, 5);
  EXPECT_EQ(done->faults[4].line, 7);
  EXPECT_EQ(ours.of("from-ordered").size(), 1U);
}

TEST_F(SharingTest, AnEntryDoesNotChangeItsFingerprint) {
  theirs_has(1);
  const Delta delta = theirs.delta("ordered");
  json::Object again = line("", 10);
  const auto done =
      ours.take(theirs.forge({{"lines", json::Array{line(""), again}}}, delta), theirs);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  ASSERT_EQ(done->faults.size(), 1U);
  EXPECT_EQ(done->faults[0].error.field, "/lines/1/pdq");
  EXPECT_EQ(ours.of("from-ordered")[0].pdq, pdq_of(9));
}

TEST_F(SharingTest, ADeltaCanBeTriedBeforeItIsTaken) {
  theirs_has(1);
  const auto read =
      read_delta(theirs.delta("ordered").envelope, theirs.as_partner(), ours.banks.labels());
  ASSERT_TRUE(read.has_value()) << to_string(read.error());
  const std::vector<RecordedUpload> uploads{{"u", near(pdq_of(1), 6)}, {"v", pdq_of(2)}};
  const DryRunReport report = simulate(uploads, candidates_of(*read), 31);
  EXPECT_EQ(report.matched_uploads, 1);
  EXPECT_TRUE(ours.of("from-ordered").empty());
}

// ── markings

TEST(Markings, AreTheFiveOfTlp2) {
  EXPECT_EQ(kMarkings.size(), 5U);
  EXPECT_TRUE(find_marking("CLEAR")->onward);
  EXPECT_TRUE(find_marking("GREEN")->onward);
  EXPECT_FALSE(find_marking("AMBER")->onward);
  EXPECT_FALSE(find_marking("AMBER+STRICT")->onward);
  EXPECT_FALSE(find_marking("RED")->exportable);
  EXPECT_EQ(find_marking("WHITE"), nullptr);
}

struct OnwardTest : testing::Test {
  Node source{"source.example", 1};
  Node middle{"middle.example", 2};
  Node end{"end.example", 3};

  // What reaches the end when the source shares with this marking.
  std::vector<Entry> onward(const std::string& marking) {
    source.share("list", marking);
    source.put(source.by_person(pdq_of(1), "list"));
    middle.follow(source, "list");
    EXPECT_TRUE(middle.take(source.delta("list").envelope, source).has_value());
    middle.put(middle.by_person(pdq_of(2), "from-list"));
    end.follow(middle, "from-list");
    EXPECT_TRUE(end.take(middle.delta("from-list").envelope, middle).has_value());
    return end.of("from-from-list");
  }
};

TEST_F(OnwardTest, WhatCameAtAmberStops) {
  const auto entries = onward("AMBER");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].pdq, pdq_of(2));
}

TEST_F(OnwardTest, WhatCameAtGreenGoesOnAsGreenWithItsWholeAccount) {
  const auto entries = onward("GREEN");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].pdq, pdq_of(1));
  EXPECT_EQ(entries[0].partner->marking, "GREEN");
  EXPECT_NE(entries[0].partner->provenance.find("source.example"), std::string::npos);
  EXPECT_EQ(entries[1].partner->marking, "AMBER+STRICT");  // the middle's own bank's
}

TEST_F(OnwardTest, OurOwnEntriesComingBackAreNotTaken) {
  onward("CLEAR");
  source.follow(middle, "from-list");
  const auto done = source.take(middle.delta("from-list").envelope, middle);
  ASSERT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_EQ(done->echoes, 1);
  EXPECT_EQ(done->added, 1);
}

}  // namespace
}  // namespace entente::matching

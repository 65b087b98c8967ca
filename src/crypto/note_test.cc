// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/note.h"

#include <gtest/gtest.h>

#include <map>

namespace entente::crypto {
namespace {

PrivateKey seeded_from(std::uint8_t first) {
  Bytes seed(32);
  for (std::size_t i = 0; i < 32; ++i) seed[i] = static_cast<std::uint8_t>(first + i);
  return *PrivateKey::from_seed(seed);
}

const std::string kLogName = "log.entente.example/removals";
const std::string kWitnessName = "witness.example/w1";
const std::string kLogVkey =
    "log.entente.example/removals+34da71fa+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
const std::string kWitnessVkey =
    "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
const std::string kBody =
    "log.entente.example/removals\n7\nkTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=\n";
const std::string kLogLine =
    "\u2014 log.entente.example/removals NNpx+k8vc4NrZl4T/pPFIEZa4w3GEmkbeZaLPnnCp0nd2TufYHmiBFxP"
    "vfJ+egkcwbY5nZ/TdgCoyGWDsfcdrnqzrg4=\n";
const std::string kWitnessLine =
    "\u2014 witness.example/w1 IDJKvgAAAABlU/EAPg2myq2+mr5m8iEBjW5oKLndHOpZlIynd3HxF2NQu+zRLwbFJ/"
    "pRDcMQh0ZeD0tulbNOt+uEWGHqhX+MLVYLCA==\n";
const std::string kCheckpoint = kBody + "\n" + kLogLine + kWitnessLine;
constexpr std::uint64_t kCosignedAt = 1700000000;

std::vector<NoteKey> both() {
  return {*NoteKey::parse(kLogVkey), *NoteKey::parse(kWitnessVkey)};
}

TEST(NoteKey, IsSpelledAsAnotherImplementationSpellsIt) {
  const auto log = *NoteKey::make(kLogName, NoteAlgorithm::kEd25519, seeded_from(0).public_key());
  const auto witness =
      *NoteKey::make(kWitnessName, NoteAlgorithm::kCosignatureV1, seeded_from(0x20).public_key());
  EXPECT_EQ(log.vkey(), kLogVkey);
  EXPECT_EQ(witness.vkey(), kWitnessVkey);
  EXPECT_EQ(*NoteKey::parse(kLogVkey), log);
  EXPECT_EQ(*NoteKey::parse(kWitnessVkey), witness);
}

TEST(NoteKey, RefusesEveryOtherForm) {
  const std::string key = "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
  for (const std::string& text : std::vector<std::string>{
           "", "name", "name+34da71fa", kLogName + "+34da71fb+" + key,
           kLogName + "+34DA71FA+" + key, "other+34da71fa+" + key, "+34da71fa+" + key,
           kLogName + "+34da71fa+AQ==", kLogName + "+34da71fa+" + key + "\n",
           kLogName + "+34da71fa00+" + key, "a b+34da71fa+" + key,
           kLogName + "+34da71fa+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG="})
    EXPECT_FALSE(NoteKey::parse(text)) << text;
  for (const std::string& name : std::vector<std::string>{
           "", "a b", "a+b", "a\nb", "a\u2003b", "a\u00a0b", "a\xff", std::string(256, 'a')})
    EXPECT_FALSE(NoteKey::make(name, NoteAlgorithm::kEd25519, seeded_from(0).public_key())) << name;
}

TEST(NoteKey, OfAnAlgorithmYetToComeIsReadButProvesNothing) {
  NoteKey future{kLogName, static_cast<NoteAlgorithm>(0x06), Bytes(1312, 1)};
  EXPECT_EQ(*NoteKey::parse(future.vkey()), future);
  const std::string line = NoteSignature{future.name, future.id(), Bytes(10)}.line();
  const auto note = open_note(kBody + "\n" + kLogLine + line, std::vector<NoteKey>{future});
  ASSERT_FALSE(note);
  EXPECT_EQ(note.error().code, Code::kUnsupported);
}

TEST(Note, IsSignedAndCosignedByteForByteAsTheVector) {
  const auto note = *sign_note(kBody, kLogName, seeded_from(0));
  EXPECT_EQ(note, kBody + "\n" + kLogLine);
  EXPECT_EQ(*cosign_note(kBody, kWitnessName, seeded_from(0x20), kCosignedAt), kWitnessLine);
}

TEST(Note, OpensWithEveryKnownSignature) {
  const auto note = open_note(kCheckpoint, both());
  ASSERT_TRUE(note) << note.error().detail;
  EXPECT_EQ(note->text, kBody);
  ASSERT_EQ(note->signatures.size(), 2U);
  EXPECT_FALSE(note->by(kLogName)->time);
  EXPECT_EQ(note->by(kWitnessName)->time, kCosignedAt);
  EXPECT_EQ(note->by("nobody"), nullptr);
}

TEST(Note, ThePublishedExampleOpens) {
  const auto key =
      NoteKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  ASSERT_TRUE(key) << key.error().detail;
  const std::string note =
      "This is an example message.\n\n\u2014 example.com/foo "
      "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
      "\n";
  EXPECT_TRUE(open_note(note, std::vector<NoteKey>{*key}));
}

TEST(Note, UnknownSignersAreIgnoredButSomebodyMustBeKnown) {
  const std::string stranger = *cosign_note(kBody, "stranger.example", seeded_from(0x40), 1);
  EXPECT_EQ(open_note(kBody + "\n" + stranger + kLogLine, both())->signatures.size(), 1U);
  EXPECT_EQ(open_note(kBody + "\n" + stranger, both()).error().code, Code::kUnauthorised);
  EXPECT_EQ(open_note(kCheckpoint, {}).error().code, Code::kUnauthorised);
  // The right name with another key is a stranger too.
  const std::string usurper = *sign_note(kBody, kLogName, seeded_from(0x40));
  EXPECT_EQ(open_note(usurper, both()).error().code, Code::kUnauthorised);
}

TEST(Note, OneBadSignatureByAKnownKeyRejectsTheWhole) {
  const auto log = both()[0];
  const std::string forged = NoteSignature{log.name, log.id(), Bytes(64, 1)}.line();
  EXPECT_EQ(open_note(kCheckpoint + forged, both()).error().code, Code::kUnauthorised);
  const auto witness = both()[1];
  for (const std::size_t size : {1U, 64U, 71U, 73U, 76U}) {
    const std::string bad = NoteSignature{witness.name, witness.id(), Bytes(size, 1)}.line();
    EXPECT_EQ(open_note(kBody + "\n" + kLogLine + bad, both()).error().code, Code::kUnauthorised)
        << size;
  }
}

TEST(Note, ACosignatureHoldsForItsTimeOnly) {
  auto signature = *NoteSignature::parse_line(kWitnessLine);
  signature.blob[7] ^= 1;
  EXPECT_EQ(open_note(kBody + "\n" + signature.line(), both()).error().code, Code::kUnauthorised);
}

TEST(Note, NoByteOfItMayChange) {
  for (std::size_t i = 0; i < kCheckpoint.size(); ++i) {
    std::string bent = kCheckpoint;
    bent[i] = static_cast<char>(bent[i] ^ 1);
    const auto note = open_note(bent, both());
    // A bent signer name or key id makes that signature a stranger's: the other one still holds,
    // the text is the same.
    if (note) {
      EXPECT_EQ(note->text, kBody) << i;
      EXPECT_EQ(note->signatures.size(), 1U) << i;
    }
  }
}

TEST(Note, RepeatedSignaturesCountOnce) {
  const auto note = open_note(kCheckpoint + kLogLine + kWitnessLine, both());
  ASSERT_TRUE(note);
  EXPECT_EQ(note->signatures.size(), 2U);
}

TEST(Note, TwoKnownKeysThatShareANameAndIdAreRefused) {
  // Ids have 32 bits: about 2^16 keys of one name hold such a pair.
  std::map<std::uint32_t, NoteKey> seen;
  std::vector<NoteKey> pair;
  for (std::uint32_t n = 0; pair.empty(); ++n) {
    NoteKey key{"a", static_cast<NoteAlgorithm>(0x06), {}};
    for (int shift = 0; shift < 32; shift += 8)
      key.public_key.push_back(static_cast<std::uint8_t>(n >> shift));
    const auto [other, fresh] = seen.emplace(key.id(), key);
    if (!fresh) pair = {other->second, key};
  }
  const std::string line = NoteSignature{"a", pair[0].id(), Bytes(8)}.line();
  EXPECT_EQ(open_note("t\n\n" + line, pair).error().code, Code::kInvalid);
  const std::vector<NoteKey> twice{both()[0], both()[0]};
  EXPECT_TRUE(open_note(kCheckpoint, twice)) << "the same key twice is no contradiction";
}

TEST(NoteText, MayHaveBlankLines) {
  const std::string text = "first\n\nsecond\n";
  const auto note = open_note(*sign_note(text, kLogName, seeded_from(0)), both());
  ASSERT_TRUE(note);
  EXPECT_EQ(note->text, text);
}

TEST(NoteText, RefusesWhatCannotBeSigned) {
  for (const std::string& text : std::vector<std::string>{
           "", "no line feed", "a\tb\n", "a\r\n", std::string("a\0b\n", 4), "\x7f\n", "\xff\n",
           "\xc0\xaf\n", "\xed\xa0\x80\n", "\xf4\x90\x80\x80\n", "\xe2\x82\n", "\xe2\x82",
           std::string(kMaxNoteBytes, 'a') + "\n"}) {
    EXPECT_FALSE(sign_note(text, kLogName, seeded_from(0)))
        << to_hex(as_bytes(text).first(std::min<std::size_t>(text.size(), 8)));
    EXPECT_FALSE(cosign_note(text, kLogName, seeded_from(0), 1));
  }
  EXPECT_TRUE(sign_note("h\u00e9 \u20ac \U0001f600\n", kLogName, seeded_from(0)));
  EXPECT_FALSE(sign_note(kBody, "bad name", seeded_from(0)));
}

TEST(NoteParser, RefusesEveryOtherForm) {
  const std::string line = "\u2014 a AAAAAAA=\n";
  ASSERT_TRUE(parse_note("t\n\n" + line));
  for (const std::string& note : std::vector<std::string>{
           "", "t\n", "t\n\n", "t\n" + line, "t\n\n\u2014 a AAAAAAA=", "t\n\n- a AAAAAAA=\n",
           "t\n\n\u2014 a\n", "t\n\n\u2014 a AAAA\n", "t\n\n\u2014 a AAAAAA==\n",
           "t\n\n\u2014  AAAAAAA=\n", "t\n\n\u2014 a  AAAAAAA=\n", "t\n\n\u2014 a AAAAAAA= \n",
           "t\n\n\u2014 a+b AAAAAAA=\n", "t\n\n" + line + "\n", "t\n\n" + line + "x\n",
           "t\n\n" + line + "\xff\n", "\n\n", "t\r\n\r\n" + line})
    EXPECT_FALSE(parse_note(note)) << note;
}

TEST(NoteParser, BoundsSignaturesAndSize) {
  std::string note = "t\n\n";
  for (std::size_t i = 0; i < kMaxNoteSignatures; ++i) note += "\u2014 a AAAAAAA=\n";
  EXPECT_TRUE(parse_note(note));
  EXPECT_EQ(parse_note(note + "\u2014 a AAAAAAA=\n").error().code, Code::kTooLarge);
  EXPECT_EQ(parse_note(std::string(kMaxNoteBytes + 1, 'a')).error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace entente::crypto

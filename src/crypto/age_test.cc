// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/age.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "entente/crypto/test_folder.h"

namespace entente::crypto {
namespace {

constexpr std::array<std::size_t, 7> kSizes{0, 1, 65535, 65536, 65537, 131072, 5000000};

Bytes some_bytes(std::size_t size) {
  SeededRandom random(size);
  return random.bytes(size);
}

AgeIdentity identity_number(std::uint64_t n) {
  SeededRandom random(n);
  return AgeIdentity::generate(random);
}

Bytes sealed_for(std::uint64_t n, ByteView plain) {
  SeededRandom random(n + 1000);
  const std::array recipients{identity_number(n).recipient()};
  return *age_encrypt(recipients, plain, random);
}

bool age_is_installed() {
  return std::system("command -v age age-keygen >/dev/null 2>&1") == 0;  // NOLINT: tests only
}

// Arguments are our own temporary paths.
bool run(const std::string& command) {
  return std::system((command + " 2>/dev/null").c_str()) == 0;  // NOLINT: tests only
}

TEST(Age, OpensWhatItSealsForEveryRecipient) {
  SeededRandom random(1);
  const AgeIdentity first = identity_number(1);
  const AgeIdentity second = identity_number(2);
  const std::array recipients{first.recipient(), second.recipient()};
  for (const std::size_t size : kSizes) {
    const Bytes plain = some_bytes(size);
    const Bytes file = *age_encrypt(recipients, plain, random);
    EXPECT_TRUE(*age_decrypt(first, file) == plain) << size;
    EXPECT_TRUE(*age_decrypt(second, file) == plain) << size;
  }
}

TEST(Age, TheAgeCommandOpensWhatWeSeal) {
  ASSERT_TRUE(age_is_installed()) << "the age command is missing: scripts/test installs it";
  const TestFolder folder;
  SeededRandom random(3);
  const AgeIdentity identity = identity_number(4);
  ASSERT_TRUE(identity.save(folder / "key"));
  ASSERT_TRUE(run("age-keygen -o " + (folder / "other").string()));
  const AgeIdentity other = *AgeIdentity::load(folder / "other");
  const std::array recipients{identity.recipient(), other.recipient()};
  for (const std::size_t size : kSizes) {
    const Bytes plain = some_bytes(size);
    folder.write("sealed", *age_encrypt(recipients, plain, random));
    for (const auto* key : {"key", "other"}) {
      // By redirection: `age -o` makes no file for an empty plain text.
      ASSERT_TRUE(run("age -d -i " + (folder / key).string() + " " + (folder / "sealed").string() +
                      " >" + (folder / "plain").string()))
          << size << " " << key;
      EXPECT_TRUE(folder.read("plain") == plain) << size;
    }
  }
}

TEST(Age, WeOpenWhatTheAgeCommandSeals) {
  ASSERT_TRUE(age_is_installed()) << "the age command is missing: scripts/test installs it";
  const TestFolder folder;
  const AgeIdentity identity = identity_number(5);
  ASSERT_TRUE(run("age-keygen -o " + (folder / "other").string()));
  const AgeIdentity other = *AgeIdentity::load(folder / "other");
  for (const std::size_t size : kSizes) {
    const Bytes plain = some_bytes(size);
    folder.write("plain", plain);
    ASSERT_TRUE(run("age -r " + other.recipient().text() + " -r " + identity.recipient().text() +
                    " -o " + (folder / "sealed").string() + " " + (folder / "plain").string()));
    EXPECT_TRUE(*age_decrypt(identity, folder.read("sealed")) == plain) << size;
    EXPECT_TRUE(*age_decrypt(other, folder.read("sealed")) == plain) << size;
    std::filesystem::remove(folder / "opened");
    ASSERT_TRUE(age_decrypt_file(identity, folder / "sealed", folder / "opened"));
    EXPECT_TRUE(folder.read("opened") == plain) << size;
  }
}

TEST(Age, IsNotForAnotherIdentity) {
  const Bytes file = sealed_for(1, as_bytes("secret"));
  EXPECT_EQ(age_decrypt(identity_number(2), file).error().code, Code::kForbidden);
}

TEST(Age, NoByteOfAFileMayChange) {
  const AgeIdentity identity = identity_number(1);
  SeededRandom random(9);
  const std::array recipients{identity_number(2).recipient(), identity.recipient()};
  const Bytes file = *age_encrypt(recipients, as_bytes("the evidence"), random);
  ASSERT_TRUE(age_decrypt(identity, file));
  for (std::size_t i = 0; i < file.size(); ++i)
    for (const unsigned bit : {0U, 7U}) {
      Bytes bent = file;
      bent[i] = static_cast<std::uint8_t>(bent[i] ^ 1U << bit);
      EXPECT_FALSE(age_decrypt(identity, bent)) << i << " " << bit;
    }
}

TEST(Age, ATruncatedOrExtendedFileIsRefused) {
  const AgeIdentity identity = identity_number(1);
  const Bytes file = sealed_for(1, as_bytes("the evidence"));
  for (std::size_t n = 0; n < file.size(); ++n)
    EXPECT_FALSE(age_decrypt(identity, ByteView(file).first(n))) << n;
  Bytes longer = file;
  longer.push_back(0);
  EXPECT_FALSE(age_decrypt(identity, longer));
  longer.insert(longer.end(), 100000, 0);
  EXPECT_FALSE(age_decrypt(identity, longer));
}

TEST(Age, ChunksCannotBeDroppedSwappedOrRepeated) {
  constexpr std::size_t kSealedChunk = 65536 + 16;
  const AgeIdentity identity = identity_number(1);
  const Bytes file = sealed_for(1, some_bytes(3 * 65536));
  const std::size_t start = file.size() - 3 * kSealedChunk;
  EXPECT_FALSE(age_decrypt(identity, ByteView(file).first(file.size() - kSealedChunk)));
  EXPECT_FALSE(age_decrypt(identity, ByteView(file).first(start)));
  Bytes swapped = file;
  std::swap_ranges(swapped.begin() + static_cast<std::ptrdiff_t>(start),
                   swapped.begin() + static_cast<std::ptrdiff_t>(start + kSealedChunk),
                   swapped.begin() + static_cast<std::ptrdiff_t>(start + kSealedChunk));
  EXPECT_FALSE(age_decrypt(identity, swapped));
  Bytes repeated = file;
  repeated.insert(repeated.end(), file.end() - kSealedChunk, file.end());
  EXPECT_FALSE(age_decrypt(identity, repeated));
  Bytes last_byte = file;
  last_byte.back() ^= 1;
  EXPECT_EQ(age_decrypt(identity, last_byte).error().code, Code::kCorrupt);
}

std::string replaced(const Bytes& file, std::string_view from, std::string_view to) {
  std::string text = to_text(file);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Age, AShareThatIsNoKeyIsRefused) {
  const Bytes file = sealed_for(1, as_bytes("x"));
  const std::string share = to_text(file).substr(to_text(file).find("X25519 ") + 7, 43);
  // Points of small order make the shared secret zero, whoever asks: 0 and 1.
  for (const bool one : {false, true}) {
    Bytes point(32);
    point[0] = one ? 1 : 0;
    const std::string bad = replaced(file, share, to_base64(point).substr(0, 43));
    EXPECT_EQ(age_decrypt(identity_number(1), as_bytes(bad)).error().code, Code::kInvalid);
  }
  SeededRandom random(1);
  const std::array recipients{AgeRecipient{}};
  EXPECT_EQ(age_encrypt(recipients, {}, random).error().code, Code::kInvalid);
}

TEST(AgeHeader, RefusesOtherForms) {
  const AgeIdentity identity = identity_number(1);
  const Bytes file = sealed_for(1, as_bytes("x"));
  for (const auto& bad :
       {replaced(file, "/v1\n", "/v2\n"), replaced(file, "/v1\n", "/v1\r\n"),
        replaced(file, "-> X25519 ", "-> X25519  "), replaced(file, "-> X25519 ", "-> x25519 "),
        replaced(file, "-> X25519 ", "->X25519 "), replaced(file, "-> X25519 ", "-> X25519 A "),
        replaced(file, "\n---", "=\n---"), replaced(file, "\n---", "\n\n---"),
        replaced(file, "--- ", "---- "), replaced(file, "--- ", "---  ")})
    EXPECT_FALSE(age_decrypt(identity, as_bytes(bad)));
  EXPECT_FALSE(age_decrypt(identity, {}));
  EXPECT_EQ(age_decrypt(identity, as_bytes("age-encryption.org/v1\n--- AAAA\n")).error().code,
            Code::kInvalid);
  const std::string endless = "age-encryption.org/v1\n-> a " + std::string(kMaxAgeHeaderBytes, 'b');
  EXPECT_EQ(age_decrypt(identity, as_bytes(endless)).error().code, Code::kTooLarge);
}

TEST(Age, NobodyOrTooManyRecipientsAreRefused) {
  SeededRandom random(1);
  EXPECT_FALSE(age_encrypt({}, {}, random));
  const std::vector<AgeRecipient> many(kMaxAgeRecipients + 1, identity_number(1).recipient());
  EXPECT_FALSE(age_encrypt(many, {}, random));
}

TEST(AgeText, HasOneSpelling) {
  const AgeIdentity identity = identity_number(1);
  const std::string secret = identity.secret_text();
  const std::string open = identity.recipient().text();
  EXPECT_EQ(secret.substr(0, 16), "AGE-SECRET-KEY-1");
  EXPECT_EQ(open.substr(0, 4), "age1");
  EXPECT_EQ(AgeIdentity::parse(secret)->recipient(), identity.recipient());
  EXPECT_EQ(*AgeRecipient::parse(open), identity.recipient());
  std::string lowered = secret;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const std::string& text :
       std::vector<std::string>{"", "age1", open, lowered, secret + "Q", secret.substr(1)})
    EXPECT_FALSE(AgeIdentity::parse(text)) << text;
  for (const std::string& text :
       std::vector<std::string>{"", secret, open + "q", "AGE1" + open.substr(4), " " + open})
    EXPECT_FALSE(AgeRecipient::parse(text)) << text;
}

TEST(AgeIdentityFile, IsPrivateAndNeverOverwritten) {
  const TestFolder folder;
  const AgeIdentity identity = identity_number(1);
  ASSERT_TRUE(identity.save(folder / "key"));
  EXPECT_EQ(folder.mode("key"), 0600U);
  EXPECT_EQ(AgeIdentity::load(folder / "key")->recipient(), identity.recipient());
  EXPECT_EQ(identity_number(2).save(folder / "key").error().code, Code::kConflict);
  EXPECT_EQ(AgeIdentity::load(folder / "key")->recipient(), identity.recipient());
  ASSERT_EQ(::chmod((folder / "key").c_str(), 0644), 0);
  EXPECT_EQ(AgeIdentity::load(folder / "key").error().code, Code::kForbidden);
  const std::string line = identity.secret_text() + "\n";
  folder.write("two", as_bytes(line + line));
  EXPECT_FALSE(AgeIdentity::load(folder / "two"));
  folder.write("none", as_bytes("# only a comment\n"));
  EXPECT_FALSE(AgeIdentity::load(folder / "none"));
}

TEST(AgeFile, AppearsWholeAndPrivateOrNotAtAll) {
  const TestFolder folder;
  SeededRandom random(1);
  const AgeIdentity identity = identity_number(1);
  const std::array recipients{identity.recipient()};
  const Bytes plain = some_bytes(200000);
  folder.write("plain", plain);
  ASSERT_TRUE(age_encrypt_file(recipients, folder / "plain", folder / "sealed", random));
  EXPECT_EQ(folder.mode("sealed"), 0600U);
  ASSERT_TRUE(age_decrypt_file(identity, folder / "sealed", folder / "opened"));
  EXPECT_EQ(folder.mode("opened"), 0600U);
  EXPECT_TRUE(folder.read("opened") == plain);

  EXPECT_EQ(age_encrypt_file(recipients, folder / "plain", folder / "sealed", random).error().code,
            Code::kConflict);
  Bytes bent = folder.read("sealed");
  bent.back() ^= 1;
  folder.write("bent", bent);
  const std::size_t files = folder.files();
  EXPECT_EQ(age_decrypt_file(identity, folder / "bent", folder / "never").error().code,
            Code::kCorrupt);
  EXPECT_EQ(age_decrypt_file(identity, folder / "none", folder / "never").error().code,
            Code::kNotFound);
  EXPECT_EQ(folder.files(), files) << "no plain text of a file that failed";
}

}  // namespace
}  // namespace entente::crypto

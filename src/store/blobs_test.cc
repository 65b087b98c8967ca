// SPDX-License-Identifier: Apache-2.0
#include "entente/store/blobs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "entente/core/test_folder.h"

namespace entente::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class BlobsTest : public testing::Test {
 protected:
  fs::path file(const std::string& hex) const { return home_ / "blobs" / hex.substr(0, 2) / hex; }
  static void overwrite(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  std::size_t temporaries() const {
    std::size_t n = 0;
    for (fs::directory_iterator it(home_ / "blobs" / "tmp"), end; it != end; ++it) ++n;
    return n;
  }

  TestFolder folder_;
  fs::path home_ = folder_.path();
};

TEST_F(BlobsTest, RefusesNamesThatArePaths) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  const std::string upper = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
  const std::vector<std::string> names = {
      "", "../../etc/passwd", "tmp", upper, fmt::format("{}0", kAbc), fmt::format("{:a>63}/", "")};
  for (const std::string& bad : names) {
    ASSERT_FALSE(blobs->get(bad)) << bad;
    EXPECT_EQ(blobs->get(bad).error().code, Code::kInvalid) << bad;
    ASSERT_FALSE(blobs->erase(bad)) << bad;
    EXPECT_EQ(blobs->erase(bad).error().code, Code::kInvalid) << bad;
    EXPECT_FALSE(blobs->has(bad)) << bad;
  }
}

TEST_F(BlobsTest, SaysNotFoundForWhatWasNeverPut) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  EXPECT_EQ(blobs->get(kAbc).error().code, Code::kNotFound);
  EXPECT_FALSE(blobs->has(kAbc));
  EXPECT_TRUE(blobs->erase(kAbc));
}

TEST_F(BlobsTest, ReportsAlteredAndTruncatedBlobsAndHealsThemOnPut) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  ASSERT_EQ(*blobs->put(as_bytes("abc")), kAbc);
  for (const char* damage : {"abd", "ab", "abcd", ""}) {
    overwrite(file(kAbc), damage);
    ASSERT_FALSE(blobs->get(kAbc)) << damage;
    EXPECT_EQ(blobs->get(kAbc).error().code, Code::kCorrupt) << damage;
    ASSERT_EQ(*blobs->put(as_bytes("abc")), kAbc);
    EXPECT_EQ(to_text(*blobs->get(kAbc)), "abc");
  }
}

TEST_F(BlobsTest, DoesNotFollowALinkPlantedUnderABlobsName) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  overwrite(home_ / "secret", "abc");
  fs::create_directories(file(kAbc).parent_path());
  fs::create_symlink(home_ / "secret", file(kAbc));
  EXPECT_FALSE(blobs->get(kAbc));
}

TEST_F(BlobsTest, RefusesADirectoryThatIsAFile) {
  overwrite(home_ / "blobs", "in the way");
  EXPECT_FALSE(Blobs::open(home_ / "blobs"));
}

TEST_F(BlobsTest, KeepsOneCopyOpensAgainAndErases) {
  {
    const auto blobs = Blobs::open(home_ / "blobs");
    ASSERT_TRUE(blobs);
    EXPECT_EQ(*blobs->put(as_bytes("abc")), kAbc);
    EXPECT_EQ(*blobs->put(as_bytes("abc")), kAbc);
    EXPECT_EQ(temporaries(), 0U);
  }
  const auto blobs = Blobs::open((home_ / "blobs").string() + "/");
  ASSERT_TRUE(blobs);
  EXPECT_TRUE(blobs->has(kAbc));
  EXPECT_EQ(to_text(*blobs->get(kAbc)), "abc");
  EXPECT_TRUE(blobs->erase(kAbc));
  EXPECT_FALSE(blobs->has(kAbc));
  EXPECT_EQ(blobs->get(kAbc).error().code, Code::kNotFound);
}

TEST_F(BlobsTest, KeepsEmptyAndBinaryContent) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  Bytes binary(100'000);
  for (std::size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<std::uint8_t>(i * 7);
  for (const Bytes& data : {Bytes{}, binary}) {
    const auto hex = blobs->put(data);
    ASSERT_TRUE(hex);
    EXPECT_EQ(*blobs->get(*hex), data);
  }
}

TEST_F(BlobsTest, RemovesOnlyOldTemporaryFiles) {
  ASSERT_TRUE(Blobs::open(home_ / "blobs"));
  const fs::path folder = home_ / "blobs" / "tmp";
  overwrite(folder / "old", "x");
  overwrite(folder / "young", "x");
  fs::last_write_time(folder / "old", fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(Blobs::open(home_ / "blobs"));
  EXPECT_FALSE(fs::exists(folder / "old"));
  EXPECT_TRUE(fs::exists(folder / "young"));
}

TEST_F(BlobsTest, ManyThreadsPutTheSameAndDifferentBlobs) {
  const auto blobs = Blobs::open(home_ / "blobs");
  ASSERT_TRUE(blobs);
  std::vector<std::thread> threads;
  std::array<bool, 8> good{};
  for (std::size_t t = 0; t < good.size(); ++t)
    threads.emplace_back([&, t] {
      bool ok = true;
      for (int i = 0; i < 20; ++i) {
        ok = ok && blobs->put(as_bytes("shared " + std::to_string(i)));
        ok = ok && blobs->put(as_bytes(std::to_string(t) + " own " + std::to_string(i)));
      }
      good[t] = ok;
    });
  for (auto& t : threads) t.join();
  for (const bool ok : good) EXPECT_TRUE(ok);
  EXPECT_EQ(temporaries(), 0U);
}

}  // namespace
}  // namespace entente::store

// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/site.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "entente/crypto/sha256.h"
#include "entente/effects/site/test_nginx.h"

namespace entente::effects::site {
namespace {

std::string sha256_of(std::string_view bytes) {
  return to_hex(crypto::sha256(as_bytes(bytes)));
}

// Bytes of every value, so that nothing that thinks it is text survives.
std::string picture(std::size_t size = 100'000) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>((i * 2654435761U) >> 13));
  return out;
}

struct SiteTest : testing::Test {
  TestSite nginx;
  Site& site = *nginx.site;

  static bool has_link(const http::ClientResponse& answer, const std::string& link) {
    for (const std::string& one : answer.headers.at("link")) {
      if (one.find(link) != std::string::npos) return true;
    }
    return false;
  }
  static std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::size_t sealed_files() {
    std::size_t out = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(nginx.folder / "sealed" / "sealed")) {
      out += entry.is_regular_file() ? 1 : 0;
    }
    return out;
  }
};

TEST_F(SiteTest, WhatIsNotThereCannotBeDisabledOrRestored) {
  EXPECT_EQ(site.disable("k", nginx.url("/none.jpg"), kRecord).error().code, Code::kNotFound);
  EXPECT_EQ(site.restore("k", nginx.url("/none.jpg")).error().code, Code::kNotFound);
  EXPECT_EQ(site.erase("k", nginx.url("/none.jpg")).error().code, Code::kNotFound);
  EXPECT_EQ(site.locate(nginx.url("/none.jpg")).error().code, Code::kNotFound);
  EXPECT_EQ(site.read(nginx.url("/none.jpg")).error().code, Code::kNotFound);
  EXPECT_EQ(sealed_files(), 0U);
  EXPECT_EQ(nginx.get("/none.jpg").status, 404);
}

TEST_F(SiteTest, RefusesKeysAndRecordsThatCannotBeOurs) {
  nginx.put("a.jpg", "a");
  EXPECT_EQ(site.disable("", nginx.url("/a.jpg"), kRecord).error().field, "key");
  EXPECT_EQ(site.disable(std::string(1025, 'k'), nginx.url("/a.jpg"), kRecord).error().field,
            "key");
  EXPECT_EQ(site.disable("k", nginx.url("/a.jpg"), "https://r/\"><script>").error().field,
            "record_url");
  EXPECT_EQ(nginx.get("/a.jpg").status, 200);
}

TEST_F(SiteTest, AnOrderFromStartToEnd) {
  const std::string bytes = picture();
  nginx.put("photos/é b.jpg", bytes);
  ASSERT_EQ(::chmod((nginx.root / "photos/é b.jpg").c_str(), 0640), 0);
  const auto modified = std::filesystem::last_write_time(nginx.root / "photos/é b.jpg");
  const std::string path = "/photos/%C3%A9%20b.jpg";
  ASSERT_EQ(nginx.get(path).body, bytes);

  const auto disabled = site.disable("order-1", nginx.url(path), kRecord);
  ASSERT_TRUE(disabled.has_value()) << to_string(disabled.error());
  EXPECT_EQ(disabled->preserved_sha256, sha256_of(bytes));
  EXPECT_EQ(disabled->size, bytes.size());
  EXPECT_EQ(disabled->public_status, 451);
  EXPECT_FALSE(nginx.has("photos/é b.jpg"));
  // The copy is sealed: age's header, and none of the content.
  const std::string copy = slurp(nginx.folder / "sealed" / "sealed" / disabled->sealed_file);
  EXPECT_EQ(copy.substr(0, 21), "age-encryption.org/v1");
  EXPECT_EQ(copy.find(bytes.substr(1000, 64)), std::string::npos);

  const http::ClientResponse answer = nginx.get(path + "?size=big");
  EXPECT_EQ(answer.status, 451);
  EXPECT_TRUE(has_link(answer, "<https://photos.example/>; rel=\"blocked-by\""));
  EXPECT_TRUE(has_link(answer, std::string("<") + kRecord + ">; rel=\"describedby\""));
  EXPECT_EQ(answer.headers.at("cache-control").at(0), "max-age=300");
  EXPECT_EQ(answer.headers.at("content-type").at(0), "text/html; charset=utf-8");
  EXPECT_NE(answer.body.find("Indisponible pour raisons légales"), std::string::npos);
  EXPECT_NE(answer.body.find("Unavailable for legal reasons"), std::string::npos);
  EXPECT_NE(answer.body.find(std::string("href=\"") + kRecord + "\""), std::string::npos);
  EXPECT_TRUE(site.locate(nginx.url(path))->disabled);
  EXPECT_EQ(to_text(*site.read(nginx.url(path))), bytes);

  const auto restored = site.restore("order-1", nginx.url(path));
  ASSERT_TRUE(restored.has_value()) << to_string(restored.error());
  EXPECT_EQ(restored->sha256, sha256_of(bytes));
  EXPECT_EQ(restored->public_status, 200);
  EXPECT_FALSE(restored->still_blocked);
  EXPECT_EQ(nginx.get(path).body, bytes);
  struct stat state {};
  ASSERT_EQ(::stat((nginx.root / "photos/é b.jpg").c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 07777U, 0640U);
  EXPECT_EQ(std::filesystem::last_write_time(nginx.root / "photos/é b.jpg"), modified);
  EXPECT_EQ(sealed_files(), 1U) << "kept until erase";
}

TEST_F(SiteTest, RepeatsReportTheSameAndDoNothing) {
  nginx.put("a.jpg", picture());
  const std::string url = nginx.url("/a.jpg");
  const auto first = site.disable("k", url, kRecord);
  const auto again = site.disable("k", url, kRecord);
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_EQ(again->preserved_sha256, first->preserved_sha256);
  EXPECT_EQ(again->sealed_file, first->sealed_file);
  EXPECT_EQ(again->public_status, 451);
  ASSERT_TRUE(nginx.reopen()->disable("k", url, kRecord).has_value());
  ASSERT_TRUE(site.restore("k", url).has_value());
  const auto back = site.restore("k", url);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->sha256, first->preserved_sha256);
  for (const char* effect : {"sealed", "blocked", "withdrawn", "put_back", "unblocked"}) {
    EXPECT_EQ(nginx.done(effect, {"k"}), 1) << effect;
  }
}

TEST_F(SiteTest, ALateDuplicateOfTheOrderDoesNotBlockAgainWhatWasRestored) {
  nginx.put("a.jpg", "a");
  const std::string url = nginx.url("/a.jpg");
  ASSERT_TRUE(site.disable("k", url, kRecord).has_value());
  ASSERT_TRUE(site.restore("k", url).has_value());
  EXPECT_EQ(site.disable("k", url, kRecord).error().code, Code::kConflict);
  EXPECT_EQ(nginx.get("/a.jpg").status, 200);
  // A new order may.
  ASSERT_TRUE(site.disable("k2", url, kRecord).has_value());
  EXPECT_EQ(nginx.get("/a.jpg").status, 451);
  EXPECT_EQ(nginx.done("sealed", {"k", "k2"}), 1) << "the same bytes were sealed already";
  EXPECT_TRUE(site.restore("k", url)->still_blocked);
  EXPECT_EQ(nginx.get("/a.jpg").status, 451);
}

TEST_F(SiteTest, TwoOrdersOnOneAddressHoldItUntilTheLastLetsGo) {
  nginx.put("a.jpg", "the picture");
  const std::string url = nginx.url("/a.jpg");
  const std::string other = "https://node.example/record/other";
  ASSERT_TRUE(site.disable("one", url, kRecord).has_value());
  const auto second = site.disable("two", url, other);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->preserved_sha256, sha256_of("the picture"));

  const auto first_back = site.restore("one", url);
  ASSERT_TRUE(first_back.has_value());
  EXPECT_TRUE(first_back->still_blocked);
  EXPECT_EQ(first_back->public_status, 451);
  EXPECT_FALSE(nginx.has("a.jpg"));
  // The page leads to the order that still stands.
  EXPECT_TRUE(has_link(nginx.get("/a.jpg"), other));
  const auto last = site.restore("two", url);
  ASSERT_TRUE(last.has_value());
  EXPECT_FALSE(last->still_blocked);
  EXPECT_EQ(nginx.get("/a.jpg").body, "the picture");
  EXPECT_EQ(nginx.done("withdrawn", {"one", "two"}), 1);
  EXPECT_EQ(nginx.done("put_back", {"one", "two"}), 1);
}

TEST_F(SiteTest, TheCopyGoesWithTheLastKeyThatNeedsItAndThenNothingCanBeRestored) {
  nginx.put("a.jpg", "a");
  const std::string url = nginx.url("/a.jpg");
  ASSERT_TRUE(site.disable("one", url, kRecord).has_value());
  ASSERT_TRUE(site.disable("two", url, kRecord).has_value());
  ASSERT_TRUE(site.erase("one", url).has_value());
  EXPECT_EQ(sealed_files(), 1U);
  ASSERT_TRUE(site.erase("two", url).has_value());
  ASSERT_TRUE(site.erase("two", url).has_value());
  EXPECT_EQ(sealed_files(), 0U);
  EXPECT_EQ(nginx.done("erased", {"one", "two"}), 1);
  EXPECT_EQ(site.read(url).error().code, Code::kGone);
  EXPECT_TRUE(site.restore("one", url)->still_blocked);
  EXPECT_EQ(site.restore("two", url).error().code, Code::kGone);
  EXPECT_EQ(nginx.get("/a.jpg").status, 451);
}

TEST_F(SiteTest, ARestoreNeverOverwritesWhatTheUserHasPutThereSince) {
  nginx.put("a.jpg", "old");
  const std::string url = nginx.url("/a.jpg");
  ASSERT_TRUE(site.disable("k", url, kRecord).has_value());
  nginx.put("a.jpg", "new");
  EXPECT_EQ(site.restore("k", url).error().code, Code::kConflict);
  EXPECT_EQ(slurp(nginx.root / "a.jpg"), "new");
  std::filesystem::remove(nginx.root / "a.jpg");
  EXPECT_EQ(site.restore("k", url)->sha256, sha256_of("old"));
}

TEST_F(SiteTest, RestoresIntoAFolderThatWasRemoved) {
  nginx.put("x/y/a.jpg", "a");
  const std::string url = nginx.url("/x/y/a.jpg");
  ASSERT_TRUE(site.disable("k", url, kRecord).has_value());
  std::filesystem::remove_all(nginx.root / "x");
  ASSERT_TRUE(site.restore("k", url).has_value());
  EXPECT_EQ(nginx.get("/x/y/a.jpg").body, "a");
}

TEST_F(SiteTest, ADamagedCopyIsNotRestored) {
  nginx.put("a.jpg", picture());
  const std::string url = nginx.url("/a.jpg");
  const auto disabled = site.disable("k", url, kRecord);
  ASSERT_TRUE(disabled.has_value());
  const std::filesystem::path copy = nginx.folder / "sealed" / "sealed" / disabled->sealed_file;
  std::string bytes = slurp(copy);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(copy, std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_EQ(site.restore("k", url).error().code, Code::kCorrupt);
  EXPECT_FALSE(nginx.has("a.jpg"));
  EXPECT_EQ(nginx.get("/a.jpg").status, 451);
}

TEST_F(SiteTest, WithoutNginxNothingIsWithdrawn) {
  nginx.put("a.jpg", "a");
  SiteOptions options = nginx.options;
  options.nginx_pid = nginx.folder / "nowhere.pid";
  options.public_wait = std::chrono::milliseconds(100);
  const auto lost = Site::open(options, nginx.random, nginx.clock);
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ((*lost)->disable("k", nginx.url("/a.jpg"), kRecord).error().code, Code::kUnavailable);
  EXPECT_TRUE(nginx.has("a.jpg"));
  EXPECT_EQ(nginx.get("/a.jpg").status, 200);
  // The same order, once nginx can be told.
  ASSERT_TRUE(site.disable("k", nginx.url("/a.jpg"), kRecord).has_value());
  EXPECT_EQ(nginx.get("/a.jpg").status, 451);
}

}  // namespace
}  // namespace entente::effects::site

// SPDX-License-Identifier: Apache-2.0
//
// Names and files made to lead the connector, or nginx, elsewhere.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entente/effects/site/test_nginx.h"

namespace entente::effects::site {
namespace {

std::string encoded(std::string_view name) {
  std::string out = "/";
  for (const char c : name)
    out += fmt::format("%{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  return out;
}

struct HostileTest : testing::Test {
  TestSite nginx;
  Site& site = *nginx.site;

  Code refused(const std::string& path) {
    const auto disabled = site.disable("k", nginx.url(path), kRecord);
    EXPECT_FALSE(disabled.has_value()) << path;
    EXPECT_EQ(site.read(nginx.url(path)).error().code, disabled.error().code) << path;
    EXPECT_EQ(site.locate(nginx.url(path)).error().code, disabled.error().code) << path;
    return disabled.error().code;
  }
};

TEST_F(HostileTest, NoPathLeadsOutOfTheRoot) {
  for (const char* path : {"/../identity", "/%2e%2e/identity", "/x/..%2f../identity",
                           "/..%2fidentity", "//identity"}) {
    EXPECT_EQ(refused(path), Code::kInvalid);
  }
  EXPECT_TRUE(std::filesystem::exists(nginx.folder / "identity"));
}

TEST_F(HostileTest, NoLinkIsFollowed) {
  nginx.put("real/a.jpg", "a");
  std::filesystem::create_symlink(nginx.folder / "identity", nginx.root / "link.jpg");
  std::filesystem::create_symlink(nginx.folder, nginx.root / "out");
  std::filesystem::create_symlink(nginx.root / "real", nginx.root / "inside");
  std::filesystem::create_symlink("nowhere", nginx.root / "dangling");
  for (const char* path : {"/link.jpg", "/out/identity", "/inside/a.jpg", "/dangling"}) {
    EXPECT_EQ(refused(path), Code::kForbidden) << path;
  }
  // nginx does not follow them either.
  EXPECT_NE(nginx.get("/link.jpg").status, 200);
  EXPECT_NE(nginx.get("/out/identity").status, 200);
}

TEST_F(HostileTest, ALinkPutIntoThePathWhileBlockedDoesNotLeadTheRestoreOut) {
  nginx.put("x/a.jpg", "a");
  ASSERT_TRUE(site.disable("k", nginx.url("/x/a.jpg"), kRecord).has_value());
  std::filesystem::remove_all(nginx.root / "x");
  std::filesystem::create_directory(nginx.folder / "elsewhere");
  std::filesystem::create_directory_symlink(nginx.folder / "elsewhere", nginx.root / "x");
  EXPECT_EQ(site.restore("k", nginx.url("/x/a.jpg")).error().code, Code::kForbidden);
  EXPECT_TRUE(std::filesystem::is_empty(nginx.folder / "elsewhere"));
}

TEST_F(HostileTest, OnlyPlainFilesCount) {
  std::filesystem::create_directory(nginx.root / "folder");
  ASSERT_EQ(::mkfifo((nginx.root / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(refused("/folder"), Code::kNotFound);
  EXPECT_EQ(refused("/fifo"), Code::kNotFound);
  nginx.put("file", "x");
  EXPECT_EQ(refused("/file/below"), Code::kNotFound);
  EXPECT_EQ(refused("/" + std::string(300, 'n')), Code::kNotFound);
}

TEST_F(HostileTest, AFileTooLargeToPreserveIsNotTouched) {
  nginx.put("film.mp4", "");
  std::filesystem::resize_file(nginx.root / "film.mp4", (std::uintmax_t{64} << 20) + 1);
  EXPECT_EQ(refused("/film.mp4"), Code::kTooLarge);
  EXPECT_TRUE(nginx.has("film.mp4"));
}

TEST_F(HostileTest, NamesThatCouldBreakTheConfigurationAreBlockedExactlyAndComeBack) {
  const std::vector<std::string> names = {
      "a\"b.jpg",   "a\\b.jpg", "a b;c.jpg", "$host.jpg",   "${uri}",        "a{b}c",
      "#x",         "'q'",      "~^.*$",     "caf\xc3\xa9", "\xff\xfe\x01x", "100%",
      "include x;", "a\\\"; }", "a?b=c&d",   "default",     "a+b",           "*.jpg",
      "[x]",        "(?i)y",    "\\z",       "a\\nb",       "trailing\\"};
  std::vector<std::string> usable;
  for (const std::string& name : names) {
    nginx.put(name, "bytes of " + name);
    if (name[0] == '\xff') {
      EXPECT_EQ(refused(encoded(name)), Code::kInvalid);  // a control character
      continue;
    }
    ASSERT_EQ(nginx.get(encoded(name)).status, 200) << name;
    const auto disabled = site.disable("k:" + name, nginx.url(encoded(name)), kRecord);
    ASSERT_TRUE(disabled.has_value()) << name << ": " << to_string(disabled.error());
    usable.push_back(name);
  }
  nginx.put("innocent.jpg", "innocent");
  EXPECT_EQ(nginx.get("/innocent.jpg").body, "innocent");
  for (const std::string& name : usable) EXPECT_EQ(nginx.get(encoded(name)).status, 451) << name;
  for (const std::string& name : usable) {
    ASSERT_TRUE(site.restore("k:" + name, nginx.url(encoded(name))).has_value()) << name;
    EXPECT_EQ(nginx.get(encoded(name)).body, "bytes of " + name);
  }
}

TEST_F(HostileTest, ANameThatDiffersInCaseOnlyStaysPublic) {
  nginx.put("Photo.jpg", "upper");
  nginx.put("photo.jpg", "lower");
  nginx.put("PHOTO.jpg", "loud");
  ASSERT_TRUE(site.disable("k", nginx.url("/photo.jpg"), kRecord).has_value());
  EXPECT_EQ(nginx.get("/photo.jpg").status, 451);
  EXPECT_EQ(nginx.get("/Photo.jpg").body, "upper");
  // And both can be blocked, each with its own record.
  ASSERT_TRUE(
      site.disable("k2", nginx.url("/Photo.jpg"), "https://node.example/record/two").has_value());
  EXPECT_NE(nginx.get("/Photo.jpg").body.find("record/two"), std::string::npos);
  EXPECT_NE(nginx.get("/photo.jpg").body.find(kRecord), std::string::npos);
  EXPECT_EQ(nginx.get("/PHOTO.jpg").body, "loud");
}

TEST_F(HostileTest, SpellingsOfABlockedAddressAreBlockedToo) {
  nginx.put("x/a.jpg", "a");
  ASSERT_TRUE(site.disable("k", nginx.url("/x/a.jpg"), kRecord).has_value());
  for (const char* path : {"/x/%61.jpg", "//x/a.jpg", "/x/./a.jpg", "/y/%2e%2e/x/a.jpg",
                           "/x%2Fa.jpg", "/x/a.jpg?v=2"}) {
    EXPECT_EQ(nginx.get(path).status, 451) << path;
  }
}

TEST_F(HostileTest, ARequestCannotPoseAsAnEntryNorUseAnotherName) {
  nginx.put("a.jpg", "a");
  nginx.put("b.jpg", "b");
  ASSERT_TRUE(site.disable("k", nginx.url("/a.jpg"), kRecord).has_value());
  const http::ClientResponse posed = nginx.get("/x%20https://evil.example%0A127.0.0.1/x");
  EXPECT_EQ(posed.status, 404);
  EXPECT_EQ(posed.body.find("evil.example"), std::string::npos);
  EXPECT_EQ(nginx.get("/a.jpg", "other.example").status, 421);
  EXPECT_EQ(nginx.get("/b.jpg", "other.example").status, 421);
  nginx.put(".entente-restore", "half a file");
  EXPECT_EQ(nginx.get("/.entente-restore").status, 404);
}

}  // namespace
}  // namespace entente::effects::site

// SPDX-License-Identifier: Apache-2.0
//
// What tests/hma cannot see from outside: entries of acts, a full queue, a worker that dies.
#include "entente/matching/hma/face.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching::hma {
namespace {

struct FaceTest : testing::Test {
  TestHouse house;
  struct Failing final : media::DecoderPool {
    Error error;
    Result<std::string> run(ByteView) override { return fail(error); }
  } failing;
  std::unique_ptr<Matcher> matcher;
  SeededRandom random{1};
  http::Router router;
  Error refusal;  // of who asks; kInternal: nobody is refused

  FaceTest() {
    check(store::migrate(*house.store, {migration()}, 1).has_value(), "no schema");
    auto loaded = Matcher::load(*house.store, failing, house.banks, house.clock);
    check(loaded.has_value(), "no matcher");
    matcher = *std::move(loaded);
    add_routes(router, {*house.store, house.banks, *matcher, nullptr, house.clock, random,
                        [this](const http::Request&, std::string_view) -> Result<std::string> {
                          if (refusal.code != Code::kInternal) return fail(refusal);
                          return std::string("p-camille");
                        },
                        "/hma"});
  }

  http::Response ask(const std::string& method, const std::string& path, std::string body = {},
                     const std::string& type = "application/json",
                     const std::map<std::string, std::string>& query = {}) {
    const auto match = router.find(method, path);
    check(match.handler != nullptr, "no route");
    http::Request request;
    request.method = method;
    request.path = path;
    request.params = match.params;
    request.query = query;
    request.headers["content-type"] = type;
    request.body = std::move(body);
    const auto out = (*match.handler)(request);
    check(out.has_value(), "HMA's face answers errors itself");
    return *out;
  }
  static std::string message_of(const http::Response& response) {
    const auto body = json::parse_object(response.body);
    return body ? std::string(json::text_or(*body, "message")) : std::string();
  }
  static std::string form(const std::string& file) {
    return "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\n" + file +
           "\r\n--b--\r\n";
  }
};

TEST_F(FaceTest, NothingBehindThePrefixAnswersAStrangerButTheStatus) {
  refusal.code = Code::kUnauthorised;
  refusal.detail = "who are you?";
  for (const auto& [method, pattern] : router.routes()) {
    if (pattern.ends_with("/status") || pattern.ends_with("/live") ||
        pattern.ends_with("/site-map")) {
      if (pattern.find("index") == std::string::npos && pattern.find("{") == std::string::npos)
        continue;
    }
    const auto answer = ask(method, pattern);
    EXPECT_EQ(answer.status, 401) << method << " " << pattern;
    EXPECT_EQ(message_of(answer), "who are you?") << method << " " << pattern;
  }
  EXPECT_EQ(ask("GET", "/hma/status").body, "I-AM-ALIVE");
}

TEST_F(FaceTest, TroublesOfTheSandboxHaveHmasCodesAndAFullQueueSaysWhenToComeBack) {
  const auto post = [&](Code code) {
    failing.error = Error{code, "why", "", "", ""};
    return ask("POST", "/hma/h/hash", form("x"), "multipart/form-data; boundary=b");
  };
  EXPECT_EQ(post(Code::kBusy).status, 503);
  const auto busy = post(Code::kBusy);
  EXPECT_TRUE(std::any_of(busy.headers.begin(), busy.headers.end(),
                          [](const auto& h) { return h.first == "Retry-After"; }));
  EXPECT_EQ(post(Code::kTooLarge).status, 413);
  for (const Code code : {Code::kInvalid, Code::kUnsupported, Code::kTimeout, Code::kUnavailable})
    EXPECT_EQ(post(code).status, 400) << code_name(code);
  EXPECT_EQ(post(Code::kCorrupt).status, 500);
}

TEST_F(FaceTest, WhatAnActPutThereIsNotACuratorsToChange) {
  const auto id = house.add(house.entry(some_pdq(1)));
  ASSERT_TRUE(id && matcher->refresh());
  const std::string at = "/hma/c/bank/TERRORIST_CONTENT/content/" + std::to_string(*id);
  EXPECT_EQ(ask("GET", at).status, 200);
  EXPECT_EQ(ask("DELETE", at).status, 403);
  EXPECT_EQ(ask("PUT", at, R"({"disable_until_ts":0})").status, 403);
  EXPECT_EQ(ask("DELETE", "/hma/c/bank/TERRORIST_CONTENT").status, 403);
  const auto found =
      ask("GET", "/hma/m/lookup", "", "", {{"signal", some_pdq(1).hex()}, {"signal_type", "pdq"}});
  EXPECT_NE(found.body.find("TERRORIST_CONTENT"), std::string::npos);
  // The address of what it was made from is in no answer.
  EXPECT_EQ(ask("GET", at).body.find("target-1"), std::string::npos);
  // Undone by its act, it is gone for curators too.
  house.tombstone("act-1", "step-2");
  EXPECT_EQ(ask("GET", at).status, 404);
}

TEST_F(FaceTest, ADryRunIsNotLookedUpEvenRaw) {
  NewBank bank;
  bank.name = "tried";
  bank.title = "Tried first";
  ASSERT_TRUE(house.store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(house.banks.create(tx, bank, {"p-ines", "trying", house.now}));
    NewEntry entry = house.entry(some_pdq(1));
    entry.bank = "tried";
    ENTENTE_CHECK_OK(house.banks.add(tx, entry));
    return {};
  }));
  ASSERT_TRUE(matcher->refresh());
  const std::map<std::string, std::string> query = {{"signal", some_pdq(1).hex()},
                                                    {"signal_type", "pdq"}};
  EXPECT_EQ(ask("GET", "/hma/m/raw_lookup", "", "", query).body, R"({"matches":[]})");
  EXPECT_EQ(ask("GET", "/hma/m/lookup", "", "", query).body, "{}");
  EXPECT_NE(ask("GET", "/hma/c/bank/TRIED").body.find("0E0"), std::string::npos);
}

}  // namespace
}  // namespace entente::matching::hma

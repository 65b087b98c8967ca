// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/routes.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct RoutesTest : testing::Test {
  TestHouse house;
  std::unique_ptr<Matcher> matcher = house.load();
  FakeClock clock{house.now};
  SeededRandom random{1};
  http::Router router;
  bool allowed = true;
  int told = 0;

  RoutesTest() {
    add_routes(router, {*house.store, *matcher, house.banks, clock, random,
                        [this](const http::Request&) -> Result<void> {
                          if (!allowed) return fail(Code::kUnauthorised, "who are you?");
                          return {};
                        },
                        [this](const http::Request&) -> Result<std::string> {
                          if (!allowed) return fail(Code::kForbidden, "moderators only");
                          return std::string("p-camille");
                        },
                        [this](const UploadCheck&) { ++told; }});
  }

  Result<http::Response> ask(const std::string& method, const std::string& path,
                             std::string body = {}, const std::string& type = "image/jpeg",
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
    return (*match.handler)(request);
  }
  json::Object body_of(const Result<http::Response>& response) {
    check(response.has_value(), "refused");
    return *json::parse_object(response->body);
  }
};

TEST_F(RoutesTest, NothingAnswersAStranger) {
  allowed = false;
  EXPECT_EQ(ask("POST", "/v1/match", "x", "text/plain").error().code, Code::kUnauthorised);
  EXPECT_EQ(ask("GET", "/v1/match/x").error().code, Code::kUnauthorised);
  EXPECT_EQ(ask("GET", "/v1/banks").error().code, Code::kUnauthorised);
  EXPECT_EQ(ask("POST", "/v1/match/x/decision", R"({"decision":"kept"})", "application/json")
                .error()
                .code,
            Code::kForbidden);
  EXPECT_EQ(ask("GET", "/v1/banks/x/entries").error().code, Code::kUnauthorised);
}

TEST_F(RoutesTest, RefusesWhatIsNoPicture) {
  EXPECT_EQ(ask("POST", "/v1/match", "{}", "application/json").error().code, Code::kUnsupported);
  EXPECT_EQ(ask("POST", "/v1/match", "", "image/jpeg").error().code, Code::kInvalid);
  EXPECT_EQ(ask("POST", "/v1/match", "hello", "image/png").error().code, Code::kUnsupported);
  EXPECT_EQ(router.find("POST", "/v1/match").options.max_body, std::size_t{32} << 20);
}

TEST_F(RoutesTest, RefusesCursorsAndLimitsOutOfRange) {
  const std::string path = "/v1/banks/terrorist-content/entries";
  for (const char* bad : {"-1", "x", "1x", "99999999999999999999"}) {
    EXPECT_EQ(ask("GET", path, "", "", {{"cursor", bad}}).error().field, "cursor") << bad;
  }
  for (const char* bad : {"0", "101", ""}) {
    EXPECT_EQ(ask("GET", path, "", "", {{"limit", bad}}).error().field, "limit") << bad;
  }
  EXPECT_EQ(ask("GET", "/v1/banks/none/entries").error().code, Code::kNotFound);
}

TEST_F(RoutesTest, AMatchIsAProposalThatCanBeReadAgain) {
  const Bytes file = as_jpeg(photograph(1), 90);
  EXPECT_EQ(body_of(ask("POST", "/v1/match", to_text(file)))["proposal"], "none");
  EXPECT_EQ(told, 0);
  const auto seen = matcher->fingerprint_of(file);
  const auto id = house.add(house.entry(seen->pdq));
  ASSERT_TRUE(matcher->added({*id}).has_value());

  const json::Object answer = body_of(ask("POST", "/v1/match", to_text(file), "image/jpeg; q=1"));
  EXPECT_EQ(answer.at("proposal"), "review");
  EXPECT_EQ(answer.at("review_state"), "open");
  EXPECT_EQ(answer.at("matches").as_array().at(0).at("act"), "act-1");
  EXPECT_EQ(told, 1);
  for (const char* never : {"action", "decision", "remove", "block"})
    EXPECT_FALSE(answer.contains(never));

  const std::string check_id(answer.at("id").as_string());
  EXPECT_EQ(body_of(ask("GET", "/v1/match/" + check_id)), answer);
  EXPECT_EQ(ask("GET", "/v1/match/01ARZ3NDEKTSV4RRFFQ69G5FAV").error().code, Code::kNotFound);
}

TEST_F(RoutesTest, ListsBanksAndPagesOfEntriesWithoutTheAddressOfTheContent) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    NewEntry entry = house.entry(some_pdq(i));
    entry.target = "https://illegal.example/x";
    ASSERT_TRUE(house.add(entry).has_value());
  }
  const json::Object banks = body_of(ask("GET", "/v1/banks"));
  EXPECT_EQ(banks.at("items").as_array().at(0).at("live"), 3);
  const std::string path = "/v1/banks/terrorist-content/entries";
  const json::Object first = body_of(ask("GET", path, "", "", {{"limit", "2"}}));
  EXPECT_EQ(first.at("items").as_array().size(), 2U);
  const std::string next(first.at("next").as_string());
  const json::Object second = body_of(ask("GET", path, "", "", {{"limit", "2"}, {"cursor", next}}));
  EXPECT_EQ(second.at("items").as_array().size(), 1U);
  EXPECT_TRUE(second.at("next").is_null());
  EXPECT_EQ(json::canonical(json::Value(second)).find("illegal.example"), std::string::npos);
}

TEST_F(RoutesTest, OnlyAnOpenTaskCanBeDecidedAndOnlyWithAKnownWord) {
  const auto decide = [&](const std::string& word) {
    return ask("POST", "/v1/match/01ARZ3NDEKTSV4RRFFQ69G5FAV/decision",
               R"({"decision":")" + word + R"("})", "application/json");
  };
  EXPECT_EQ(decide("delete").error().code, Code::kInvalid);
  EXPECT_EQ(decide("kept").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/routes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "entente/matching/policies.h"
#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct RoutesTest : testing::Test {
  TestHouse house;
  std::unique_ptr<Matcher> matcher = house.load();
  SeededRandom random{1};
  CheckLog checks{*house.store};
  Breaker breaker;
  int told = 0;
  Road road{{*house.store, house.banks, *matcher, checks, breaker, nullptr, house.clock, random,
             [this](const UploadCheck&) { ++told; }}};
  http::Router router;
  bool allowed = true;

  RoutesTest() {
    add_routes(router, {*house.store, road,
                        [this](const http::Request&) -> Result<void> {
                          if (!allowed) return fail(Code::kUnauthorised, "who are you?");
                          return {};
                        },
                        [this](const http::Request&) -> Result<std::string> {
                          if (!allowed) return fail(Code::kForbidden, "moderators only");
                          return std::string("p-camille");
                        }});
  }

  using Query = std::map<std::string, std::string>;
  Result<http::Response> ask(const std::string& method, const std::string& path,
                             std::string body = {}, const std::string& type = "image/jpeg",
                             const Query& query = {}) {
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
  Result<http::Response> item(const std::string& body, const Query& query = {}) {
    return ask("POST", "/v1/match", body, "application/json", query);
  }
  static json::Object body_of(const Result<http::Response>& response) {
    check(response.has_value(), response ? "" : to_string(response.error()));
    return *json::parse_object(response->body);
  }
  EntryId bank(const fingerprint::Pdq& pdq) {
    const auto id = house.add(house.entry(pdq));
    check(id.has_value() && matcher->refresh().has_value(), "not banked");
    return *id;
  }
  static std::string print(std::uint64_t seed) {
    return R"({"pdq":")" + some_pdq(seed).hex() + R"(","quality":90})";
  }
};

TEST_F(RoutesTest, NothingAnswersAStranger) {
  allowed = false;
  for (const char* path : {"/v1/match", "/v1/match/batch", "/v1/match/stream"})
    EXPECT_EQ(ask("POST", path, "x", "text/plain").error().code, Code::kUnauthorised) << path;
  EXPECT_EQ(ask("GET", "/v1/match/x").error().code, Code::kUnauthorised);
  EXPECT_EQ(ask("POST", "/v1/match/x/decision", R"({"decision":"kept"})", "application/json")
                .error()
                .code,
            Code::kForbidden);
}

TEST_F(RoutesTest, NamesTheFieldOfWhatItRefuses) {
  EXPECT_EQ(ask("POST", "/v1/match", "x", "text/plain").error().field, "content-type");
  EXPECT_EQ(ask("POST", "/v1/match", "x", "text/plain").error().code, Code::kUnsupported);
  const auto empty = ask("POST", "/v1/match", "", "image/jpeg").error();
  EXPECT_EQ(empty.code, Code::kInvalid);
  EXPECT_EQ(empty.field, "body");
  const auto text = ask("POST", "/v1/match", "hello", "image/png").error();
  EXPECT_EQ(text.code, Code::kUnsupported);
  EXPECT_EQ(text.field, "body");
  EXPECT_EQ(item("{}").error().field, "/pdq");
  EXPECT_EQ(item(R"({"pdq":"abc"})").error().field, "/pdq");
  EXPECT_EQ(item(R"({"pdq":")" + std::string(64, 'A') + R"("})").error().field, "/pdq");
  EXPECT_EQ(item(R"({"pdq":")" + some_pdq(1).hex() + R"(","quality":101})").error().field,
            "/quality");
  EXPECT_EQ(item(R"({"image":"!"})").error().field, "/image");
  EXPECT_EQ(item(R"({"image":"aGVsbG8="})").error().field, "image");
  EXPECT_EQ(
      item(R"({"url":"https://x.example/","pdq":")" + some_pdq(1).hex() + R"("})").error().field,
      "/pdq");
  EXPECT_EQ(item(R"({"surplus":1})").error().field, "/surplus");
  EXPECT_EQ(item(R"({"url":"https://x.example/a.jpg"})").error().field, "url");
  EXPECT_EQ(item(print(1), {{"radius", "32"}}).error().field, "radius");
  EXPECT_EQ(item(print(1), {{"radius", "x"}}).error().field, "radius");
  EXPECT_EQ(item(print(1), {{"turned", "maybe"}}).error().field, "turned");
  EXPECT_EQ(item(print(1), {{"turned", "true"}}).error().field, "turned");
  EXPECT_EQ(item(print(1), {{"banks", "terrorist-content,"}}).error().field, "banks");
  const auto nowhere = item(print(1), {{"banks", "nowhere"}}).error();
  EXPECT_EQ(nowhere.code, Code::kNotFound);
  EXPECT_EQ(nowhere.field, "banks");
  EXPECT_EQ(router.find("POST", "/v1/match").options.max_body, std::size_t{32} << 20);
}

TEST_F(RoutesTest, AHundredMegapixelClaimIsRefusedByItsHeader) {
  // A JPEG that says 60,000 by 60,000 and holds nothing.
  std::string claim(
      "\xff\xd8\xff\xc0\x00\x11\x08\xea\x60\xea\x60\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01", 21);
  claim += std::string("\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00\xff\xd9", 16);
  const auto refused = ask("POST", "/v1/match", claim).error();
  EXPECT_EQ(refused.code, Code::kTooLarge) << to_string(refused);
  EXPECT_EQ(refused.field, "body");
}

TEST_F(RoutesTest, BeyondCapacityTheAnswerSaysAtOnceWhenToComeBack) {
  struct Full final : media::DecoderPool {
    Result<std::string> run(ByteView) override { return fail(Code::kBusy, "full"); }
    std::chrono::seconds retry_after() const override { return std::chrono::seconds{7}; }
  } full;
  const auto loaded = Matcher::load(*house.store, full, house.banks, house.clock);
  const Road crowded{
      {*house.store, house.banks, **loaded, checks, breaker, nullptr, house.clock, random, {}}};
  router = http::Router();
  add_routes(router,
             {*house.store, crowded, [](const http::Request&) -> Result<void> { return {}; },
              [](const http::Request&) -> Result<std::string> { return std::string("p"); }});
  const auto answer = ask("POST", "/v1/match", "x");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 503);
  const std::pair<std::string, std::string> wanted{"Retry-After", "7"};
  EXPECT_NE(std::find(answer->headers.begin(), answer->headers.end(), wanted),
            answer->headers.end());
}

TEST_F(RoutesTest, AMatchIsAProposalThatCanBeReadAgainAndAPersonDecides) {
  const Bytes file = as_jpeg(photograph(1), 90);
  const json::Object plain = body_of(ask("POST", "/v1/match", to_text(file)));
  EXPECT_EQ(plain.at("proposal"), "none");
  EXPECT_EQ(body_of(ask("GET", "/v1/match/" + std::string(plain.at("id").as_string()))), plain);
  EXPECT_EQ(told, 0);
  bank(matcher->fingerprint_of(file)->pdq);

  const json::Object answer = body_of(ask("POST", "/v1/match", to_text(file), "Image/JPEG; q=1"));
  EXPECT_NE(answer.at("proposal"), "none");
  EXPECT_EQ(answer.at("review_state"), "open");
  EXPECT_EQ(answer.at("matches").at(0).at("act"), "act-1");
  EXPECT_EQ(answer.at("matches").at(0).at("turn"), "original");
  EXPECT_EQ(json::canonical(json::Value(answer)).find("target-1"), std::string::npos);
  EXPECT_EQ(told, 1);
  for (const char* never : {"action", "decision", "remove", "block"})
    EXPECT_FALSE(answer.contains(never));

  const std::string id(answer.at("id").as_string());
  EXPECT_EQ(body_of(ask("GET", "/v1/match/" + id)), answer);
  const auto decide = [&](const std::string& body) {
    return ask("POST", "/v1/match/" + id + "/decision", body, "application/json");
  };
  EXPECT_EQ(decide(R"({"decision":"delete"})").error().code, Code::kInvalid);
  EXPECT_EQ(body_of(decide(R"({"decision":"kept"})")).at("decided_by"), "p-camille");
  EXPECT_EQ(decide(R"({"decision":"removed"})").error().code, Code::kConflict);
}

TEST_F(RoutesTest, TheAdoptedPolicyDecidesWhatIsProposedAndAHoldHasAnEnd) {
  bank(some_pdq(1));
  const std::string policy =
      R"({"policy":"entente-policy/1","name":"ours","rules":[{"name":"all","when":{},)"
      R"("propose":"hold","for":"PT2H"}],"otherwise":"review"})";
  ASSERT_TRUE(house.store->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(
        adopt_policy(tx, policy, house.banks.labels(), {"p-camille", "trying", house.now}));
    return {};
  }));
  const json::Object held = body_of(item(print(1)));
  EXPECT_EQ(held.at("proposal"), "hold");
  EXPECT_EQ(held.at("rule"), "all");
  EXPECT_EQ(held.at("hold").at("until").as_string(),
            format_rfc3339(house.now + std::chrono::hours(2)));
  EXPECT_EQ(held.at("hold").at("held"), true);
  EXPECT_FALSE(held.contains("sha256"));
  house.clock.advance(std::chrono::hours(2));
  const auto later = body_of(ask("GET", "/v1/match/" + std::string(held.at("id").as_string())));
  EXPECT_EQ(later.at("hold").at("held"), false);
  EXPECT_EQ(later.at("review_state"), "open");
}

TEST_F(RoutesTest, ABatchIsAnArrayOfItemsWithinItsBound) {
  const auto batch = [&](const std::string& body, const std::string& type = "application/json") {
    return ask("POST", "/v1/match/batch", body, type);
  };
  EXPECT_EQ(batch("[]", "text/plain").error().field, "content-type");
  for (const char* bad : {"", "{}", "[]", "[", "1"}) EXPECT_FALSE(batch(bad).has_value()) << bad;
  std::string many = "[" + print(1);
  for (std::size_t i = 0; i < kMaxBatch; ++i) many += "," + print(1);
  EXPECT_EQ(batch(many + "]").error().code, Code::kTooLarge);

  bank(some_pdq(2));
  const auto items =
      body_of(batch("[" + print(1) + R"(,{"pdq":"short","ref":"b"},{"ref":"c","pdq":")" +
                    some_pdq(2).hex() + R"("},{"url":"https://x.example/"},7])"))
          .at("items")
          .as_array();
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[0].at("answer").at("proposal"), "none");
  EXPECT_EQ(items[1].at("problem").at("field"), "/1/pdq");
  EXPECT_EQ(items[1].at("problem").at("status"), 400);
  EXPECT_EQ(items[2].at("ref"), "c");
  EXPECT_EQ(items[2].at("index"), 2);
  EXPECT_NE(items[2].at("answer").at("proposal"), "none");
  EXPECT_EQ(items[3].at("problem").at("field"), "url");
  EXPECT_EQ(items[4].at("problem").at("status"), 400);
}

TEST_F(RoutesTest, ABadLineOfAStreamIsAnsweredByItsNumberAndNothingElseIsLost) {
  const auto stream = [&](const std::string& body) {
    return ask("POST", "/v1/match/stream", body, "application/x-ndjson");
  };
  EXPECT_EQ(ask("POST", "/v1/match/stream", print(1), "application/json").error().field,
            "content-type");
  EXPECT_EQ(stream("\n \n").error().field, "body");
  bank(some_pdq(2));
  const Bytes file = as_jpeg(photograph(3), 90);
  bank(matcher->fingerprint_of(file)->pdq);
  const auto answer = stream(print(1) + "\n\nnonsense\r\n" + print(2) + "\n{\"image\":\"" +
                             to_base64(file) + "\",\"ref\":\"p\"}\n[]");
  ASSERT_TRUE(answer.has_value());
  std::vector<json::Object> lines;
  std::string_view rest = answer->body;
  while (!rest.empty()) {
    lines.push_back(*json::parse_object(rest.substr(0, rest.find('\n'))));
    rest.remove_prefix(rest.find('\n') + 1);
  }
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0].at("line"), 1);
  EXPECT_EQ(lines[0].at("answer").at("proposal"), "none");
  EXPECT_EQ(lines[1].at("line"), 3);
  EXPECT_EQ(lines[1].at("problem").at("status"), 400);
  EXPECT_EQ(lines[2].at("line"), 4);
  EXPECT_EQ(lines[2].at("answer").at("matches").as_array().size(), 1U);
  EXPECT_EQ(lines[3].at("ref"), "p");
  EXPECT_EQ(lines[3].at("answer").at("sha256").as_string(), file_sha256(file));
  EXPECT_EQ(lines[4].at("line"), 6);
  EXPECT_TRUE(lines[4].contains("problem"));
}

TEST_F(RoutesTest, AnEntryThatSuddenlyMatchesEverythingIsTakenToPeople) {
  const EntryId id = bank(some_pdq(2));
  std::string body;
  for (int i = 0; i < 600; ++i) body += print(2) + "\n";
  ASSERT_TRUE(ask("POST", "/v1/match/stream", body, "application/x-ndjson").has_value());
  const auto entry = store::read_returning<Entry>(
      *house.store, [&](store::Tx& tx) { return house.banks.find_entry(tx, id); });
  EXPECT_TRUE(entry->quarantined);
  EXPECT_EQ(body_of(item(print(2))).at("proposal"), "review");
}

}  // namespace
}  // namespace entente::matching

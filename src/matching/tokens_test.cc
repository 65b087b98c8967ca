// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/tokens.h"

#include <gtest/gtest.h>

#include "entente/matching/test_photographs.h"

namespace entente::matching {
namespace {

struct TokensTest : testing::Test {
  TestHouse house;
  SeededRandom random{1};
  Result<IssuedToken> issue(const std::string& person, const std::string& name,
                            const std::vector<std::string>& roles) {
    return store::write_returning<IssuedToken>(*house.store, [&](store::Tx& tx) {
      return issue_token(tx, person, name, roles, random, house.now);
    });
  }
  Result<Token> holder(const std::string& authorization) {
    return store::read_returning<Token>(*house.store,
                                        [&](store::Tx& tx) { return token_of(tx, authorization); });
  }
};

TEST_F(TokensTest, NoTokenWithoutAPersonAPurposeAndAKnownRole) {
  EXPECT_EQ(issue("", "x", {"hasher"}).error().rule, "SG21");
  EXPECT_EQ(issue("p-1", "", {"hasher"}).error().field, "/name");
  EXPECT_EQ(issue("p-1", "x", {}).error().field, "/roles");
  EXPECT_EQ(issue("p-1", "x", {"hasher", "admin"}).error().field, "/roles");
}

TEST_F(TokensTest, WhatIsNoTokenIsOneAnswer) {
  const auto issued = issue("p-1", "x", {"hasher"});
  for (const std::string& bad :
       {std::string(), std::string("Bearer "), std::string("Bearer ent_nonsense"), issued->text,
        "Basic " + issued->text, "Bearer " + issued->text + "x",
        "Bearer " + std::string(100'000, 'x')}) {
    EXPECT_EQ(holder(bad).error().code, Code::kUnauthorised) << bad.substr(0, 60);
  }
}

TEST_F(TokensTest, ARevokedTokenIsRevokedForEverAndOnlyByItsPerson) {
  const auto issued = issue("p-1", "uploader", {"matcher", "hasher"});
  const std::string header = "Bearer " + issued->text;
  ASSERT_TRUE(holder(header).has_value());
  EXPECT_EQ(holder(header)->person, "p-1");
  EXPECT_TRUE(holder(header)->has("hasher"));
  EXPECT_FALSE(holder(header)->has("curator"));
  const auto revoke = [&](const std::string& person) {
    return house.store->write(
        [&](store::Tx& tx) { return revoke_token(tx, person, issued->token.id, house.now); });
  };
  EXPECT_EQ(revoke("p-2").error().code, Code::kNotFound);
  ASSERT_TRUE(revoke("p-1"));
  ASSERT_TRUE(revoke("p-1"));
  EXPECT_EQ(holder(header).error().code, Code::kUnauthorised);
}

TEST_F(TokensTest, TheTextIsNotInTheDatabase) {
  const auto issued = issue("p-1", "uploader", {"hasher"});
  const auto rows = store::read_returning<store::Rows>(*house.store, [](store::Tx& tx) {
    return tx.query("SELECT id, hash, person, name, roles FROM match_token");
  });
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ((*rows)[0].text(i).find(issued->text.substr(4)), std::string::npos);
}

}  // namespace
}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/routes.h"

#include "entente/http/test_server.h"
#include "entente/ledger/test_ledger.h"
#include "entente/ledger/verify.h"

namespace entente::ledger {
namespace {

class LedgerRoutes : public testing::Test {
 protected:
  void SetUp() override {
    add_routes(router_, *node_.store, nullptr);
    server_ = std::make_unique<http::RunningServer>(router_);
  }
  http::ClientResponse get(const std::string& path, const std::string& method = "GET") {
    http::ClientRequest request;
    request.method = method;
    request.url = server_->url(path);
    return client_.send(request).value();
  }

  TestNode node_;
  http::Router router_;
  std::unique_ptr<http::RunningServer> server_;
  http::Client client_{{.allow_private_addresses = true, .allow_plain_http = true}};
};

TEST_F(LedgerRoutes, WhatDoesNotExistIsNotFound) {
  EXPECT_EQ(get("/ledger/checkpoint").status, 404) << "nothing signed yet";
  node_.grow_to(300);
  EXPECT_EQ(get("/ledger/checkpoint?cosigned=1").status, 404) << "no witness yet";
  for (const char* path : {"0/001", "0/001.p/45", "0/001.p/0", "0/001.p/044", "0/1", "0/x000/001",
                           "00/000", "1/000", "1/000.p/2", "2/000.p/1", "64/000", "-1/000",
                           "entries/001", "entries/001.p/45", "entries/002", "entries", "",

                           "0/000.p/256", "0/000/"})
    EXPECT_EQ(get(std::string("/ledger/tile/") + path).status, 404) << path;
  for (const char* index : {"300", "-1", "007", "x", "18446744073709551616", "1e2"})
    EXPECT_EQ(get(std::string("/ledger/proof/") + index).status, 404) << index;
}

TEST_F(LedgerRoutes, AreReadOnlyAndWithoutAWitnessHaveNone) {
  node_.grow_to(1);
  for (const char* method : {"POST", "PUT", "DELETE"})
    EXPECT_EQ(get("/ledger/checkpoint", method).status, 405) << method;
  EXPECT_EQ(get("/witness/add-checkpoint", "POST").status, 404);
}

TEST_F(LedgerRoutes, AHeadIsNeverCachedAndATileAlways) {
  node_.grow_to(300);
  const auto head = get("/ledger/checkpoint");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, node_.checkpoint());
  EXPECT_EQ(head.headers.at("content-type").front(), "text/plain; charset=utf-8");
  EXPECT_EQ(head.headers.at("cache-control").front(), "no-store");
  for (const auto& [path, bytes] : {std::pair{"0/000", 8192U},
                                    {"0/001.p/44", 44U * 32},
                                    {"0/001.p/1", 32U},
                                    {"1/000.p/1", 32U}}) {
    const auto tile = get(std::string("/ledger/tile/") + path);
    EXPECT_EQ(tile.status, 200) << path;
    EXPECT_EQ(tile.body.size(), bytes) << path;
    EXPECT_EQ(tile.headers.at("content-type").front(), "application/octet-stream");
    EXPECT_NE(tile.headers.at("cache-control").front().find("immutable"), std::string::npos);
  }
  const auto bundle = get("/ledger/tile/entries/001.p/44");
  const auto entries = merkle::decode_bundle(as_bytes(bundle.body), 44).value();
  EXPECT_EQ(to_text(entries.back()), "entry-299");
}

TEST_F(LedgerRoutes, AReceiptVerifiesOffline) {
  node_.grow_to(300);
  const auto receipt = get("/ledger/proof/256");
  EXPECT_EQ(receipt.status, 200);
  EXPECT_TRUE(verify_proof(receipt.body, "entry-256", node_.log.note_key().vkey(), {}, 0));
}

}  // namespace
}  // namespace entente::ledger

// SPDX-License-Identifier: Apache-2.0
// An independent auditor, the Go checksum database's own code (tests/judge), fetches our log over
// HTTP and computes it anew. Skipped where Debian's Go packages are not installed.
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "entente/http/test_server.h"
#include "entente/ledger/routes.h"
#include "entente/ledger/test_ledger.h"

namespace entente::ledger {
namespace {

int run(const std::string& command) {
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Judge : public testing::Test {
 protected:
  void SetUp() override {
    const std::string out = std::string(ENTENTE_BINARY_DIR) + "/ledger-judge";
    const int built =
        run("'" + std::string(ENTENTE_SOURCE_DIR) + "/tests/judge/build.sh' '" + out + "'");
    ASSERT_EQ(built, 0) << "tests/judge/build.sh says why";
    judge_ = out + "/judge";

    witness_.trust(node_.log);
    node_.grow_to(300);
    add_routes(router_, *node_.store, nullptr);
    add_routes(witness_router_, *witness_.store, &witness_.service);
    server_ = std::make_unique<http::RunningServer>(router_);
    http::RunningServer witness_server(witness_router_);
    http::Client client{{.allow_private_addresses = true, .allow_plain_http = true}};
    const auto cosigned = request_cosignature(client, *node_.store, node_.log,
                                              witness_server.url("/witness"), witness_.vkey());
    ASSERT_TRUE(cosigned) << to_string(cosigned.error());
  }
  std::string file(const std::string& name, const std::string& content) {
    const std::string path = node_.folder.file(name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  int judge(const std::string& more) {
    return run("'" + judge_ + "' '" + server_->url("/ledger") + "' '" +
               node_.log.note_key().vkey() + "' " + more);
  }

  TestNode node_;
  TestWitness witness_;
  http::Router router_;
  http::Router witness_router_;
  std::unique_ptr<http::RunningServer> server_;
  std::string judge_;
};

TEST_F(Judge, RejectsATamperedLogAndAForeignReceipt) {
  const auto proof = file("receipt", node_.proof(257));
  EXPECT_EQ(judge("--proof " + proof + " --leaf " + file("leaf", "entry-258")), 1);
  EXPECT_EQ(judge("'" + node_.log.note_key().vkey() + "x'"), 2) << "a witness key that is none";
  ASSERT_TRUE(
      node_.sql("DROP TRIGGER ledger_leaf_keep;"
                "UPDATE ledger_leaf SET entry = CAST('entry-X' AS BLOB) WHERE idx = 3"));
  EXPECT_EQ(judge(""), 1);
}

TEST_F(Judge, AcceptsWhatWeServe) {
  EXPECT_EQ(judge("'" + witness_.vkey() + "'"), 0);
  EXPECT_EQ(judge("--proof " + file("receipt", node_.proof(257)) + " --leaf " +
                  file("leaf", "entry-257")),
            0);
  // Growth past what the judge saw, by the old root it knows.
  const std::string note = node_.checkpoint();
  const auto root_at = note.find("\n300\n") + 5;
  const std::string old_root = note.substr(root_at, note.find('\n', root_at) - root_at);
  node_.grow_to(70'000);
  EXPECT_EQ(judge("--old 300 '" + old_root + "'"), 0);
}

}  // namespace
}  // namespace entente::ledger

// SPDX-License-Identifier: Apache-2.0
// Someone with the file removes the triggers and edits: the audit must say so.
#include "entente/ledger/audit.h"

#include "entente/ledger/test_ledger.h"

namespace entente::ledger {
namespace {

class Audit : public testing::Test {
 protected:
  void SetUp() override {
    node_.grow_to(600);
    ASSERT_TRUE(
        node_.sql("DROP TRIGGER ledger_leaf_keep; DROP TRIGGER ledger_leaf_stay;"
                  "DROP TRIGGER ledger_node_keep; DROP TRIGGER ledger_node_stay;"
                  "DROP TRIGGER ledger_head_grow; DROP TRIGGER ledger_head_stay;"
                  "DROP TRIGGER ledger_leaf_next"));
  }
  // Faults after an edit behind the hook's back.
  std::string faults_after(const std::string& edit) {
    const auto done = node_.sql(edit);
    EXPECT_TRUE(done) << to_string(done.error());
    const auto report = audit(*node_.store, node_.log);
    if (!report) return "error: " + to_string(report.error());
    std::string out;
    for (const auto& fault : report->faults) out += fault + "\n";
    return out;
  }

  TestNode node_;
};

TEST_F(Audit, FindsAFlippedByteOfAnEntry) {
  const auto faults =
      faults_after("UPDATE ledger_leaf SET entry = CAST('entry-X' AS BLOB) WHERE idx = 3");
  EXPECT_NE(faults.find("leaf 3: the entry does not have its hash"), std::string::npos) << faults;
  EXPECT_NE(faults.find("node 0 of tile level 1 is not that of its leaves"), std::string::npos);
  EXPECT_NE(faults.find("checkpoint 600 does not name the root"), std::string::npos);
}

TEST_F(Audit, FindsAFlippedHash) {
  const auto faults = faults_after("UPDATE ledger_leaf SET hash = zeroblob(32) WHERE idx = 599");
  EXPECT_NE(faults.find("leaf 599"), std::string::npos) << faults;
}

TEST_F(Audit, FindsAForgedNode) {
  const auto faults = faults_after("UPDATE ledger_node SET hash = zeroblob(32) WHERE idx = 1");
  EXPECT_NE(faults.find("node 1 of tile level 1"), std::string::npos) << faults;
}

TEST_F(Audit, FindsAMissingNode) {
  EXPECT_NE(faults_after("DELETE FROM ledger_node WHERE idx = 0").find("is missing"),
            std::string::npos);
}

TEST_F(Audit, FindsAMissingLeaf) {
  EXPECT_NE(faults_after("DELETE FROM ledger_leaf WHERE idx = 300").find("leaf 300 is missing"),
            std::string::npos);
}

TEST_F(Audit, FindsATruncatedLog) {
  EXPECT_NE(faults_after("DELETE FROM ledger_leaf WHERE idx >= 500").find("500 leaves are stored"),
            std::string::npos);
}

TEST_F(Audit, FindsALeafThatTheHeadDoesNotKnow) {
  EXPECT_NE(faults_after("INSERT INTO ledger_leaf (idx, hash, at, entry)"
                         " SELECT 600, hash, at, entry FROM ledger_leaf WHERE idx = 1")
                .find("601 leaves are stored"),
            std::string::npos);
}

TEST_F(Audit, FindsALeafCountedAsAnotherKind) {
  EXPECT_NE(faults_after("UPDATE ledger_leaf SET regime = 'r@1', move = 'sign' WHERE idx = 5")
                .find("leaf 5: counted as another kind"),
            std::string::npos);
}

TEST_F(Audit, FindsABentRightEdge) {
  EXPECT_NE(faults_after("UPDATE ledger_head SET frontier ="
                         " CAST(substr(frontier, 1, 8) || zeroblob(32) ||"
                         " substr(frontier, 41) AS BLOB)")
                .find("right edge"),
            std::string::npos);
}

TEST_F(Audit, FindsAForeignCheckpoint) {
  TestNode other(kOrigin, 0x77);
  other.grow_to(600);
  EXPECT_NE(faults_after("UPDATE ledger_head SET note = '" + other.checkpoint() + "'")
                .find("checkpoint 600"),
            std::string::npos);
}

TEST_F(Audit, FindsAnOldCosignedHeadOfAnotherHistory) {
  TestNode other;
  other.grow_to(10, "rewritten-");
  EXPECT_NE(faults_after("INSERT INTO ledger_checkpoint VALUES (10, '" + other.checkpoint() + "')")
                .find("checkpoint 10 does not name the root"),
            std::string::npos);
}

TEST_F(Audit, PassesASoundLogAndSaysItsRoot) {
  const auto report = audit(*node_.store, node_.log).value();
  EXPECT_TRUE(report.sound()) << report.faults.front();
  EXPECT_EQ(report.size, 600U);
  EXPECT_NE(node_.checkpoint().find(to_base64(report.root)), std::string::npos);
}

TEST(AuditEmpty, PassesALogWithoutLeaves) {
  TestNode node;
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
  ASSERT_TRUE(node.sql("CREATE TABLE anything (id INTEGER)"));
  EXPECT_TRUE(node.checkpoint().starts_with("log.entente.example/removals\n0\n"));
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
}

}  // namespace
}  // namespace entente::ledger

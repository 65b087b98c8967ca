// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/log.h"

#include <set>
#include <thread>

#include "entente/ledger/audit.h"
#include "entente/ledger/test_ledger.h"
#include "entente/ledger/verify.h"

namespace entente::ledger {
namespace {

using store::Tx;

constexpr std::string_view kSevenSigned =
    "log.entente.example/removals\n7\nkTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=\n\n"
    "\u2014 log.entente.example/removals "
    "NNpx+k8vc4NrZl4T/pPFIEZa4w3GEmkbeZaLPnnCp0nd2TufYHmiBFxPvfJ+egkcwbY5nZ/"
    "TdgCoyGWDsfcdrnqzrg4=\n";
constexpr std::string_view kSevenCosignature =
    "\u2014 witness.example/w1 "
    "IDJKvgAAAABlU/EAPg2myq2+mr5m8iEBjW5oKLndHOpZlIynd3HxF2NQu+zRLwbFJ/pRDcMQh0ZeD0tulbNOt+"
    "uEWGHqhX+MLVYLCA==\n";

std::string root_line(TestNode& node) {
  const std::string note = node.checkpoint();
  const auto first = note.find('\n', note.find('\n') + 1) + 1;
  return note.substr(first, note.find('\n', first) - first);
}

TEST(Log, LeavesCannotBeDeletedChangedOrReplaced) {
  TestNode node;
  node.grow_to(300);
  for (const char* sql :
       {"DELETE FROM ledger_leaf WHERE idx = 3", "DELETE FROM ledger_leaf",
        "UPDATE ledger_leaf SET entry = x'00' WHERE idx = 3",
        "UPDATE ledger_leaf SET idx = 1000 WHERE idx = 299",
        "INSERT OR REPLACE INTO ledger_leaf (idx, hash, at, entry)"
        " SELECT 3, hash, at, entry FROM ledger_leaf WHERE idx = 4",
        "INSERT INTO ledger_leaf (idx, hash, at, entry)"
        " SELECT 900, hash, at, entry FROM ledger_leaf WHERE idx = 4",
        "INSERT INTO ledger_leaf (hash, at, entry)"
        " SELECT hash, at, entry FROM ledger_leaf WHERE idx = 4",
        "UPDATE ledger_node SET hash = zeroblob(32)", "DELETE FROM ledger_node",
        "INSERT OR REPLACE INTO ledger_node (level, idx, hash) VALUES (1, 0, zeroblob(32))",
        "UPDATE ledger_head SET size = 299", "UPDATE ledger_head SET signed_size = 299",
        "DELETE FROM ledger_head"}) {
    const auto r = node.sql(sql);
    ASSERT_FALSE(r) << sql;
    EXPECT_EQ(r.error().code, Code::kConflict) << sql;
  }
  EXPECT_EQ(node.size(), 300U);
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
}

TEST(Log, ARolledBackUnitLeavesTheLogAsItWas) {
  TestNode node;
  node.grow_to(255);
  const std::string before = node.checkpoint();
  const auto r = node.store->write([&](Tx& tx) -> Result<void> {
    for (int i = 0; i < 3; ++i)  // past a tile's edge, so that a node is written and undone too
      ENTENTE_CHECK_OK(node.log.append(tx, "undone", Instant{}));
    ENTENTE_TRY(size, Log::size(tx));
    EXPECT_EQ(size, 258U);
    return fail(Code::kRefused, "no");
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(node.checkpoint(), before);
  EXPECT_EQ(node.size(), 255U);
  node.grow_to(257);
  EXPECT_EQ(root_line(node),
            to_base64(*hash_from_hex(
                "918b1cec64f317c76e3cf55c0536841c039eff06772ebb8828ce7c176028b5ac")));
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
}

TEST(Log, AnEntryTooLongIsRefusedAndTheLongestIsKept) {
  TestNode node;
  EXPECT_EQ(node.append(std::string(65536, 'x')).error().code, Code::kTooLarge);
  EXPECT_EQ(node.size(), 0U);
  EXPECT_EQ(node.append(std::string(65535, 'x')).value(), 0U);
  EXPECT_EQ(node.append("").value(), 1U);
  const auto bundle =
      node.read([](Tx& tx) { return Log::entries(tx, "tile/entries/000.p/2"); }).value();
  EXPECT_EQ(merkle::decode_bundle(bundle, 2).value()[0].size(), 65535U);
}

TEST(Log, ServesOnlyWhatItHasSigned) {
  TestNode node;
  const auto none = node.read([](Tx& tx) { return Log::checkpoint(tx); });
  EXPECT_EQ(none.error().code, Code::kNotFound);
  ASSERT_TRUE(node.store->write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(node.log.append(tx, "entry-0", Instant{}));
    EXPECT_EQ(Log::tile(tx, "tile/0/000.p/1").error().code, Code::kNotFound);
    EXPECT_EQ(Log::proof(tx, 0).error().code, Code::kNotFound);
    return {};
  }));
  EXPECT_TRUE(node.read([](Tx& tx) { return Log::tile(tx, "tile/0/000.p/1"); }));
  for (const char* path : {"tile/0/000", "tile/0/000.p/2", "tile/0/000.p/0", "tile/1/000.p/1",
                           "tile/0/001.p/1", "tile/entries/000.p/1"})
    EXPECT_FALSE(node.read([&](Tx& tx) { return Log::tile(tx, path); })) << path;
  for (const char* path : {"tile/entries/000", "tile/entries/000.p/2", "tile/0/000.p/1", "entries",
                           "tile/entries/../000.p/1", ""})
    EXPECT_FALSE(node.read([&](Tx& tx) { return Log::entries(tx, path); })) << path;
  EXPECT_EQ(node.read([](Tx& tx) { return Log::proof(tx, 1); }).error().code, Code::kNotFound);
  EXPECT_EQ(node.read([](Tx& tx) { return Log::consistency(tx, 0, 2); }).error().code,
            Code::kNotFound);
  EXPECT_FALSE(node.read([](Tx& tx) { return Log::proof(tx, ~std::uint64_t{0}); }));
}

TEST(Log, AFailingSignatureStopsTheCommit) {
  TestNode node;
  node.grow_to(2);
  const auto r = node.store->write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(node.log.append(tx, "entry-2", Instant{}));
    // A head that contradicts its right edge cannot be signed.
    ENTENTE_CHECK_OK(tx.exec("UPDATE ledger_head SET size = 9"));
    return {};
  });
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kCorrupt);
  EXPECT_EQ(node.size(), 2U);
}

TEST(Log, RefusesAnOriginThatANoteCannotCarry) {
  const auto key = key_from(0);
  for (const char* origin : {"", "a b", "a+b", "a\nb"}) EXPECT_FALSE(Log::create(origin, key));
}

TEST(Log, SignsThePublishedCheckpointToTheByte) {
  TestNode node;
  node.grow_to(7);
  EXPECT_EQ(node.checkpoint(), kSevenSigned);
  EXPECT_EQ(node.log.note_key().vkey(),
            "log.entente.example/removals+34da71fa+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
  node.reopen();
  EXPECT_EQ(node.checkpoint(), kSevenSigned);
}

TEST(Log, CarriesThePublishedCosignatureToTheByte) {
  TestNode node;
  TestWitness witness;
  witness.trust(node.log);
  node.grow_to(7);
  const auto answer = witness.add(add_checkpoint_body(node, 0));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, kSevenCosignature);
  for (int twice = 0; twice < 2; ++twice)
    ASSERT_TRUE(node.store->write([&](Tx& tx) -> Result<void> {
      return Log::keep_cosignature(tx, {7, std::string(kSevenSigned)}, answer.body);
    }));
  EXPECT_EQ(node.checkpoint(), std::string(kSevenSigned) + std::string(kSevenCosignature));

  node.grow_to(8);
  const auto newest = node.read([](Tx& tx) { return Log::checkpoint(tx); }).value();
  EXPECT_EQ(newest.size, 8U);
  const auto at = [&](std::uint64_t size) {
    return node.read([&](Tx& tx) { return Log::checkpoint_at_least(tx, size); });
  };
  EXPECT_EQ(at(3).value().size, 7U);
  EXPECT_EQ(at(8).value().size, 8U);
  EXPECT_EQ(at(9).error().code, Code::kNotFound);
  const auto cosigned = node.read([](Tx& tx) { return Log::checkpoint(tx, Cosigned::kYes); });
  EXPECT_EQ(cosigned.value().size, 7U);
}

TEST(Log, RootsOfTheVectors) {
  TestNode node;
  const std::vector<std::pair<std::uint64_t, std::string_view>> roots = {
      {2, "2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479"},
      {3, "a64bf26e09128f6fe2fe6f8b2d8c801e166b57c047a7cd9b2b809e7a96a2f1cb"},
      {8, "dfcc13b9b0ca932c68de3d59eaaa8fe266a9c8091c0300e8405ebfeb0d0e5832"},
      {256, "f85f4ead34080710b4d1e808301543aaab81aa04deb88599350dc26a4f2f58de"},
      {257, "918b1cec64f317c76e3cf55c0536841c039eff06772ebb8828ce7c176028b5ac"}};
  for (const auto& [size, root] : roots) {
    node.grow_to(size);
    EXPECT_EQ(root_line(node), to_base64(*hash_from_hex(root))) << size;
  }
  const auto proof = node.read([](Tx& tx) { return Log::consistency(tx, 3, 7); }).value();
  ASSERT_EQ(proof.size(), 4U);
  EXPECT_EQ(to_hex(proof[0]), "049d7dcdb56bcfebd313304c9839f196a3d4b6ef3bdc0b08298f93ac8191f0a8");
}

TEST(Log, SeventyThousandLeaves) {
  TestNode node;
  node.grow_to(70'000);
  EXPECT_EQ(root_line(node), "pipUvjMpT/1aXExjf9dUYwtxqJLoNW46Zmpcin/9FRg=");
  const auto bytes = [&](std::string_view path) {
    const auto tile = node.read([&](Tx& tx) { return Log::tile(tx, path); });
    return tile ? tile->size() : 0;
  };
  EXPECT_EQ(bytes("tile/0/000"), 8192U);
  EXPECT_EQ(bytes("tile/0/273.p/112"), 112U * 32);
  EXPECT_EQ(bytes("tile/1/000"), 8192U);
  EXPECT_EQ(bytes("tile/1/001.p/17"), 17U * 32);
  EXPECT_EQ(bytes("tile/2/000.p/1"), 32U);
  EXPECT_EQ(bytes("tile/2/000.p/2"), 0U);
  EXPECT_EQ(bytes("tile/3/000.p/1"), 0U);
  EXPECT_EQ(bytes("tile/0/100.p/7"), 7U * 32) << "a width served once stays";
  const std::string vkey = node.log.note_key().vkey();
  for (const std::uint64_t index : {0UL, 255UL, 256UL, 65'535UL, 65'536UL, 69'887UL, 69'999UL}) {
    const auto verified =
        verify_proof(node.proof(index), "entry-" + std::to_string(index), vkey, {}, 0);
    EXPECT_TRUE(verified) << index;
  }
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
}

TEST(Log, EightWritersShareOneTree) {
  TestNode node;
  constexpr int kWriters = 8;
  constexpr int kEach = 60;
  std::array<std::vector<std::pair<std::uint64_t, std::string>>, kWriters> given;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::string entry = std::to_string(w) + "/" + std::to_string(i);
        std::uint64_t index = 0;
        const auto r = node.store->write([&](Tx& tx) -> Result<void> {
          ENTENTE_TRY(at, node.log.append(tx, entry, Instant{}));
          index = at;
          if (i % 4 == 3) return fail(Code::kRefused, "every fourth is undone");
          return {};
        });
        if (r) given[static_cast<std::size_t>(w)].emplace_back(index, entry);
      }
    });
  for (auto& thread : threads) thread.join();
  std::set<std::uint64_t> seen;
  for (const auto& one : given)
    for (const auto& returned : one) {
      EXPECT_TRUE(seen.insert(returned.first).second) << "one index given twice";
      const auto kept = node.read([&](Tx& tx) { return Log::entry(tx, returned.first); });
      EXPECT_EQ(to_text(kept.value()), returned.second);
    }
  EXPECT_EQ(seen.size(), kWriters * kEach * 3U / 4);
  EXPECT_EQ(node.size(), seen.size());
  EXPECT_TRUE(audit(*node.store, node.log).value().sound());
}

TEST(Log, CountsLeavesByLawAndMove) {
  TestNode node;
  SeededRandom random(7);
  ASSERT_TRUE(node.store->write([&](Tx& tx) -> Result<void> {
    for (const char* move : {"sign", "attest", "sign"}) {
      LeafInput in = sample_leaf();
      in.move = move;
      ENTENTE_TRY(leaf, make_leaf(in, random));
      ENTENTE_CHECK_OK(node.log.append_leaf(tx, leaf, Instant{}));
    }
    ENTENTE_CHECK_OK(node.log.append(tx, R"({"regime":"eu-tco-removal@1","move":"sign"})", {}));
    return {};
  }));
  const auto count = [&](std::string_view regime, std::string_view move) {
    return node.read([&](Tx& tx) { return Log::count_by(tx, regime, move); }).value();
  };
  EXPECT_EQ(count("eu-tco-removal@1", "sign"), 2) << "what is no leaf is not counted";
  EXPECT_EQ(count("eu-tco-removal@1", "attest"), 1);
  EXPECT_EQ(count("eu-tco-removal@2", "sign"), 0);
}

TEST(Log, ErasingASaltErasesTheValueAndNothingElse) {
  TestNode node;
  SeededRandom random(7);
  const auto made = make_leaf(sample_leaf(), random).value();
  ASSERT_TRUE(node.store->write([&](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(node.log.append_leaf(tx, made, Instant{}));
    return {};
  }));
  const auto salt = [&](std::string_view field) {
    return node.read([&](Tx& tx) { return Log::salt(tx, 0, field); });
  };
  EXPECT_EQ(salt("target/0").value(), made.salts.at("target/0"));
  EXPECT_EQ(salt("target/1").error().code, Code::kNotFound);
  const std::string before = node.checkpoint();
  const auto erase = [&](auto work) {
    return store::write_returning<std::int64_t>(*node.store, work).value();
  };
  EXPECT_EQ(erase([](Tx& tx) { return Log::erase_salt(tx, 0, "target/0"); }), 1);
  EXPECT_EQ(salt("target/0").error().code, Code::kNotFound);
  EXPECT_TRUE(salt("reasons"));
  EXPECT_EQ(erase([](Tx& tx) { return Log::erase_salts(tx, 0); }), 2);
  EXPECT_EQ(erase([](Tx& tx) { return Log::erase_salts(tx, 0); }), 0);
  EXPECT_EQ(node.checkpoint(), before);
  EXPECT_TRUE(verify_proof(node.proof(0), made.entry, node.log.note_key().vkey(), {}, 0));
}

}  // namespace
}  // namespace entente::ledger

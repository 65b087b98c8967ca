// SPDX-License-Identifier: Apache-2.0
#include "entente/merkle/tiles.h"

#include <gtest/gtest.h>

#include <map>

namespace entente::merkle {
namespace {

TEST(TilePath, IsSpelledAsTheSpecificationSpellsIt) {
  EXPECT_EQ(tile_path({false, 0, 1234067, 256}), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({false, 0, 67, 256}), "tile/0/067");
  EXPECT_EQ(tile_path({false, 1, 0, 1}), "tile/1/000.p/1");
  EXPECT_EQ(tile_path({true, 0, 273, 112}), "tile/entries/273.p/112");
  EXPECT_EQ(tile_path({false, 63, 1000, 255}), "tile/63/x001/000.p/255");
}

TEST(TilePath, ReadsBackWhatItWrites) {
  for (const std::uint64_t index :
       {0ULL, 1ULL, 999ULL, 1000ULL, 999999ULL, 1000000ULL, 1234567890123ULL})
    for (const unsigned width : {1U, 255U, 256U})
      for (const bool entries : {false, true}) {
        const Tile tile{entries, entries ? 0U : 3U, index, width};
        const auto back = parse_tile_path(tile_path(tile));
        ASSERT_TRUE(back) << tile_path(tile);
        EXPECT_EQ(*back, tile);
      }
}

TEST(TilePath, RefusesEveryOtherSpelling) {
  for (const std::string_view path : {"",
                                      "tile/",
                                      "tile/0",
                                      "tile/0/",
                                      "tile/0/1",
                                      "tile/0/01",
                                      "tile/0/0001",
                                      "tile/00/001",
                                      "tile/64/001",
                                      "tile/-1/001",
                                      "tile/+1/001",
                                      "tile/0/x000/001",
                                      "tile/0/x001",
                                      "tile/0/x001/",
                                      "tile/0/001/002",
                                      "tile/0/x001/x002",
                                      "tile/0/x1/002",
                                      "tile/0/001.p/0",
                                      "tile/0/001.p/256",
                                      "tile/0/001.p/01",
                                      "tile/0/001.p/",
                                      "tile/0/001.p/1/",
                                      "tile/0/001.p",
                                      "tile/0/001/",
                                      "/tile/0/001",
                                      "tile/0/ 01",
                                      "tile/entry/001",
                                      "tile/8/0/001",
                                      "tile/0/001.p/1.p/1",
                                      "tile/0/../001",
                                      "tile/0/x001/../002",
                                      "tile/entries/x001/x234/x567/x890/x123/x456/789"})
    EXPECT_FALSE(parse_tile_path(path)) << path;
}

TEST(Tiles, AllTilesOfATreeAreListed) {
  const auto tiles = tiles_to_write(0, 70000);
  std::map<std::string, int> seen;
  for (const auto& tile : tiles) ++seen[tile_path(tile)];
  EXPECT_EQ(tiles.size(), 274U + 274U + 2U + 1U);
  EXPECT_EQ(seen.size(), tiles.size());
  for (const auto* path : {"tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17",
                           "tile/2/000.p/1", "tile/entries/000", "tile/entries/273.p/112"})
    EXPECT_EQ(seen[path], 1) << path;
}

TEST(Tiles, ATreeOfOneFullTileHasAParentOfWidthOneAndNoEmptyPartial) {
  std::vector<std::string> paths;
  for (const auto& tile : tiles_to_write(0, 256)) paths.push_back(tile_path(tile));
  EXPECT_EQ(paths, (std::vector<std::string>{"tile/entries/000", "tile/0/000", "tile/1/000.p/1"}));
}

TEST(Tiles, GrowthWritesOnlyWhatChanged) {
  std::vector<std::string> paths;
  for (const auto& tile : tiles_to_write(255, 257)) paths.push_back(tile_path(tile));
  EXPECT_EQ(paths, (std::vector<std::string>{"tile/entries/000", "tile/entries/001.p/1",
                                             "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"}));
  EXPECT_TRUE(tiles_to_write(7, 7).empty());
  EXPECT_TRUE(tiles_to_write(8, 7).empty());
}

TEST(Tiles, ExistenceFollowsTheSize) {
  EXPECT_TRUE(tile_exists({false, 0, 273, 112}, 70000));
  EXPECT_TRUE(tile_exists({true, 0, 273, 1}, 70000));
  EXPECT_FALSE(tile_exists({false, 0, 273, 113}, 70000));
  EXPECT_FALSE(tile_exists({false, 0, 273, 256}, 70000));
  EXPECT_FALSE(tile_exists({false, 0, 274, 1}, 70000));
  EXPECT_TRUE(tile_exists({false, 2, 0, 1}, 70000));
  EXPECT_FALSE(tile_exists({false, 3, 0, 1}, 70000));
  EXPECT_FALSE(tile_exists({false, 63, 0, 1}, 70000));
  EXPECT_FALSE(tile_exists({false, 0, 1, 1}, 256));
  EXPECT_FALSE(tile_exists({false, 0, 0, 1}, 0));
  EXPECT_FALSE(tile_exists({false, 0, 0, 0}, 10));
}

class StoredTree {
 public:
  explicit StoredTree(std::uint64_t size) {
    Frontier frontier;
    for (std::uint64_t i = 0; i < size; ++i)
      frontier.append(leaf_hash(as_bytes("entry-" + std::to_string(i))),
                      [this](unsigned level, std::uint64_t index, const Hash256& hash) {
                        nodes_[{level, index}] = hash;
                      });
    root = frontier.root();
    for (const auto& tile : tiles_to_write(0, size))
      if (!tile.entries) tiles[tile_path(tile)] = *encode_tile(tile, nodes());
  }
  HashReader nodes() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash256> {
      return nodes_.at({level, index});
    };
  }
  TileReader stored() const {
    return [this](const Tile& tile) -> Result<Bytes> {
      const auto it = tiles.find(tile_path(tile));
      if (it == tiles.end()) return fail(Code::kNotFound, tile_path(tile));
      return it->second;
    };
  }

  Hash256 root{};
  std::map<std::string, Bytes> tiles;

 private:
  std::map<std::pair<unsigned, std::uint64_t>, Hash256> nodes_;
};

TEST(Tiles, AloneGiveTheRootAndEveryProof) {
  for (const std::uint64_t size : {1U, 2U, 255U, 256U, 257U, 513U, 66000U}) {
    const StoredTree tree(size);
    const HashReader reader = hash_reader(size, tree.stored());
    EXPECT_EQ(*tree_root(size, reader), tree.root) << size;
    for (const std::uint64_t index : {std::uint64_t{0}, size / 3, size / 2, size - 1}) {
      const auto proof = inclusion_proof(size, index, reader);
      ASSERT_TRUE(proof) << size << " " << index;
      EXPECT_EQ(*proof, *inclusion_proof(size, index, tree.nodes())) << size << " " << index;
      const auto growth = consistency_proof(index, size, reader);
      ASSERT_TRUE(growth) << size << " " << index;
      EXPECT_EQ(*growth, *consistency_proof(index, size, tree.nodes()));
    }
  }
}

TEST(Tiles, ADamagedOrMissingTileIsAnErrorNotAProof) {
  StoredTree tree(300);
  tree.tiles["tile/0/000"].pop_back();
  EXPECT_EQ(inclusion_proof(300, 1, hash_reader(300, tree.stored())).error().code, Code::kCorrupt);
  tree.tiles.erase("tile/0/000");
  EXPECT_EQ(inclusion_proof(300, 1, hash_reader(300, tree.stored())).error().code, Code::kNotFound);
  EXPECT_EQ(hash_reader(300, tree.stored())(0, 300).error().code, Code::kInvalid);
  EXPECT_EQ(hash_reader(300, tree.stored())(8, 1).error().code, Code::kInvalid);
}

TEST(Bundle, HoldsEntriesOfEveryLength) {
  const std::vector<Bytes> entries{{}, Bytes{1}, Bytes(kMaxEntryBytes, 7), {}};
  const Bytes bundle = *encode_bundle(entries);
  EXPECT_EQ(*decode_bundle(bundle, 4), entries);
  EXPECT_EQ(to_hex(ByteView(bundle).first(5)), "0000000101");
}

TEST(Bundle, RefusesTooManyTooLongOrNone) {
  EXPECT_FALSE(encode_bundle({}));
  EXPECT_FALSE(encode_bundle(std::vector<Bytes>(257)));
  EXPECT_EQ(encode_bundle(std::vector<Bytes>{Bytes(kMaxEntryBytes + 1)}).error().code,
            Code::kTooLarge);
}

TEST(Bundle, RefusesAnotherWidthTruncationAndTrailingBytes) {
  const Bytes bundle = *encode_bundle(std::vector<Bytes>{Bytes{1, 2, 3}, Bytes{4}});
  EXPECT_FALSE(decode_bundle(bundle, 1));
  EXPECT_FALSE(decode_bundle(bundle, 3));
  EXPECT_FALSE(decode_bundle(bundle, 0));
  EXPECT_FALSE(decode_bundle(bundle, 257));
  for (std::size_t n = 0; n < bundle.size(); ++n)
    EXPECT_FALSE(decode_bundle(ByteView(bundle).first(n), 2)) << n;
}

}  // namespace
}  // namespace entente::merkle

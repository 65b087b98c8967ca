// SPDX-License-Identifier: Apache-2.0
#include "entente/merkle/tree.h"

#include <gtest/gtest.h>

#include <map>

namespace entente::merkle {
namespace {

// A tree that keeps every perfect node.
class Tree {
 public:
  explicit Tree(std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; ++i) append();
  }
  void append() {
    frontier.append(leaf_hash(as_bytes("entry-" + std::to_string(frontier.size()))),
                    [this](unsigned level, std::uint64_t index, const Hash256& hash) {
                      EXPECT_TRUE(nodes.emplace(std::pair(level, index), hash).second);
                    });
  }
  HashReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash256> {
      const auto it = nodes.find({level, index});
      if (it == nodes.end()) return fail(Code::kNotFound, "no such node");
      return it->second;
    };
  }

  Frontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash256> nodes;
};

// The definition itself (RFC 6962 §2.1), to judge the shortcuts by.
Hash256 by_definition(std::uint64_t begin, std::uint64_t end) {
  if (begin == end) return empty_root();
  if (end - begin == 1) return leaf_hash(as_bytes("entry-" + std::to_string(begin)));
  std::uint64_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return node_hash(by_definition(begin, begin + k), by_definition(begin + k, end));
}

std::string hex(const std::vector<Hash256>& hashes) {
  std::string out;
  for (const auto& h : hashes) out += to_hex(h) + "\n";
  return out;
}

constexpr std::uint64_t kExhaustive = 70;

TEST(Tree, HashesLeavesAsTheSpecificationDoes) {
  EXPECT_EQ(to_hex(empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(leaf_hash({})),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(to_hex(leaf_hash(as_bytes("entry-0"))),
            "40766b2033429026f53d54502679a839706b4741f8dcaf3a8bba5f41b5ffe075");
  EXPECT_EQ(to_hex(leaf_hash(as_bytes("entry-1"))),
            "e868811a482c27d50b6d45dde79c465d6adb9b06645100477a90cf3d8518898b");
}

TEST(Tree, HasTheRootsThatAnotherImplementationComputed) {
  const std::map<std::uint64_t, std::string> roots{
      {2, "2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479"},
      {3, "a64bf26e09128f6fe2fe6f8b2d8c801e166b57c047a7cd9b2b809e7a96a2f1cb"},
      {7, "9139601cc1ca8ab2a7a0c2c134c04845f2b1ba549a83d6c845cfcda439cc585d"},
      {8, "dfcc13b9b0ca932c68de3d59eaaa8fe266a9c8091c0300e8405ebfeb0d0e5832"},
      {256, "f85f4ead34080710b4d1e808301543aaab81aa04deb88599350dc26a4f2f58de"},
      {257, "918b1cec64f317c76e3cf55c0536841c039eff06772ebb8828ce7c176028b5ac"}};
  for (const auto& [size, root] : roots)
    EXPECT_EQ(to_hex(Tree(size).frontier.root()), root) << size;
  Frontier big;
  for (int i = 0; i < 70000; ++i) big.append(leaf_hash(as_bytes("entry-" + std::to_string(i))));
  EXPECT_EQ(to_base64(big.root()), "pipUvjMpT/1aXExjf9dUYwtxqJLoNW46Zmpcin/9FRg=");
}

TEST(Tree, GivesTheProofsThatAnotherImplementationComputed) {
  const Tree tree(7);
  const std::string a = "27479b6ab321d2ee477452f68ba527748e863cafe8fbd1df2bf89d1570d1b697\n";
  const std::string root2 = "2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479\n";
  const std::string b = "e429c5b5ccaa9523c37297f1846766f903137e82195c5199e6be57130d1006c8\n";
  EXPECT_EQ(hex(*inclusion_proof(7, 2, tree.reader())), a + root2 + b);
  EXPECT_EQ(hex(*consistency_proof(4, 7, tree.reader())), b);
  EXPECT_EQ(hex(*consistency_proof(3, 7, tree.reader())),
            "049d7dcdb56bcfebd313304c9839f196a3d4b6ef3bdc0b08298f93ac8191f0a8\n" + a + root2 + b);
}

TEST(Tree, AgreesWithTheDefinitionForEverySmallTree) {
  Tree tree(0);
  for (std::uint64_t n = 0; n <= kExhaustive; ++n) {
    const Hash256 root = by_definition(0, n);
    EXPECT_EQ(tree.frontier.root(), root) << n;
    EXPECT_EQ(*tree_root(n, tree.reader()), root) << n;
    EXPECT_EQ(*Frontier::load(n, tree.reader()), tree.frontier) << n;
    tree.append();
  }
}

// Every way in which a valid proof can be bent must be noticed.
template <class Verify>
void expect_only_this_proof(const std::vector<Hash256>& proof, const Verify& accepts) {
  ASSERT_TRUE(accepts(proof));
  for (std::size_t i = 0; i < proof.size(); ++i) {
    auto bent = proof;
    bent[i][i % 32] ^= 1;
    EXPECT_FALSE(accepts(bent)) << "flipped bit in hash " << i;
    auto shorter = proof;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(accepts(shorter)) << "without hash " << i;
  }
  auto longer = proof;
  longer.push_back(Hash256{});
  EXPECT_FALSE(accepts(longer));
  longer.back() = proof.empty() ? empty_root() : proof.back();
  EXPECT_FALSE(accepts(longer));
}

TEST(Inclusion, EveryLeafOfEverySmallTreeIsProvenAndNothingElse) {
  const Tree tree(kExhaustive);
  for (std::uint64_t n = 1; n <= kExhaustive; ++n) {
    const Hash256 root = *tree_root(n, tree.reader());
    for (std::uint64_t i = 0; i < n; ++i) {
      const Hash256 leaf = tree.nodes.at({0, i});
      const auto proof = *inclusion_proof(n, i, tree.reader());
      expect_only_this_proof(proof, [&](const std::vector<Hash256>& p) {
        return verify_inclusion(n, i, leaf, p, root).has_value();
      });
      for (std::uint64_t j = 0; j < n; ++j) {
        if (j != i) {
          EXPECT_FALSE(verify_inclusion(n, j, leaf, proof, root)) << n << " " << i << " " << j;
        }
      }
      EXPECT_FALSE(verify_inclusion(n, i, leaf_hash(as_bytes("forged")), proof, root));
      EXPECT_FALSE(verify_inclusion(n, i, leaf, proof, leaf_hash(as_bytes("other"))));
    }
  }
}

TEST(Consistency, EveryPairOfSmallTreesIsProvenAndNothingElse) {
  const Tree tree(kExhaustive);
  for (std::uint64_t n = 1; n <= kExhaustive; ++n) {
    const Hash256 root = *tree_root(n, tree.reader());
    for (std::uint64_t m = 0; m <= n; ++m) {
      const Hash256 old_root = *tree_root(m, tree.reader());
      const auto proof = *consistency_proof(m, n, tree.reader());
      expect_only_this_proof(proof, [&](const std::vector<Hash256>& p) {
        return verify_consistency(m, n, old_root, root, p).has_value();
      });
      const Hash256 other = leaf_hash(as_bytes("fork"));
      EXPECT_FALSE(verify_consistency(m, n, other, root, proof)) << m << " " << n;
      if (m > 0) {
        EXPECT_FALSE(verify_consistency(m, n, old_root, other, proof)) << m << " " << n;
      }
    }
  }
}

TEST(Inclusion, RefusesAnIndexOutsideTheTree) {
  const Tree tree(3);
  EXPECT_FALSE(inclusion_proof(3, 3, tree.reader()));
  EXPECT_FALSE(inclusion_proof(0, 0, tree.reader()));
  EXPECT_FALSE(verify_inclusion(0, 0, {}, {}, {}));
  EXPECT_FALSE(verify_inclusion(3, 3, {}, {}, {}));
  EXPECT_FALSE(verify_inclusion(~std::uint64_t{0}, 1, {}, {}, {}));
}

TEST(Consistency, RefusesATreeThatShrank) {
  const Tree tree(5);
  EXPECT_EQ(consistency_proof(5, 4, tree.reader()).error().code, Code::kInvalid);
  EXPECT_EQ(verify_consistency(5, 4, {}, {}, {}).error().code, Code::kInvalid);
}

TEST(Tree, PassesOnAReadersFailure) {
  const Tree tree(6);
  EXPECT_EQ(inclusion_proof(7, 0, tree.reader()).error().code, Code::kNotFound);
  EXPECT_EQ(tree_root(8, tree.reader()).error().code, Code::kNotFound);
  EXPECT_EQ(Frontier::load(8, tree.reader()).error().code, Code::kNotFound);
}

TEST(Frontier, ResumesFromItsBytes) {
  for (const std::uint64_t n : {0U, 1U, 2U, 3U, 64U, 69U}) {
    Frontier original = Tree(n).frontier;
    Frontier resumed = *Frontier::deserialise(original.serialise());
    EXPECT_EQ(resumed, original);
    original.append(leaf_hash(as_bytes("next")));
    resumed.append(leaf_hash(as_bytes("next")));
    EXPECT_EQ(resumed.root(), original.root());
  }
}

TEST(Frontier, RefusesBytesOfAnotherLength) {
  const Bytes whole = Tree(7).frontier.serialise();
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(Frontier::deserialise(ByteView(whole).first(n))) << n;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(Frontier::deserialise(longer));
  Bytes huge(8 + 64 * 32, 0xff);
  EXPECT_FALSE(Frontier::deserialise(huge));
}

}  // namespace
}  // namespace entente::merkle

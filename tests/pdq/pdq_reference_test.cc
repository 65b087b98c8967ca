// SPDX-License-Identifier: Apache-2.0
//
// Full-resolution PDQ, bit for bit as the reference computes it, on real photographs: decoded and
// hashed in the sandbox, as a node does it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "entente/fingerprint/pdq.h"
#include "entente/media/decode.h"
#include "entente/media/sandbox.h"

namespace entente {
namespace {

namespace fs = std::filesystem;

struct Reference {
  std::string file;
  std::string hash;
  int quality = 0;
};

// Debian package mate-backgrounds 1.26.0-1; values of the reference.
const fs::path kDebianFolder = "/usr/share/backgrounds/mate/nature";
const std::vector<Reference> kDebianPhotographs{
    {"Garden.jpg", "4c9a21b23763d6339bf2ba66cd89c6d974669983b3184c1788e6346cb70f49bc", 100},
    {"Dune.jpg", "3774e4c9299662a495592839ca3237c57c7bd1d52faa7075d1eaf819a2b415e2", 100},
    {"Wood.jpg", "3b75994e44aaaad43a51916ac6a77a95bd4a62ad15e58033f8ab0fb9d05427ec", 100},
    {"Aqua.jpg", "6d9bd24cada64a4b90a6694b32cbd92526dbb267c9b7624993276cdb122692ae", 100},
    {"GreenMeadow.jpg", "24da6ce6f1733b1fa7a7dea6d08274b00f1bf03257d1a922968309b9e09eaa9c", 100},
    {"RainDrops.jpg", "719f719da79b241f741bba33f03790f716c6680f925b00fcb7bc5a6c1492d240", 100},
    {"Blinds.jpg", "9747cfd322004200ebf2ffff7fef076d07e485a8c410636c3364913e5a904adb", 100},
    {"FreshFlower.jpg", "fdeee3d30e38c9f639490f173a681b3f84023f89e3dece230a137009f0169937", 100},
    {"LadyBird.jpg", "6269a9551dbd6a707d4a9b252ad58bc4d269b455f10dcc7735d553b82de2108b", 100},
    {"YellowFlower.jpg", "6dc2a439071975de3a792386cadb789c04878ce1c633661d71e339a7bca5a68e", 100},
};

Result<std::string> hash_job(const media::Image& image) {
  ENTENTE_TRY(pdq, fingerprint::pdq_from_rgb(image.rgb, image.width, image.height));
  return pdq.hash.hex() + " " + std::to_string(pdq.quality);
}

Bytes read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void expect_references(const fs::path& folder, const std::vector<Reference>& references) {
  // A sanitizer asks the system for a pipe at the first virtual call of each kind, which a confined
  // worker may not do; the workers inherit what it learns here.
  ASSERT_TRUE(media::decode(read_file(folder / references[0].file)).has_value());
  const auto pool = media::DecoderPool::create({.time_limit = std::chrono::seconds{60}}, hash_job);
  ASSERT_TRUE(pool.has_value()) << to_string(pool.error());
  for (const Reference& reference : references) {
    const auto answer = (*pool)->run(read_file(folder / reference.file));
    ASSERT_TRUE(answer.has_value()) << reference.file << ": " << to_string(answer.error());
    EXPECT_EQ(*answer, reference.hash + " " + std::to_string(reference.quality)) << reference.file;
  }
}

TEST(PdqReference, TheDebianPhotographsHashAsTheReferenceSays) {
  for (const Reference& photograph : kDebianPhotographs) {
    ASSERT_TRUE(fs::exists(kDebianFolder / photograph.file))
        << photograph.file << " is missing: run scripts/build, or apt-get install mate-backgrounds";
  }
  expect_references(kDebianFolder, kDebianPhotographs);
}

TEST(PdqReference, ThePublishedExamplesHashAsTheReferenceSays) {
  const fs::path folder = fs::path(ENTENTE_SHARED_DIR) / "data/pdq";
  if (!fs::exists(folder)) {
    GTEST_SKIP() << "the 20 published PDQ examples are not beside this checkout: not compared";
  }
  std::ifstream table(folder / "expected.tsv");
  std::vector<Reference> references;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    Reference reference;
    std::istringstream(line) >> reference.file >> reference.hash >> reference.quality;
    references.push_back(reference);
  }
  ASSERT_EQ(references.size(), 20U);
  expect_references(folder, references);
}

}  // namespace
}  // namespace entente

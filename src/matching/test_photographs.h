// SPDX-License-Identifier: Apache-2.0
//
// For the tests of this folder: pictures with the statistics of photographs, made on the spot, the
// things people do to a picture before they post it again, and a store with a matcher over it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/matching/matcher.h"
#include "entente/matching/tokens.h"
#include "entente/matching/uploads.h"
#include "entente/media/decode.h"

namespace entente::matching {

// Clouds of noise over seven octaves (power falls with frequency, as in nature) and a few solid
// shapes.
media::Image photograph(std::uint64_t seed, int width = 640, int height = 480);
Bytes as_jpeg(const media::Image& image, int quality);
// Every 2×2 pixels become one.
media::Image halved(const media::Image& image);
// Warmer and a little brighter.
media::Image recoloured(const media::Image& image);
// What a repost looks like: half the size, warmer, JPEG at quality 60.
Bytes reposted(const media::Image& image);
Bytes read_file(const std::filesystem::path& path);

// One pool for the whole test program: made before any store starts threads.
media::DecoderPool& test_pool();

// A new database with the schema, a clock and one bank, "terrorist-content".
struct TestHouse {
  TestHouse();
  media::DecoderPool& pool = test_pool();
  sqlite::TestFolder folder;
  std::unique_ptr<sqlite::SqliteStore> store;
  Banks banks;
  Instant now = instant_from_ms(1'800'000'000'000);
  FakeClock clock{now};

  std::unique_ptr<Matcher> load(const std::filesystem::path& snapshot = {}) const;
  NewEntry entry(const fingerprint::Pdq& pdq, std::string act = "act-1",
                 std::string step = "step-1") const;
  Result<EntryId> add(const NewEntry& entry);
  std::vector<EntryId> tombstone(const std::string& act, const std::string& step);
};

// A hash of this test's own: `seed` in every word, far from another seed's.
fingerprint::Pdq some_pdq(std::uint64_t seed);

}  // namespace entente::matching

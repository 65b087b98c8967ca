// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/snapshot.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "entente/core/test_folder.h"
#include "entente/hamming/crc32c.h"
#include "entente/hamming/snapshot_format.h"
#include "entente/hamming/testing.h"

namespace entente::hamming {
namespace {

namespace fs = std::filesystem;

class Snapshot : public testing::Test {
 protected:
  // Three segments' worth of entries, some removed, some still in the tail.
  void fill(Index& index, std::size_t n) {
    for (const Pdq& hash : hashes_of(Spread::kChains, n, rng_)) {
      const std::uint64_t id = next_id_++;
      index.add(id, hash);
      rows_[id] = hash;
      if (id % 5 == 0) {
        index.remove(id);
        rows_.erase(id);
      }
      if (id == n / 2) index.settle();
    }
  }
  void expect_same(const Index& index) {
    ASSERT_EQ(index.size(), rows_.size());
    for (int i = 0; i < 20; ++i) {
      const Pdq query = flip_bits(rows_.lower_bound(rng_() % next_id_)->second, 9, rng_);
      ASSERT_EQ(index.search(query, 31).value(), naive_search(rows_, query, 31));
    }
  }
  Bytes read() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void write(ByteView bytes) const {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  static Result<Loaded> parse(ByteView bytes) {
    const auto memory = Memory::allocate(bytes.size());
    std::memcpy(memory->data(), bytes.data(), bytes.size());
    return parse_snapshot(memory);
  }
  // A forger's: checksums that agree with whatever the bytes now say.
  static void reseal(Bytes& bytes) {
    Header header;
    std::memcpy(static_cast<void*>(&header), bytes.data(), kPage);
    if (header.checks <= bytes.size() && header.checks >= kPage) {
      const ByteView body = ByteView(bytes).subspan(kPage, header.checks - kPage);
      std::vector<std::uint32_t> checks;
      for (std::size_t at = 0; at < body.size(); at += kChecked)
        checks.push_back(crc32c(body.subspan(at, std::min(kChecked, body.size() - at))));
      const ByteView view(reinterpret_cast<const std::uint8_t*>(checks.data()), 4 * checks.size());
      if (view.size() <= bytes.size() - header.checks)
        std::memcpy(bytes.data() + header.checks, view.data(), view.size());
      header.checks_crc = crc32c(view);
    }
    std::memcpy(bytes.data(), &header, kPage);
    header.crc = crc32c(ByteView(bytes).first(offsetof(Header, crc)));
    std::memcpy(bytes.data(), &header, kPage);
  }
  static Options by_hand() {
    Options options;
    options.own_thread = false;
    return options;
  }

  Rng rng_{20261122};
  Rows rows_;
  std::uint64_t next_id_ = 0;
  TestFolder folder_;
  fs::path path_ = folder_ / "bank.snapshot";
};

TEST_F(Snapshot, ComesBackWithItsWatermarkAndGoesOnFromThere) {
  Index index(by_hand());
  fill(index, 12'000);
  ASSERT_TRUE(index.save(path_, 77));
  auto opened = Index::open(path_, by_hand());
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(opened->watermark, 77U);
  expect_same(opened->index);
  const std::uint64_t gone = rows_.begin()->first;
  EXPECT_TRUE(opened->index.remove(gone));
  rows_.erase(gone);
  fill(opened->index, 3'000);
  expect_same(opened->index);
  opened->index.settle();
  expect_same(opened->index);
  // Over the file that is still mapped.
  ASSERT_TRUE(opened->index.save(path_, 78));
  expect_same(opened->index);
  auto again = Index::open(path_, by_hand());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->watermark, 78U);
  expect_same(again->index);
}

TEST_F(Snapshot, OfAnEmptyIndexIsOne) {
  ASSERT_TRUE(Index(by_hand()).save(path_, 0));
  const auto opened = Index::open(path_, by_hand());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->index.size(), 0U);
}

TEST_F(Snapshot, IsNotFoundWhereThereIsNoneAndRefusedWhereSomethingElseIs) {
  EXPECT_EQ(Index::open(path_).error().code, Code::kNotFound);
  EXPECT_EQ(Index::open(folder_.path()).error().code, Code::kUnsupported);
  write(Bytes(100));
  EXPECT_EQ(Index::open(path_).error().code, Code::kCorrupt);
  write(Bytes(10'000, 'x'));
  EXPECT_EQ(Index::open(path_).error().code, Code::kUnsupported);
}

TEST_F(Snapshot, IsRefusedCutAtAnyLengthOrGrown) {
  Index index(by_hand());
  fill(index, 500);
  ASSERT_TRUE(index.save(path_, 1));
  Bytes bytes = read();
  for (std::size_t size = 0; size < bytes.size(); size += 1 + rng_() % 997)
    EXPECT_FALSE(parse(ByteView(bytes).first(size))) << size;
  EXPECT_FALSE(parse(ByteView(bytes).first(bytes.size() - 1)));
  bytes.push_back(0);
  EXPECT_FALSE(parse(bytes));
}

TEST_F(Snapshot, IsRefusedWithAnyByteOfItsHeaderChanged) {
  Index index(by_hand());
  fill(index, 500);
  ASSERT_TRUE(index.save(path_, 1));
  Bytes bytes = read();
  for (std::size_t at = 0; at < kPage; ++at) {
    const auto before = bytes[at];
    bytes[at] = static_cast<std::uint8_t>(before + 1 + rng_() % 255);
    const auto parsed = parse(bytes);
    ASSERT_FALSE(parsed) << at;
    EXPECT_TRUE(parsed.error().code == Code::kCorrupt || parsed.error().code == Code::kUnsupported);
    bytes[at] = before;
  }
  EXPECT_TRUE(parse(bytes));
}

TEST_F(Snapshot, IsRefusedWithAnyOtherByteChanged) {
  Index index(by_hand());
  fill(index, 500);
  ASSERT_TRUE(index.save(path_, 1));
  Bytes bytes = read();
  for (int i = 0; i < 300; ++i) {
    const std::size_t at = kPage + rng_() % (bytes.size() - kPage);
    bytes[at] ^= static_cast<std::uint8_t>(1U << (rng_() % 8));
    const auto parsed = parse(bytes);
    ASSERT_FALSE(parsed) << at;
    EXPECT_EQ(parsed.error().code, Code::kCorrupt);
    bytes[at] = read()[at];
  }
}

// Whatever a forger writes, opening refuses it or searches stay inside the file: the address
// sanitizer watches.
TEST_F(Snapshot, ForgedWithRightChecksumsIsRefusedOrHarmless) {
  Index index(by_hand());
  fill(index, 3'000);
  index.settle();
  fill(index, 300);
  ASSERT_TRUE(index.save(path_, 1));
  const Bytes whole = read();
  int searched = 0;
  for (int round = 0; round < 300; ++round) {
    Bytes bytes = whole;
    const int changes = 1 + static_cast<int>(rng_() % 4);
    for (int i = 0; i < changes; ++i) {
      // Half of them in the header's fields, half in the parts.
      const std::size_t at =
          round % 2 == 0 ? 16 + rng_() % 300 : kPage + rng_() % (bytes.size() - kPage);
      bytes[at] = rng_() % 2 == 0 ? 0xff : static_cast<std::uint8_t>(rng_());
    }
    reseal(bytes);
    const auto parsed = parse(bytes);
    if (!parsed) continue;
    ++searched;
    std::vector<Hit> hits;
    for (const auto& segment : parsed->segments) {
      for (const int radius : {0, 31, 60, 200})
        segment->search(random_hash(rng_), radius, kernels_for(best_cpu()), hits);
      segment->find(rng_() % 4000);
    }
  }
  EXPECT_GT(searched, 10);
}

TEST_F(Snapshot, ARowNumberBeyondTheLastRowIsPassedOver) {
  Index index(by_hand());
  fill(index, 3'000);
  index.settle();
  ASSERT_TRUE(index.save(path_, 1));
  Bytes bytes = read();
  Header header;
  std::memcpy(static_cast<void*>(&header), bytes.data(), kPage);
  ASSERT_EQ(header.segments, 1U);
  const SegmentRecord& record = header.segment[0];
  ASSERT_GT(record.bands, 1);
  // Every row number the segment stores becomes the largest there is.
  Shape shape{record.rows, record.distinct, record.id_base, record.id_bytes, record.row_bytes, {},
              {}};
  unsigned offset = 0;
  for (std::size_t i = 0; i < record.bands; ++i) {
    shape.plan.push_back({static_cast<std::uint16_t>(offset), record.widths[i], record.groups[i],
                          record.lines[i] != 0});
    shape.lines.push_back(record.lines[i]);
    offset += record.widths[i];
  }
  const Layout layout = layout_of(shape);
  const auto overwrite = [&](std::size_t at, std::size_t size) {
    std::memset(bytes.data() + record.block + at, 0xff, size);
  };
  overwrite(layout.by_id, record.rows * record.row_bytes);
  for (std::size_t i = 1; i < layout.bands.size(); ++i)
    overwrite(layout.bands[i].rows, layout.bands[i].entries * record.row_bytes);
  reseal(bytes);
  const auto parsed = parse(bytes);
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  for (const auto& [id, hash] : rows_) {
    std::vector<Hit> hits;
    parsed->segments[0]->search(hash, 20, kernels_for(best_cpu()), hits);
    EXPECT_FALSE(parsed->segments[0]->find(id).has_value());
  }
}

TEST_F(Snapshot, ACrashBeforeTheRenameLeavesTheOldOne) {
  Index index(by_hand());
  fill(index, 300);
  ASSERT_TRUE(index.save(path_, 1));
  // What a killed process leaves: half of a newer snapshot beside it.
  std::ofstream(path_.string() + ".tmp", std::ios::binary) << "half of";
  auto opened = Index::open(path_, by_hand());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->watermark, 1U);
  expect_same(opened->index);
  ASSERT_TRUE(index.save(path_, 2));
  EXPECT_EQ(Index::open(path_, by_hand())->watermark, 2U);
  EXPECT_FALSE(fs::exists(path_.string() + ".tmp"));
}

TEST_F(Snapshot, CannotBeSavedWhereThereIsNoFolder) {
  const Index index(by_hand());
  EXPECT_FALSE(index.save(folder_ / "none" / "bank", 1));
}

}  // namespace
}  // namespace entente::hamming

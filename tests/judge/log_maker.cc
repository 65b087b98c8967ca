// SPDX-License-Identifier: Apache-2.0
//
// Writes a whole log with our own code, for the judge to audit; and damages files, for it to
// notice.
//
//   log_maker make DIR SIZE     entries entry-0 … ; DIR/log is the log, beside it what a test needs
//   to question it:
//                               log.vkey, witness.vkey, old (size and root), leaf,
//                               receipt.tlog-proof
//   log_maker flip FILE OFFSET  flips the lowest bit of one byte; a negative offset counts from the
//   end
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "entente/crypto/note.h"
#include "entente/merkle/tiles.h"

namespace entente {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOrigin = "log.entente.example/removals";
constexpr std::string_view kWitness = "witness.example/w1";
constexpr std::uint64_t kCosignedAt = 1700000000;

void write(const fs::path& path, ByteView bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
  check(out.good(), "cannot write " + path.string());
}

Bytes read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), "cannot read " + path.string());
  return to_bytes(std::string(std::istreambuf_iterator<char>(in), {}));
}

// The keys of the published vectors: seeds 00..1f and 20..3f.
Result<crypto::PrivateKey> seeded_from(std::uint8_t first) {
  Bytes seed;
  for (std::uint8_t i = 0; i < crypto::kSeedBytes; ++i)
    seed.push_back(static_cast<std::uint8_t>(first + i));
  return crypto::PrivateKey::from_seed(seed);
}

Bytes entry(std::uint64_t index) {
  return to_bytes("entry-" + std::to_string(index));
}

struct Log {
  merkle::Frontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash256> nodes;

  merkle::HashReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Hash256> {
      const auto it = nodes.find({level, index});
      if (it == nodes.end()) return fail(Code::kNotFound, "no such node");
      return it->second;
    };
  }
};

Result<void> write_tiles(const fs::path& folder, const Log& log) {
  const std::uint64_t size = log.frontier.size();
  // By the published tiles alone, as a server would: the proofs below are made from what is on
  // disk.
  for (const auto& tile : merkle::tiles_to_write(0, size)) {
    Bytes bytes;
    if (tile.entries) {
      std::vector<Bytes> entries;
      for (unsigned i = 0; i < tile.width; ++i)
        entries.push_back(entry(tile.index * merkle::kTileWidth + i));
      ENTENTE_TRY(bundle, merkle::encode_bundle(entries));
      bytes = std::move(bundle);
    } else {
      ENTENTE_TRY(hashes, merkle::encode_tile(tile, log.reader()));
      bytes = std::move(hashes);
    }
    write(folder / merkle::tile_path(tile), bytes);
  }
  return {};
}

Result<void> make(const fs::path& folder, std::uint64_t size) {
  Log log;
  const auto keep = [&log](unsigned level, std::uint64_t index, const Hash256& hash) {
    log.nodes[{level, index}] = hash;
  };
  for (std::uint64_t i = 0; i < size; ++i) log.frontier.append(merkle::leaf_hash(entry(i)), keep);
  ENTENTE_CHECK_OK(write_tiles(folder / "log", log));

  ENTENTE_TRY(log_key, seeded_from(0));
  ENTENTE_TRY(witness_key, seeded_from(0x20));
  const std::string body =
      merkle::format_checkpoint({std::string(kOrigin), size, log.frontier.root()});
  ENTENTE_TRY(note, crypto::sign_note(body, kOrigin, log_key));
  ENTENTE_TRY(cosignature, crypto::cosign_note(body, kWitness, witness_key, kCosignedAt));
  write(folder / "log/checkpoint", as_bytes(note + cosignature));

  using crypto::NoteAlgorithm;
  using crypto::NoteKey;
  ENTENTE_TRY(log_vkey, NoteKey::make(kOrigin, NoteAlgorithm::kEd25519, log_key.public_key()));
  ENTENTE_TRY(witness_vkey,
              NoteKey::make(kWitness, NoteAlgorithm::kCosignatureV1, witness_key.public_key()));
  write(folder / "log.vkey", as_bytes(log_vkey.vkey()));
  write(folder / "witness.vkey", as_bytes(witness_vkey.vkey()));

  const auto stored =
      merkle::hash_reader(size, [&folder](const merkle::Tile& tile) -> Result<Bytes> {
        return read(folder / "log" / merkle::tile_path(tile));
      });
  const std::uint64_t index = size / 2;
  ENTENTE_TRY(old_root, merkle::tree_root(index, stored));
  write(folder / "old", as_bytes(std::to_string(index) + " " + to_base64(old_root)));
  ENTENTE_TRY(hashes, merkle::inclusion_proof(size, index, stored));
  write(folder / "leaf", entry(index));
  write(folder / "receipt.tlog-proof",
        as_bytes(merkle::format_tlog_proof({{}, index, hashes, note + cosignature})));
  return {};
}

void flip(const fs::path& path, std::int64_t offset) {
  Bytes bytes = read(path);
  if (offset < 0) offset += static_cast<std::int64_t>(bytes.size());
  check(offset >= 0 && offset < static_cast<std::int64_t>(bytes.size()), "no such byte");
  bytes[static_cast<std::size_t>(offset)] ^= 1;
  write(path, bytes);
}

int run(const std::vector<std::string>& args) {
  std::int64_t number = 0;
  if (args.size() == 3) {
    const char* end = args[2].data() + args[2].size();
    const auto parsed = std::from_chars(args[2].data(), end, number);
    if (parsed.ec == std::errc{} && parsed.ptr == end) {
      if (args[0] == "flip") {
        flip(args[1], number);
        return 0;
      }
      if (args[0] == "make" && number > 0) {
        const auto made = make(args[1], static_cast<std::uint64_t>(number));
        if (made) return 0;
        std::fprintf(stderr, "%s\n", to_string(made.error()).c_str());
        return 1;
      }
    }
  }
  std::fprintf(stderr, "log_maker make DIR SIZE | flip FILE OFFSET\n");
  return 2;
}

}  // namespace
}  // namespace entente

int main(int argc, char** argv) {
  return entente::run({argv + 1, argv + argc});
}

// SPDX-License-Identifier: Apache-2.0
#include "entente/merkle/tree.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <memory>

namespace entente::merkle {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// A tree is millions of 65-byte hashes: looking the algorithm up and allocating a context for each
// would cost more than hashing. The algorithm is immutable, and never freed because other threads
// may outlive main; each thread has a context of its own.
Hash256 sha256(std::initializer_list<ByteView> parts) {
  static EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> kContext(EVP_MD_CTX_new());
  Hash256 out{};
  bool ok = EVP_DigestInit_ex2(kContext.get(), kAlgorithm, nullptr) == 1;
  for (const ByteView part : parts)
    ok = ok && EVP_DigestUpdate(kContext.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(kContext.get(), out.data(), nullptr) == 1;
  check(ok, "SHA-256 failed");
  return out;
}

// Prefixes keep a leaf from passing for a node (RFC 6962 §2.1).
constexpr std::array<std::uint8_t, 1> kLeafPrefix{0};
constexpr std::array<std::uint8_t, 1> kNodePrefix{1};

// Largest power of two below n, for n > 1.
std::uint64_t split(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

// The perfect subtrees of [begin, end), from left to right, where begin is a multiple of the
// largest one.
Result<std::vector<Hash256>> peaks_of(std::uint64_t begin, std::uint64_t end,
                                      const HashReader& reader) {
  std::vector<Hash256> out;
  while (begin < end) {
    const auto level = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
    ENTENTE_TRY(hash, reader(level, begin >> level));
    out.push_back(hash);
    begin += std::uint64_t{1} << level;
  }
  return out;
}

Hash256 fold(std::span<const Hash256> peaks) {
  if (peaks.empty()) return empty_root();
  Hash256 out = peaks.back();
  for (std::size_t i = peaks.size() - 1; i-- > 0;) out = node_hash(peaks[i], out);
  return out;
}

Result<Hash256> range_root(std::uint64_t begin, std::uint64_t end, const HashReader& reader) {
  ENTENTE_TRY(peaks, peaks_of(begin, end, reader));
  return fold(peaks);
}

Result<void> check_size(std::uint64_t size) {
  if (size > kMaxTreeSize) return fail(Code::kInvalid, "a tree larger than any log");
  return {};
}

}  // namespace

Hash256 leaf_hash(ByteView entry) {
  return sha256({kLeafPrefix, entry});
}

Hash256 node_hash(const Hash256& left, const Hash256& right) {
  return sha256({kNodePrefix, left, right});
}

Hash256 empty_root() {
  return sha256({});
}

Result<Frontier> Frontier::load(std::uint64_t size, const HashReader& reader) {
  ENTENTE_CHECK_OK(check_size(size));
  Frontier out;
  ENTENTE_TRY(peaks, peaks_of(0, size, reader));
  out.size_ = size;
  out.peaks_ = std::move(peaks);
  return out;
}

void Frontier::append(const Hash256& leaf, const NodeSink& sink) {
  check(size_ < kMaxTreeSize, "a log has grown beyond every bound");
  Hash256 hash = leaf;
  unsigned level = 0;
  std::uint64_t index = size_;
  if (sink) sink(level, index, hash);
  while ((index & 1) != 0) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
    ++level;
    index >>= 1;
    if (sink) sink(level, index, hash);
  }
  peaks_.push_back(hash);
  ++size_;
}

Hash256 Frontier::root() const {
  return fold(peaks_);
}

Bytes Frontier::serialise() const {
  Bytes out;
  out.reserve(8 + peaks_.size() * 32);
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(size_ >> shift));
  for (const auto& peak : peaks_) out.insert(out.end(), peak.begin(), peak.end());
  return out;
}

Result<Frontier> Frontier::deserialise(ByteView bytes) {
  if (bytes.size() < 8) return fail(Code::kCorrupt, "a frontier without its size");
  Frontier out;
  for (std::size_t i = 0; i < 8; ++i) out.size_ = out.size_ << 8 | bytes[i];
  ENTENTE_CHECK_OK(check_size(out.size_));
  const auto peaks = static_cast<std::size_t>(std::popcount(out.size_));
  if (bytes.size() != 8 + peaks * 32)
    return fail(Code::kCorrupt, "a frontier with another number of hashes than its size has");
  out.peaks_.resize(peaks);
  for (std::size_t i = 0; i < peaks; ++i)
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(8 + i * 32), 32, out.peaks_[i].begin());
  return out;
}

Result<Hash256> tree_root(std::uint64_t size, const HashReader& reader) {
  ENTENTE_CHECK_OK(check_size(size));
  return range_root(0, size, reader);
}

Result<std::vector<Hash256>> inclusion_proof(std::uint64_t size, std::uint64_t index,
                                             const HashReader& reader) {
  ENTENTE_CHECK_OK(check_size(size));
  if (index >= size) return fail(Code::kInvalid, "an index outside the tree");
  std::vector<Hash256> proof;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + split(end - begin);
    const bool left = index < middle;
    ENTENTE_TRY(sibling,
                left ? range_root(middle, end, reader) : range_root(begin, middle, reader));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<std::vector<Hash256>> consistency_proof(std::uint64_t old_size, std::uint64_t size,
                                               const HashReader& reader) {
  ENTENTE_CHECK_OK(check_size(size));
  if (old_size > size) return fail(Code::kInvalid, "an older tree larger than the newer one");
  std::vector<Hash256> proof;
  if (old_size == 0 || old_size == size) return proof;
  // SUBPROOF of RFC 6962 §2.1.2, downwards: [begin, end) always holds the old tree's right edge.
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (old_size != end) {
    const std::uint64_t middle = begin + split(end - begin);
    const bool left = old_size <= middle;
    ENTENTE_TRY(sibling,
                left ? range_root(middle, end, reader) : range_root(begin, middle, reader));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  // A perfect old tree is its own last step: the verifier has its root.
  if (begin != 0) {
    ENTENTE_TRY(last, range_root(begin, end, reader));
    proof.push_back(last);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<void> verify_inclusion(std::uint64_t size, std::uint64_t index, const Hash256& leaf,
                              std::span<const Hash256> proof, const Hash256& root) {
  ENTENTE_CHECK_OK(check_size(size));
  if (index >= size) return fail(Code::kInvalid, "an index outside the tree");
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  Hash256 r = leaf;
  for (const Hash256& p : proof) {
    if (sn == 0) return fail(Code::kCorrupt, "an inclusion proof that is too long");
    if ((fn & 1) != 0 || fn == sn) {
      r = node_hash(p, r);
      while (fn != 0 && (fn & 1) == 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = node_hash(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return fail(Code::kCorrupt, "an inclusion proof that is too short");
  if (r != root) return fail(Code::kCorrupt, "an inclusion proof that leads to another root");
  return {};
}

Result<void> verify_consistency(std::uint64_t old_size, std::uint64_t size, const Hash256& old_root,
                                const Hash256& root, std::span<const Hash256> proof) {
  ENTENTE_CHECK_OK(check_size(size));
  if (old_size > size) return fail(Code::kInvalid, "an older tree larger than the newer one");
  if (old_size == 0 || old_size == size) {
    if (!proof.empty()) return fail(Code::kCorrupt, "a consistency proof where none is needed");
    if (old_root != (old_size == 0 ? empty_root() : root))
      return fail(Code::kCorrupt, "two roots for one tree size");
    return {};
  }
  const bool perfect = std::has_single_bit(old_size);
  if (!perfect && proof.empty()) return fail(Code::kCorrupt, "a consistency proof is missing");
  Hash256 fr = perfect ? old_root : proof.front();
  Hash256 sr = fr;
  std::uint64_t fn = old_size - 1;
  std::uint64_t sn = size - 1;
  while ((fn & 1) != 0) {
    fn >>= 1;
    sn >>= 1;
  }
  for (const Hash256& c : proof.subspan(perfect ? 0 : 1)) {
    if (sn == 0) return fail(Code::kCorrupt, "a consistency proof that is too long");
    if ((fn & 1) != 0 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      while (fn != 0 && (fn & 1) == 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = node_hash(sr, c);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return fail(Code::kCorrupt, "a consistency proof that is too short");
  if (fr != old_root) return fail(Code::kCorrupt, "a consistency proof of another older tree");
  if (sr != root) return fail(Code::kCorrupt, "a consistency proof of another newer tree");
  return {};
}

}  // namespace entente::merkle

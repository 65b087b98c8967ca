// SPDX-License-Identifier: Apache-2.0
#include <sodium.h>

#include <algorithm>

#include "entente/crypto/age_format.h"

namespace entente::crypto {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;
constexpr std::size_t kTagBytes = crypto_aead_chacha20poly1305_ietf_ABYTES;
constexpr std::size_t kPayloadNonceBytes = 16;

// The nonce of a chunk: an 11-byte big-endian counter, then 1 for the last chunk. 2^64 chunks
// outlive us all.
std::array<std::uint8_t, 12> chunk_nonce(std::uint64_t counter, bool last) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::uint8_t>(counter >> (8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

// Gives chunks of `size` bytes, the last one shorter or just as long, and says which is the last.
class ChunkReader {
 public:
  ChunkReader(const AgeSource& source, std::size_t size)
      : source_(source), current_(size), next_(size) {}

  Result<void> start() {
    ENTENTE_TRY(n, source_(next_));
    next_size_ = n;
    return {};
  }
  Result<ByteView> take() {
    std::swap(current_, next_);
    const std::size_t size = next_size_;
    next_size_ = 0;
    // Only a full chunk can have a follower.
    if (size == current_.size()) ENTENTE_CHECK_OK(start());
    return ByteView(current_).first(size);
  }
  bool ended() const { return next_size_ == 0; }

 private:
  const AgeSource& source_;
  Bytes current_;
  Bytes next_;
  std::size_t next_size_ = 0;
};

}  // namespace

Result<void> age_seal_payload(const AgeFileKey& file_key, const AgeSource& plain,
                              const AgeSink& file, Random& random) {
  std::array<std::uint8_t, kPayloadNonceBytes> nonce{};
  random.fill(nonce);
  ENTENTE_CHECK_OK(file(nonce));
  const AgeKey key = age_hkdf(file_key.bytes, nonce, "payload");
  ChunkReader reader(plain, kChunkBytes);
  ENTENTE_CHECK_OK(reader.start());
  Bytes sealed(kChunkBytes + kTagBytes);
  bool last = false;
  for (std::uint64_t counter = 0; !last; ++counter) {
    ENTENTE_TRY(chunk, reader.take());
    last = reader.ended();
    const auto chunk_n = chunk_nonce(counter, last);
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, chunk.data(), chunk.size(),
                                              nullptr, 0, nullptr, chunk_n.data(),
                                              key.bytes.data());
    ENTENTE_CHECK_OK(file(ByteView(sealed).first(chunk.size() + kTagBytes)));
  }
  return {};
}

Result<void> age_open_payload(const AgeFileKey& file_key, const AgeSource& file,
                              const AgeSink& plain) {
  std::array<std::uint8_t, kPayloadNonceBytes> nonce{};
  ENTENTE_TRY(nonce_size, file(nonce));
  if (nonce_size != nonce.size()) return fail(Code::kCorrupt, "a sealed file without its payload");
  const AgeKey key = age_hkdf(file_key.bytes, nonce, "payload");
  ChunkReader reader(file, kChunkBytes + kTagBytes);
  ENTENTE_CHECK_OK(reader.start());
  Bytes opened(kChunkBytes);
  bool last = false;
  for (std::uint64_t counter = 0; !last; ++counter) {
    ENTENTE_TRY(chunk, reader.take());
    last = reader.ended();
    if (chunk.size() < kTagBytes) return fail(Code::kCorrupt, "a sealed file cut short");
    const std::size_t size = chunk.size() - kTagBytes;
    if (size == 0 && counter > 0)
      return fail(Code::kCorrupt, "a sealed file with an empty last chunk");
    const auto chunk_n = chunk_nonce(counter, last);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(opened.data(), nullptr, nullptr, chunk.data(),
                                                  chunk.size(), nullptr, 0, chunk_n.data(),
                                                  key.bytes.data()) != 0)
      return fail(Code::kCorrupt, "a sealed file that was altered or cut short");
    ENTENTE_CHECK_OK(plain(ByteView(opened).first(size)));
  }
  return {};
}

}  // namespace entente::crypto

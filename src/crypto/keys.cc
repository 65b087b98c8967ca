// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/keys.h"

#include <sodium.h>

#include "entente/crypto/private_file.h"
#include "entente/crypto/sha256.h"

namespace entente::crypto {
namespace {

constexpr std::string_view kKeyIdDomain = "entente-key-v1\n";
constexpr std::string_view kAlgorithm = "ed25519";
constexpr std::string_view kTextPrefix = "ed25519:";
constexpr std::string_view kFileHeader = "ENTENTE-PRIVATE-KEY-1 ";
constexpr std::size_t kMaxKeyFileBytes = 256;  // the line is 67 bytes

static_assert(kPublicKeyBytes == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(kSeedBytes == crypto_sign_ed25519_SEEDBYTES);
static_assert(kSignatureBytes == crypto_sign_ed25519_BYTES);

}  // namespace

std::string PublicKey::id() const {
  const Hash256 hash = sha256({as_bytes(kKeyIdDomain), as_bytes(kAlgorithm), bytes});
  return to_hex(ByteView(hash).first(16));
}

std::string PublicKey::fingerprint() const {
  constexpr std::size_t kGroup = 4;
  const std::string hex = to_hex(sha256(bytes));
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += kGroup) {
    if (i > 0) out += ' ';
    out += hex.substr(i, kGroup);
  }
  return out;
}

std::string PublicKey::text() const {
  return std::string(kTextPrefix) + to_base64(bytes);
}

Result<PublicKey> PublicKey::parse(std::string_view text) {
  if (!text.starts_with(kTextPrefix))
    return fail(Code::kUnsupported, "a public key reads ed25519:<base64>");
  ENTENTE_TRY(bytes, from_base64(text.substr(kTextPrefix.size())));
  return from_bytes(bytes);
}

Result<PublicKey> PublicKey::reread(std::string_view text) {
  if (!text.starts_with(kTextPrefix))
    return fail(Code::kCorrupt, "a stored public key reads ed25519:<base64>");
  ENTENTE_TRY(bytes, from_base64(text.substr(kTextPrefix.size())));
  if (bytes.size() != kPublicKeyBytes)
    return fail(Code::kCorrupt, "a stored public key has 32 bytes");
  PublicKey out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Result<PublicKey> PublicKey::from_bytes(ByteView bytes) {
  if (bytes.size() != kPublicKeyBytes)
    return fail(Code::kInvalid, "an Ed25519 public key has 32 bytes");
  PublicKey out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  // Refuses points off the curve, of small order, or outside the main subgroup: no honest key is
  // one.
  if (crypto_core_ed25519_is_valid_point(out.bytes.data()) != 1)
    return fail(Code::kInvalid, "not an Ed25519 public key");
  return out;
}

PrivateKey PrivateKey::generate(Random& random) {
  std::array<std::uint8_t, kSeedBytes> seed{};
  random.fill(seed);
  auto key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return *std::move(key);
}

Result<PrivateKey> PrivateKey::from_seed(ByteView seed) {
  if (seed.size() != kSeedBytes) return fail(Code::kInvalid, "an Ed25519 seed has 32 bytes");
  PrivateKey out;
  std::array<std::uint8_t, kPublicKeyBytes> public_key{};
  crypto_sign_ed25519_seed_keypair(public_key.data(), out.secret_.data(), seed.data());
  return out;
}

PrivateKey::~PrivateKey() {
  sodium_memzero(secret_.data(), secret_.size());
}

PrivateKey::PrivateKey(PrivateKey&& other) noexcept : secret_(other.secret_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

PrivateKey& PrivateKey::operator=(PrivateKey&& other) noexcept {
  if (this != &other) {
    secret_ = other.secret_;
    sodium_memzero(other.secret_.data(), other.secret_.size());
  }
  return *this;
}

PublicKey PrivateKey::public_key() const {
  PublicKey out;
  std::copy_n(secret_.begin() + kSeedBytes, kPublicKeyBytes, out.bytes.begin());
  return out;
}

Ed25519Signature PrivateKey::sign(ByteView message) const {
  Ed25519Signature out{};
  crypto_sign_ed25519_detached(out.data(), nullptr, message.data(), message.size(), secret_.data());
  return out;
}

Result<void> PrivateKey::save(const std::filesystem::path& path) const {
  ENTENTE_TRY(file, NewPrivateFile::create(path));
  std::string line(kFileHeader);
  line += to_base64(ByteView(secret_).first(kSeedBytes));
  line += '\n';
  auto written = file.write(as_bytes(line));
  sodium_memzero(line.data(), line.size());
  ENTENTE_CHECK_OK(std::move(written));
  return file.commit();
}

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& path) {
  ENTENTE_TRY(bytes, read_private_file(path, kMaxKeyFileBytes));
  std::string_view line = as_text(bytes);
  const bool whole = line.starts_with(kFileHeader) && line.ends_with('\n');
  auto seed =
      from_base64(whole ? line.substr(kFileHeader.size(), line.size() - kFileHeader.size() - 1)
                        : std::string_view());
  sodium_memzero(bytes.data(), bytes.size());
  if (!whole || !seed || seed->size() != kSeedBytes)
    return fail(Code::kInvalid, path.string() + " is not an Entente private key");
  auto key = from_seed(*seed);
  sodium_memzero(seed->data(), seed->size());
  return key;
}

bool verify(const PublicKey& key, ByteView message, ByteView signature) {
  return signature.size() == kSignatureBytes &&
         crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(),
                                             key.bytes.data()) == 0;
}

}  // namespace entente::crypto

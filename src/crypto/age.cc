// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/age.h"

#include <sodium.h>

#include <algorithm>

#include "entente/crypto/age_format.h"
#include "entente/crypto/bech32.h"
#include "entente/crypto/private_file.h"

namespace entente::crypto {
namespace {

constexpr std::string_view kRecipientPrefix = "age";
constexpr std::string_view kIdentityPrefix = "age-secret-key-";
constexpr std::size_t kMaxIdentityFileBytes =
    4096;  // one line, and the comments that age-keygen writes

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void wipe(std::string& text) {
  sodium_memzero(text.data(), text.size());
}

AgeSource from_memory(ByteView& rest) {
  return [&rest](std::span<std::uint8_t> out) -> Result<std::size_t> {
    const std::size_t n = std::min(out.size(), rest.size());
    std::copy_n(rest.begin(), n, out.begin());
    rest = rest.subspan(n);
    return n;
  };
}

AgeSink to_memory(Bytes& out) {
  return [&out](ByteView bytes) -> Result<void> {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  };
}

AgeSource from_file(InputFile& file) {
  return [&file](std::span<std::uint8_t> out) { return file.read(out); };
}

AgeSink to_file(NewPrivateFile& file) {
  return [&file](ByteView bytes) { return file.write(bytes); };
}

// sodium_init chooses the processor's fast paths; without it the results are the same, only later.
void ready() {
  static const int kStarted = sodium_init();
  check(kStarted >= 0, "libsodium failed to start");
}

Result<void> encrypt(std::span<const AgeRecipient> recipients, const AgeSource& plain,
                     const AgeSink& file, Random& random) {
  ready();
  AgeFileKey file_key;
  random.fill(file_key.bytes);
  ENTENTE_TRY(header, age_make_header(recipients, file_key, random));
  ENTENTE_CHECK_OK(file(as_bytes(header)));
  return age_seal_payload(file_key, plain, file, random);
}

Result<void> decrypt(const AgeIdentity& identity, const AgeSource& file, const AgeSink& plain) {
  ready();
  ENTENTE_TRY(file_key, age_open_header(identity, file));
  return age_open_payload(file_key, file, plain);
}

}  // namespace

std::string AgeRecipient::text() const {
  return bech32_encode(kRecipientPrefix, bytes);
}

Result<AgeRecipient> AgeRecipient::parse(std::string_view text) {
  ENTENTE_TRY(bytes, bech32_decode(kRecipientPrefix, text));
  AgeRecipient out;
  if (bytes.size() != out.bytes.size()) return fail(Code::kInvalid, "not an age recipient");
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

AgeIdentity AgeIdentity::generate(Random& random) {
  AgeIdentity out;
  random.fill(out.scalar_);
  return out;
}

Result<AgeIdentity> AgeIdentity::parse(std::string_view text) {
  // Upper case is its only spelling.
  if (std::any_of(text.begin(), text.end(), [](char c) { return c != upper(c); }))
    return fail(Code::kInvalid, "not an age identity");
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  auto bytes = bech32_decode(kIdentityPrefix, lowered);
  wipe(lowered);
  AgeIdentity out;
  if (!bytes || bytes->size() != out.scalar_.size())
    return fail(Code::kInvalid, "not an age identity");
  std::copy(bytes->begin(), bytes->end(), out.scalar_.begin());
  sodium_memzero(bytes->data(), bytes->size());
  return out;
}

std::string AgeIdentity::secret_text() const {
  std::string out = bech32_encode(kIdentityPrefix, scalar_);
  std::transform(out.begin(), out.end(), out.begin(), upper);
  return out;
}

Result<void> AgeIdentity::save(const std::filesystem::path& path) const {
  ENTENTE_TRY(file, NewPrivateFile::create(path));
  std::string line = secret_text() + '\n';
  auto written = file.write(as_bytes(line));
  wipe(line);
  ENTENTE_CHECK_OK(std::move(written));
  return file.commit();
}

Result<AgeIdentity> AgeIdentity::load(const std::filesystem::path& path) {
  ENTENTE_TRY(bytes, read_private_file(path, kMaxIdentityFileBytes));
  Result<AgeIdentity> found = fail(Code::kInvalid, path.string() + " holds no age identity");
  std::size_t count = 0;
  for (std::string_view rest = as_text(bytes); !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    found = parse(line);
    ++count;
  }
  sodium_memzero(bytes.data(), bytes.size());
  if (count > 1) return fail(Code::kInvalid, path.string() + " holds more than one identity");
  return found;
}

AgeIdentity::~AgeIdentity() {
  sodium_memzero(scalar_.data(), scalar_.size());
}

AgeIdentity::AgeIdentity(AgeIdentity&& other) noexcept : scalar_(other.scalar_) {
  sodium_memzero(other.scalar_.data(), other.scalar_.size());
}

AgeIdentity& AgeIdentity::operator=(AgeIdentity&& other) noexcept {
  if (this != &other) {
    scalar_ = other.scalar_;
    sodium_memzero(other.scalar_.data(), other.scalar_.size());
  }
  return *this;
}

AgeRecipient AgeIdentity::recipient() const {
  AgeRecipient out;
  crypto_scalarmult_curve25519_base(out.bytes.data(), scalar_.data());
  return out;
}

Result<Bytes> age_encrypt(std::span<const AgeRecipient> recipients, ByteView plain,
                          Random& random) {
  Bytes out;
  ENTENTE_CHECK_OK(encrypt(recipients, from_memory(plain), to_memory(out), random));
  return out;
}

Result<Bytes> age_decrypt(const AgeIdentity& identity, ByteView file) {
  Bytes out;
  ENTENTE_CHECK_OK(decrypt(identity, from_memory(file), to_memory(out)));
  return out;
}

Result<void> age_encrypt_file(std::span<const AgeRecipient> recipients,
                              const std::filesystem::path& in, const std::filesystem::path& out,
                              Random& random) {
  ENTENTE_TRY(source, InputFile::open(in));
  ENTENTE_TRY(file, NewPrivateFile::create(out));
  ENTENTE_CHECK_OK(encrypt(recipients, from_file(source), to_file(file), random));
  return file.commit();
}

Result<void> age_decrypt_file(const AgeIdentity& identity, const std::filesystem::path& in,
                              const std::filesystem::path& out) {
  ENTENTE_TRY(source, InputFile::open(in));
  ENTENTE_TRY(file, NewPrivateFile::create(out));
  ENTENTE_CHECK_OK(decrypt(identity, from_file(source), to_file(file)));
  return file.commit();
}

}  // namespace entente::crypto

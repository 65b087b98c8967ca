// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/sha256.h"

#include <openssl/evp.h>

namespace entente::crypto {

struct Sha256::Impl {
  // The algorithm is immutable, and never freed because other threads may outlive main.
  Impl() : context(EVP_MD_CTX_new()) { start(); }
  ~Impl() { EVP_MD_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() {
    static EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    check(EVP_DigestInit_ex2(context, kAlgorithm, nullptr) == 1, "SHA-256 failed to start");
  }

  EVP_MD_CTX* context;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(ByteView bytes) {
  check(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1, "SHA-256 failed");
  return *this;
}

Hash256 Sha256::finish() {
  Hash256 out{};
  check(EVP_DigestFinal_ex(impl_->context, out.data(), nullptr) == 1, "SHA-256 failed to end");
  impl_->start();
  return out;
}

Hash256 sha256(ByteView bytes) {
  return sha256({bytes});
}

Hash256 sha256(std::initializer_list<ByteView> parts) {
  thread_local Sha256 hasher;
  for (const ByteView part : parts) hasher.update(part);
  return hasher.finish();
}

}  // namespace entente::crypto

// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4), by OpenSSL, which uses the processor's own instructions where it has them.
// Cannot fail on any input. The free functions are thread-safe; one Sha256 object belongs to one
// thread at a time.
#pragma once

#include <initializer_list>
#include <memory>

#include "entente/core/bytes.h"

namespace entente::crypto {

Hash256 sha256(ByteView bytes);
// Of the concatenation of the parts. The caller frames them: ("ab","c") and ("a","bc") are the same
// bytes.
Hash256 sha256(std::initializer_list<ByteView> parts);

// For what does not fit in memory: update, update, finish. finish() starts the object anew.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(ByteView bytes);
  Hash256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace entente::crypto

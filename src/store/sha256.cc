// SPDX-License-Identifier: Apache-2.0
#include "entente/store/sha256.h"

#include <openssl/evp.h>

namespace entente::store {

Hash256 sha256(ByteView data) {
  Hash256 out{};
  unsigned int size = 0;
  const int ok = EVP_Digest(data.data(), data.size(), out.data(), &size, EVP_sha256(), nullptr);
  check(ok == 1 && size == out.size(), "SHA-256 is unavailable");
  return out;
}

}  // namespace entente::store

// SPDX-License-Identifier: Apache-2.0
#include "entente/crypto/commit.h"

#include "entente/crypto/sha256.h"

namespace entente::crypto {

Salt Salt::generate(Random& random) {
  Salt out;
  random.fill(out.bytes);
  return out;
}

Result<Salt> Salt::from_bytes(ByteView bytes) {
  Salt out;
  if (bytes.size() != out.bytes.size()) return fail(Code::kInvalid, "a salt has 32 bytes");
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Hash256 commitment(const Salt& salt, ByteView value) {
  return sha256({salt.bytes, value});
}

bool opens(const Hash256& committed, const Salt& salt, ByteView value) {
  return equal_secret(committed, commitment(salt, value));
}

}  // namespace entente::crypto

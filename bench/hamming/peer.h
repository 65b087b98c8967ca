// SPDX-License-Identifier: Apache-2.0
//
// FAISS as Debian builds it (libfaiss-dev 1.7.3): without one popcnt instruction, 1.2 to 3.3 times
// slower than its own wheels. Every figure quoted beside it says so.
#pragma once

#include <memory>
#include <vector>

#include "data.h"

namespace entente::bench {

inline constexpr const char* kPeerBuild =
    "Debian's libfaiss-dev, built without popcnt: 1.2 to 3.3 times slower than FAISS's own wheels";

class Peer {
 public:
  // What HMA runs: 16 hash tables of 16 bits, one flipped bit each. Exact for radius 31.
  static std::unique_ptr<Peer> multi_hash(const std::vector<Pdq>& rows);
  static std::unique_ptr<Peer> flat(const std::vector<Pdq>& rows);
  virtual ~Peer() = default;
  // How many rows lie within the radius. One thread.
  virtual std::size_t search(const Pdq& query, int radius) const = 0;
};

}  // namespace entente::bench

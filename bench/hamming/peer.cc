// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHash.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>

#include <algorithm>

namespace entente::bench {
namespace {

constexpr int kBits = 256;

template <class Index>
class Faiss final : public Peer {
 public:
  template <class... Args>
  explicit Faiss(const std::vector<Pdq>& rows, Args... args) : index_(kBits, args...) {
    omp_set_num_threads(1);
    index_.add(static_cast<faiss::Index::idx_t>(rows.size()),
               reinterpret_cast<const std::uint8_t*>(rows.data()));
  }
  Index& index() { return index_; }

  std::size_t search(const Pdq& query, int radius) const override {
    faiss::RangeSearchResult result(1);
    // Its bound is strict.
    index_.range_search(1, reinterpret_cast<const std::uint8_t*>(query.words.data()), radius + 1,
                        &result);
    // A row found in several tables is in the answer of the hash index once.
    return result.lims[1];
  }

 private:
  Index index_;
};

}  // namespace

std::unique_ptr<Peer> Peer::multi_hash(const std::vector<Pdq>& rows) {
  auto peer = std::make_unique<Faiss<faiss::IndexBinaryMultiHash>>(rows, 16, 16);
  peer->index().nflip = 1;
  return peer;
}

std::unique_ptr<Peer> Peer::flat(const std::vector<Pdq>& rows) {
  return std::make_unique<Faiss<faiss::IndexBinaryFlat>>(rows);
}

}  // namespace entente::bench

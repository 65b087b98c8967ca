// SPDX-License-Identifier: Apache-2.0
//
// The scan limit: the best that reading every row can do. The first 128 bits of each row lie in a
// column of their own, so that half the bytes need not be read; the rest is looked at only where
// the first half is within the radius, which for unlike rows is one in 10^8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data.h"

namespace entente::bench {

class ScanLimit {
 public:
  explicit ScanLimit(const std::vector<Pdq>& rows);
  ~ScanLimit();
  ScanLimit(const ScanLimit&) = delete;
  ScanLimit& operator=(const ScanLimit&) = delete;

  // Rows within the radius, in order.
  std::vector<std::size_t> search(const Pdq& query, int radius) const;
  // Reads the first column and does nothing with it: what memory allows. Returns a value that keeps
  // the compiler from leaving the reads out.
  std::uint64_t read_all() const;
  std::size_t bytes() const { return 16 * rows_; }

 private:
  std::size_t rows_;
  void* memory_;
  std::uint64_t* first_;
  std::uint64_t* second_;
};

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
//
// The fingerprints that are searched and the queries: the same in every run (seeds 42 and 7).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "entente/fingerprint/pdq.h"

namespace entente::bench {

using fingerprint::Pdq;

enum class Data : std::uint8_t {
  kUniform,  // 256 independent bits
  // As banks are: 128 ones, a fifth of the rows 2 to 30 bits from an earlier row, 2 % from 64 flat
  // templates with a tenth of their bits changed.
  kRealish,
};
std::string_view data_name(Data data);
std::vector<Pdq> make_rows(Data data, std::size_t n);

struct Query {
  Pdq hash;
  // The row it was made from, 0 to 31 bits away, or none.
  std::int64_t planted = -1;
};
// Half planted, half anywhere.
std::vector<Query> make_queries(const std::vector<Pdq>& rows, std::size_t n);

}  // namespace entente::bench

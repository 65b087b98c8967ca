// SPDX-License-Identifier: Apache-2.0
//
// The measurements of scripts/bench index. Times are CPU time of the thread unless they say wall;
// ours and the yardstick's alternate in one run, and medians of the rounds are quoted.
#pragma once

#include <ctime>
#include <filesystem>
#include <numeric>
#include <vector>

#include "../bench.h"
#include "data.h"
#include "entente/hamming/index.h"

namespace entente::bench {

inline constexpr int kRadius = fingerprint::kMatchDistance;

inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double median(std::vector<double> values) {
  return percentile(values, 0.5);
}

inline std::vector<std::uint64_t> ids_of(const std::vector<Pdq>& rows) {
  std::vector<std::uint64_t> ids(rows.size());
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});
  return ids;
}

struct SearchTimes {
  double per_query_us = 0;
  double scan_ms = 0;
};

// One query at a time on one thread, beside the scan limit and, if asked, FAISS; answers checked
// against the scan's.
SearchTimes measure_search(const hamming::Index& index, const std::vector<Pdq>& rows, Data data,
                           double build_s, bool with_peer);
// 1,024 at a time on two threads beside one at a time on two threads.
void measure_batch(const hamming::Index& index, const std::vector<Pdq>& rows, Data data);
// Additions, removals, snapshot. Changes the index.
void measure_life(hamming::Index& index, const std::vector<Pdq>& rows,
                  const std::filesystem::path& folder);

}  // namespace entente::bench

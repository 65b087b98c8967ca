// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/plan.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace entente::hamming {
namespace {

// Nanoseconds, measured on one Sapphire Rapids core with memory in huge pages; only their ratios
// matter. A probe reads the directory and its group's first cache line; groups go on in further
// lines; a scan reads 16 bytes a row in order.
constexpr double kProbeCost = 12;
constexpr double kLineCost = 6;
// A group with a line of its own is one read.
constexpr double kLinedProbeCost = 9;
// Rows in a lined group on average: more than 31 then are rare in even data.
constexpr double kLinedRows = 20;
constexpr double kScanRowCost = 1.2;
constexpr double kSearchCost = 200;
constexpr double kLineBytes = 64;
// The first band's groups are runs of rows themselves: half a hash each, no sketch.
constexpr double kRowBytesScanned = 16;
constexpr double kSketchBytes = 2;

double probes(int bits, int threshold) {
  double sum = 0;
  double choose = 1;
  for (int t = 0; t <= threshold; ++t) {
    sum += choose;
    choose = choose * (bits - t) / (t + 1);
  }
  return sum;
}

double band_cost(std::size_t band, int group, bool lined, int threshold, double group_rows) {
  if (threshold < 0) return 0;
  if (lined) {
    const double more = std::max(0.0, group_rows / static_cast<double>(kLineEntries) - 1);
    return probes(group, threshold) * (kLinedProbeCost + kLineCost * more);
  }
  const double bytes = group_rows * (band == 0 ? kRowBytesScanned : kSketchBytes);
  return probes(group, threshold) * (kProbeCost + kLineCost * bytes / kLineBytes);
}

double even_rows(std::size_t rows, int group) {
  return static_cast<double>(rows) / static_cast<double>(std::uint64_t{1} << group);
}

std::size_t directory_bytes(int group) {
  return ((std::size_t{1} << group) + 1) * sizeof(std::uint32_t);
}

std::size_t band_bytes(std::size_t band, int group, bool lined, std::size_t rows, int row_bytes) {
  const auto entry = static_cast<std::size_t>(2 + row_bytes);
  if (lined) return (std::size_t{1} << group) * kLineSlots * entry;
  return directory_bytes(group) + (band == 0 ? 0 : rows * entry);
}

// One way to cut: thresholds as even as they can be, the lower ones first.
struct Draft {
  std::vector<int> thresholds;
  std::vector<int> groups;
  bool lined = false;  // all but the first
  double cost = std::numeric_limits<double>::infinity();
};

double cost_of(const Draft& draft, std::size_t band, int group, std::size_t rows) {
  return band_cost(band, group, draft.lined && band != 0, draft.thresholds[band],
                   even_rows(rows, group));
}

double draft_cost(const Draft& draft, std::size_t rows) {
  double cost = kSearchCost;
  for (std::size_t i = 0; i < draft.groups.size(); ++i)
    cost += cost_of(draft, i, draft.groups[i], rows);
  return cost;
}

std::size_t draft_bytes(const Draft& draft, const PlanGoal& goal) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < draft.groups.size(); ++i)
    bytes += band_bytes(i, draft.groups[i], draft.lined && i != 0, goal.rows, goal.row_bytes);
  return bytes;
}

// Takes one bit from the band where that costs least, per byte of directory saved when memory is
// what is short.
bool shrink(Draft& draft, std::size_t rows, bool memory_is_short) {
  std::size_t best = draft.groups.size();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < draft.groups.size(); ++i) {
    const int group = draft.groups[i];
    if (group <= kMinGroupBits) continue;
    double loss = cost_of(draft, i, group - 1, rows) - cost_of(draft, i, group, rows);
    if (memory_is_short) loss /= static_cast<double>(directory_bytes(group));
    if (loss < least) {
      least = loss;
      best = i;
    }
  }
  if (best == draft.groups.size()) return false;
  --draft.groups[best];
  return true;
}

int best_group(const Draft& draft, std::size_t band, std::size_t rows) {
  int best = kMinGroupBits;
  if (draft.lined && band != 0) {
    while (best < kMaxGroupBits && even_rows(rows, best) > kLinedRows) ++best;
    return best;
  }
  // More groups than rows would only be more directory.
  for (int group = kMinGroupBits; group <= kMaxGroupBits && even_rows(rows, group) >= 1; ++group)
    if (cost_of(draft, band, group, rows) < cost_of(draft, band, best, rows)) best = group;
  return best;
}

Draft draft_of(std::size_t bands, bool lined, const PlanGoal& goal) {
  Draft draft;
  draft.lined = lined;
  const std::size_t units = static_cast<std::size_t>(goal.radius) + 1;
  for (std::size_t i = 0; i < bands; ++i) {
    const bool higher = i >= bands - units % bands;
    const int threshold = static_cast<int>(units / bands) - (higher ? 0 : 1);
    if (threshold > kMaxThreshold) return {};
    draft.thresholds.push_back(threshold);
    draft.groups.push_back(best_group(draft, i, goal.rows));
  }
  const auto total = [&] {
    int sum = 0;
    for (const int group : draft.groups) sum += group;
    return sum;
  };
  if (lined) {
    // A line holds what it holds: only the first band's groups can be larger.
    while (total() > kBits && draft.groups[0] > kMinGroupBits) --draft.groups[0];
    if (total() > kBits || draft_bytes(draft, goal) > goal.memory) return {};
  }
  while (total() > kBits) {
    if (!shrink(draft, goal.rows, false)) return {};
  }
  while (draft_bytes(draft, goal) > goal.memory) {
    if (!shrink(draft, goal.rows, true)) return {};
  }
  draft.cost = draft_cost(draft, goal.rows);
  return draft;
}

}  // namespace

bool is_plan(const Plan& plan) {
  if (plan.size() > kMaxBands) return false;
  int offset = 0;
  for (const Band& band : plan) {
    if (band.offset != offset || band.group < kMinGroupBits || band.group > kMaxGroupBits ||
        band.group > band.width || (band.lined && offset == 0))
      return false;
    offset += band.width;
  }
  return plan.empty() || offset == kBits;
}

Plan make_plan(const PlanGoal& goal) {
  Draft best;
  best.cost = kScanRowCost * static_cast<double>(goal.rows);
  for (std::size_t bands = 1; bands <= kMaxBands; ++bands) {
    for (const bool lined : {false, true}) {
      Draft draft = draft_of(bands, lined, goal);
      if (draft.cost < best.cost) best = std::move(draft);
    }
  }
  Plan plan;
  if (best.groups.empty()) return plan;
  int spare = kBits;
  for (const int group : best.groups) spare -= group;
  const int share = spare / static_cast<int>(best.groups.size());
  int rest = spare % static_cast<int>(best.groups.size());
  int offset = 0;
  for (const int group : best.groups) {
    const int width = group + share + (rest-- > 0 ? 1 : 0);
    plan.push_back({static_cast<std::uint16_t>(offset), static_cast<std::uint8_t>(width),
                    static_cast<std::uint8_t>(group), best.lined && offset != 0});
    offset += width;
  }
  return plan;
}

std::size_t plan_bytes(const Plan& plan, std::size_t rows, int row_bytes) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < plan.size(); ++i)
    bytes += band_bytes(i, plan[i].group, plan[i].lined, rows, row_bytes);
  return bytes;
}

std::vector<Thresholds> thresholds_by_radius(const Plan& plan, std::size_t rows,
                                             std::span<const double> group_rows) {
  std::vector<Thresholds> all;
  if (plan.empty()) return all;
  Thresholds thresholds(plan.size(), kSkipped);
  double cost = kSearchCost;
  // Each unit goes to the band where one more flipped bit costs least; since every further one
  // costs more than the last, that is also the best for all of them together.
  for (int radius = 0; radius <= kBits; ++radius) {
    std::size_t best = plan.size();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const int group = plan[i].group;
      if (thresholds[i] >= std::min(kMaxThreshold, group)) continue;
      const auto cost_at = [&](int threshold) {
        return band_cost(i, group, plan[i].lined, threshold, group_rows[i]);
      };
      const double more = cost_at(thresholds[i] + 1) - cost_at(thresholds[i]);
      if (more < least) {
        least = more;
        best = i;
      }
    }
    if (best == plan.size()) break;
    ++thresholds[best];
    cost += least;
    if (cost > kScanRowCost * static_cast<double>(rows)) break;
    all.push_back(thresholds);
  }
  return all;
}

SketchTest sketch_test(const Plan& plan, const Thresholds& thresholds, std::size_t band) {
  SketchTest out;
  int bound = thresholds[band];
  int covered = plan[band].width - plan[band].group;
  for (std::size_t next = band;;) {
    if (covered > 0) {
      out.mask[out.parts] = static_cast<std::uint16_t>(
          0xffffU << (covered < kSketchBits ? kSketchBits - covered : 0));
      out.bound[out.parts++] = static_cast<std::int16_t>(bound);
    }
    if (covered >= kSketchBits) return out;
    next = (next + 1) % plan.size();
    bound += thresholds[next] + 1;
    covered += plan[next].width;
  }
}

bool SketchTest::passes(std::uint16_t differ, int flipped) const {
  for (std::size_t part = 0; part + 1 < parts; ++part)
    if (std::popcount(static_cast<unsigned>(differ & mask[part])) + flipped > bound[part])
      return false;
  return true;
}

const Flips& flips_of(int bits) {
  static const std::vector<Flips> kAll = [] {
    std::vector<Flips> all(kMaxGroupBits + 1);
    for (int width = 0; width <= kMaxGroupBits; ++width) {
      Flips& flips = all[static_cast<std::size_t>(width)];
      for (int set = 0; set <= kMaxThreshold; ++set) {
        flips.start[static_cast<std::size_t>(set)] = static_cast<std::uint32_t>(flips.masks.size());
        if (set > width) continue;
        // Gosper's walk through all values with as many bits set, in ascending order.
        std::uint64_t mask = (std::uint64_t{1} << set) - 1;
        while (mask < (std::uint64_t{1} << width)) {
          flips.masks.push_back(static_cast<std::uint32_t>(mask));
          if (mask == 0) break;
          const std::uint64_t low = mask & (~mask + 1);
          const std::uint64_t ripple = mask + low;
          mask = ripple | (((mask ^ ripple) >> 2) / low);
        }
      }
      flips.start[kMaxThreshold + 1] = static_cast<std::uint32_t>(flips.masks.size());
    }
    return all;
  }();
  return kAll[static_cast<std::size_t>(bits)];
}

}  // namespace entente::hamming

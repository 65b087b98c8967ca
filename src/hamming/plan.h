// SPDX-License-Identifier: Apache-2.0
//
// How a segment cuts 256 bits into bands, and what it looks up for a radius.
//
// General pigeonhole (Qin, Wang, Xiao, Zhang: GPH, ICDE 2018): when thresholds t[i] over disjoint
// bands satisfy sum(t[i] + 1) = radius + 1, a row within the radius is within t[i] of the query in
// some band i. Taken as a ring there is even such a band from where on every run of bands
// i, i+1, … i+k differs by at most sum(t[i..i+k]) + k (the pigeonring of Qin and Xiao, VLDB 2018):
// that is what the sketches test before a row is read.
//
// Of each band the first `group` bits say which group a row is in; the bits after them, the band's
// own and the next bands', are its sketch. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace entente::hamming {

inline constexpr int kBits = 256;
inline constexpr int kSketchBits = 16;
// Above 32 bands a sixteen-bit sketch would span three of them; more never paid either.
inline constexpr std::size_t kMaxBands = 32;
inline constexpr int kMinGroupBits = 4;
// 16 M groups, a directory of 64 MiB: more is slower than longer groups.
inline constexpr int kMaxGroupBits = 24;
// A lined group: 31 sketches, and a number that says where more are.
inline constexpr std::size_t kLineSlots = 32;
inline constexpr std::size_t kLineEntries = kLineSlots - 1;
// Flipping five of 24 bits would be 55,000 probes in one band.
inline constexpr int kMaxThreshold = 4;
// A band that is not looked up at all.
inline constexpr int kSkipped = -1;

struct Band {
  std::uint16_t offset = 0;  // its first bit
  std::uint8_t width = 0;
  std::uint8_t group = 0;  // bits that say which group, at most width
  // True: each group has a cache line of its own and no directory is read. Never the first band.
  bool lined = false;
  friend bool operator==(const Band&, const Band&) = default;
};

// Bands in ring order, adjoining, together all 256 bits; none at all means: scan.
using Plan = std::vector<Band>;

// True for a plan that the code below can follow.
bool is_plan(const Plan& plan);

// What a plan is made for. Memory is what bands may add to the columns of hashes and ids.
struct PlanGoal {
  std::size_t rows = 0;
  int radius = 0;
  int row_bytes = 4;
  std::size_t memory = 0;
};
Plan make_plan(const PlanGoal& goal);
// Memory a plan's bands take for so many rows, lines beyond each group's first left out.
std::size_t plan_bytes(const Plan& plan, std::size_t rows, int row_bytes);

// Thresholds of each band for one radius.
using Thresholds = std::vector<std::int8_t>;
// For every radius from 0 on, up to where a scan costs less. `group_rows[i]` is how many rows the
// group of a typical row has in band i: rows / 2^group for even data, more where data clusters.
std::vector<Thresholds> thresholds_by_radius(const Plan& plan, std::size_t rows,
                                             std::span<const double> group_rows);

// What the sketches of a band are held against. A sketch begins with the band's own last bits and
// goes on with those of the next bands; by the pigeonring each beginning has its bound.
struct SketchTest {
  std::uint8_t parts = 0;  // how many of the following, the last for the whole sketch
  std::array<std::uint16_t, kSketchBits + 1> mask{};
  std::array<std::int16_t, kSketchBits + 1> bound{};  // the group's flipped bits counted in

  int whole() const { return bound[parts - 1U]; }
  // For a sketch whose whole is within its bound: whether its beginnings are.
  bool passes(std::uint16_t differ, int flipped) const;
};
SketchTest sketch_test(const Plan& plan, const Thresholds& thresholds, std::size_t band);

// All values of `bits` bits with up to kMaxThreshold bits set, fewest first.
struct Flips {
  std::vector<std::uint32_t> masks;
  std::array<std::uint32_t, kMaxThreshold + 2> start{};  // start[t]: the first with t bits set
};
const Flips& flips_of(int bits);

// `count` (1 to 32) bits of a 256-bit value from `offset` on, the ring's end followed by its
// start. Bit 0 is the highest of words[0] and comes out highest, so that rows in order of their
// words are in order of their first bits.
inline std::uint32_t bits_at(const std::uint64_t* words, unsigned offset, unsigned count) {
  const unsigned word = offset / 64 % 4;
  const unsigned shift = offset % 64;
  std::uint64_t value = words[word] << shift;
  if (shift + count > 64) value |= words[(word + 1) % 4] >> (64 - shift);
  return static_cast<std::uint32_t>(value >> (64 - count));
}

}  // namespace entente::hamming

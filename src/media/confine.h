// SPDX-License-Identifier: Apache-2.0
//
// Inside sandbox.h: takes from this process all it could do to others. There is no way back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "entente/core/error.h"

namespace entente::media {

// Where a worker has its channel: fixed, so that one compiled filter serves all of them.
inline constexpr int kWorkerChannel = 3;

struct Confinement {
  int channel = -1;               // moved to kWorkerChannel; no other descriptor is kept
  int parent = 0;                 // ends with this process
  std::size_t memory_bytes = 0;   // beyond what is mapped now
  std::uint64_t cpu_seconds = 1;  // then SIGXCPU
};

// The allow-list, compiled once and loaded by each worker.
class Filter {
 public:
  static Result<Filter> compile();
  // For this process, which is `pid`. There is no way back.
  Result<void> load(int pid) const;

 private:
  // A sock_filter, without its header here.
  struct Instruction {
    std::uint16_t code;
    std::uint8_t jump_if, jump_else;
    std::uint32_t k;
  };
  std::vector<Instruction> program_;
};

// After it, this process can compute, map memory without execution, exchange messages on
// kWorkerChannel and exit. Any other system call kills it with SIGSYS. Single-threaded callers
// only.
Result<void> confine(const Confinement& how, const Filter& filter);

// Closes every descriptor but those (standard ones too), which come in rising order.
void close_all_but(std::initializer_list<int> kept);

}  // namespace entente::media

// SPDX-License-Identifier: Apache-2.0
//
// Inside sandbox.h: takes from this process all it could do to others. There is no way back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "entente/core/error.h"

namespace entente::media {

struct Confinement {
  int channel = -1;               // the one descriptor kept
  int parent = 0;                 // ends with this process
  std::size_t memory_bytes = 0;   // beyond what is mapped now
  std::uint64_t cpu_seconds = 1;  // then SIGXCPU
};

// After it, this process can compute, map memory without execution, exchange messages on `channel`
// and exit. Any other system call kills it with SIGSYS. Single-threaded callers only.
Result<void> confine(const Confinement& how);

// Closes every descriptor but `kept` (standard ones too).
void close_all_but(int kept);

}  // namespace entente::media

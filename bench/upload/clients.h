// SPDX-License-Identifier: Apache-2.0
//
// An uploading client that costs next to nothing, since it runs on the cores it measures: one
// keep-alive connection, one request at a time, the answer read and its status looked at.
#pragma once

#include <cstdint>
#include <string>

#include "entente/core/bytes.h"

namespace entente::bench {

class Uploader {
 public:
  explicit Uploader(std::uint16_t port);
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  // The answer's body. Stops the measurement when it is not a 200.
  std::string post(const Bytes& jpeg);

 private:
  int socket_ = -1;
  std::string buffer_;
};

// CPU seconds of this process and of every process below it (the sandbox), those that ended
// included.
double family_cpu_seconds();

}  // namespace entente::bench

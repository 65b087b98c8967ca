// SPDX-License-Identifier: Apache-2.0
//
// Large read-mostly memory: pages of the process's own, in huge pages where the kernel has them
// (half of a random read's cost is finding its page), or a file mapped read-only. Freed with the
// object. Alignment is at least a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "entente/core/bytes.h"

namespace entente::hamming {

class Memory {
 public:
  // Zeroed. Throws std::bad_alloc.
  static std::shared_ptr<Memory> allocate(std::size_t size);
  // The whole of an open file of that size. kInternal when the kernel refuses.
  static Result<std::shared_ptr<Memory>> map_file(int fd, std::size_t size);

  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  ByteView view() const { return {data_, size_}; }

 private:
  Memory(void* mapped, std::size_t mapped_size, std::uint8_t* data, std::size_t size)
      : mapped_(mapped), mapped_size_(mapped_size), data_(data), size_(size) {}

  void* mapped_;
  std::size_t mapped_size_;
  std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace entente::hamming

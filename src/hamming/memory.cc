// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>

namespace entente::hamming {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

std::shared_ptr<Memory> Memory::allocate(std::size_t size) {
  if (size == 0) size = 1;
  const bool huge = size >= kHugePage;
  // The kernel gives huge pages only to whole aligned ones.
  const std::size_t mapped_size = huge ? size + kHugePage : size;
  void* mapped =
      ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* data = static_cast<std::uint8_t*>(mapped);
  if (huge) {
    const std::size_t past = reinterpret_cast<std::uintptr_t>(data) % kHugePage;
    if (past != 0) data += kHugePage - past;
    // A wish: without it everything works, more slowly.
    static_cast<void>(::madvise(data, size, MADV_HUGEPAGE));
  }
  return std::shared_ptr<Memory>(new Memory(mapped, mapped_size, data, size));
}

Result<std::shared_ptr<Memory>> Memory::map_file(int fd, std::size_t size) {
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) {
    return fail(Code::kInternal, std::string("cannot map the snapshot: ") + std::strerror(errno));
  }
  return std::shared_ptr<Memory>(
      new Memory(mapped, size, static_cast<std::uint8_t*>(mapped), size));
}

Memory::~Memory() {
  ::munmap(mapped_, mapped_size_);
}

}  // namespace entente::hamming

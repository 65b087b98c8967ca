// SPDX-License-Identifier: Apache-2.0
//
// A value that one writer at a time replaces whole while any number of readers use the one they
// found: read-copy-update with hazard pointers (M. Michael, "Hazard Pointers: Safe Memory
// Reclamation for Lock-Free Objects", 2004). Reading takes no lock and waits for no writer; a
// replaced value is freed once no reader holds it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace entente::hamming {

template <class T>
class Published {
 public:
  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  // No reader may be left.
  ~Published() { delete current_.load(); }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

 private:
  struct alignas(64) Slot {
    std::atomic<bool> taken{false};
    std::atomic<const T*> held{nullptr};
  };

 public:
  // Holds one value for as long as it lives: keep it short.
  class Reader {
   public:
    explicit Reader(const Published& from) : slot_(from.take_slot()) {
      const T* seen = from.current_.load();
      for (;;) {
        slot_.held.store(seen);
        const T* const now = from.current_.load();
        if (now == seen) break;
        seen = now;
      }
      value_ = seen;
    }
    ~Reader() {
      slot_.held.store(nullptr);
      slot_.taken.store(false, std::memory_order_release);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    const T& operator*() const { return *value_; }
    const T* operator->() const { return value_; }

   private:
    Slot& slot_;
    const T* value_ = nullptr;
  };

  void replace(std::unique_ptr<const T> next) {
    std::unique_ptr<const T> old(current_.exchange(next.release()));
    const std::lock_guard lock(mutex_);
    retired_.push_back(std::move(old));
  }

  // Frees what no reader holds; true when nothing is left to free.
  bool sweep() {
    std::vector<std::unique_ptr<const T>> free;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    for (auto& value : retired_) {
      bool held = false;
      for (const Slot& slot : slots_) held |= slot.held.load() == value.get();
      if (!held) free.push_back(std::move(value));
    }
    std::erase(retired_, nullptr);
    return retired_.empty();
  }

 private:
  // Readers at once; one more waits for one to finish.
  static constexpr std::size_t kSlots = 128;

  Slot& take_slot() const {
    std::size_t at = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (std::size_t tries = 1;; ++tries, ++at) {
      Slot& slot = slots_[at % kSlots];
      if (!slot.taken.load(std::memory_order_relaxed) &&
          !slot.taken.exchange(true, std::memory_order_acquire))
        return slot;
      if (tries % kSlots == 0) std::this_thread::yield();
    }
  }

  std::atomic<const T*> current_;
  mutable std::array<Slot, kSlots> slots_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<const T>> retired_;  // guarded by mutex_
};

}  // namespace entente::hamming

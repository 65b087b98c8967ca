// SPDX-License-Identifier: Apache-2.0
//
// The index behind its public face: a view (segments, and the tail that follows them) that readers
// take whole and writers replace.
//
// Why a search sees each id once and never misses one that is there: it reads the segments before
// the tail, and a replaced entry is appended to the tail before its old row is marked dead. So who
// finds the old row dead finds the new one. Who finds both keeps the later.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "entente/hamming/index.h"
#include "entente/hamming/published.h"
#include "entente/hamming/segment.h"
#include "entente/hamming/tail.h"

namespace entente::hamming {

struct View {
  std::vector<std::shared_ptr<Segment>> segments;  // oldest and largest first
  std::shared_ptr<Chunk> tail;
};

class Index::Impl {
 public:
  Impl(const Options& options, View view);
  ~Impl();

  void add(std::uint64_t id, const Pdq& hash);
  bool remove(std::uint64_t id);
  std::vector<Hit> search(const Pdq& query, int radius) const;
  std::vector<std::vector<Hit>> search_batch(std::span<const Pdq> queries, int radius) const;
  std::size_t size() const;
  std::size_t bytes() const;
  void settle();
  Result<void> save(const std::filesystem::path& path, std::uint64_t watermark) const;

 private:
  struct Place {
    Chunk* chunk = nullptr;
    std::size_t row = 0;
  };
  // What one merge takes in: a run of segments up to the newest, and the chunks that are full.
  struct Job {
    std::vector<std::shared_ptr<Segment>> segments;
    std::vector<std::shared_ptr<Chunk>> chunks;
    bool empty() const { return chunks.empty() && segments.empty(); }
  };

  bool kill(std::uint64_t id);
  void append(std::uint64_t id, const Pdq& hash);
  void start_chunk();
  bool merge_once(bool with_last_chunk);
  Job take_job(bool with_last_chunk);
  std::shared_ptr<Segment> merged(const Job& job) const;
  void put_back(const Job& job, const std::shared_ptr<Segment>& segment);
  void work();

  const Options options_;
  const Kernels& kernels_;
  Published<View> view_;

  mutable std::mutex save_mutex_;  // one temporary file; taken before write_mutex_
  // One merge at a time; taken before write_mutex_.
  std::mutex merge_mutex_;
  // Guards all below, and the writing of the tail.
  mutable std::mutex write_mutex_;
  View latest_;                                    // what view_ shows
  std::shared_ptr<Chunk> last_chunk_;              // where append() writes
  std::size_t full_chunks_ = 0;                    // before it
  std::unordered_map<std::uint64_t, Place> tail_;  // live entries not in a segment
  std::size_t live_ = 0;
  bool merging_ = false;
  std::vector<std::uint64_t> killed_;  // ids whose row died while a merge read it
  bool stopping_ = false;
  std::condition_variable wake_;

  std::thread thread_;
};

// Of hits that name an id twice the last, then nearest first, equal distances by id.
void put_in_order(std::vector<Hit>& hits);

}  // namespace entente::hamming

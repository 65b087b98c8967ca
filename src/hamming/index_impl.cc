// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/index_impl.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "entente/hamming/snapshot.h"

namespace entente::hamming {
namespace {

// A segment is merged into the one before when that is not at least so many times larger: few
// segments to search, and each entry is moved a few times in an index's life.
constexpr std::size_t kGrowth = 4;
// Full chunks that make a merge worth its while.
constexpr std::size_t kChunksToMerge = 4;
// From so many on additions do the merging themselves, so that the tail and with it the time of a
// search stays bounded.
constexpr std::size_t kMostChunks = 64;
constexpr std::chrono::milliseconds kSweepPause{2};

// Bytes of a node in the map of the tail's ids, and of its bucket.
constexpr std::size_t kTailNode = 48;

}  // namespace

void put_in_order(std::vector<Hit>& hits) {
  if (hits.size() < 2) return;
  // Hits of later sources stand later, so of equal ids a stable sort leaves the last one last.
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.id < b.id; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (i + 1 < hits.size() && hits[i + 1].id == hits[i].id) continue;
    hits[kept++] = hits[i];
  }
  hits.resize(kept);
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::pair(a.distance, a.id) < std::pair(b.distance, b.id);
  });
}

Index::Impl::Impl(const Options& options, View view)
    : options_(options),
      kernels_(kernels_for(options.cpu)),
      view_(std::make_unique<View>(view)),
      latest_(std::move(view)),
      last_chunk_(latest_.tail) {
  for (const auto& segment : latest_.segments) live_ += segment->live();
  if (options_.own_thread) thread_ = std::thread([this] { work(); });
}

Index::Impl::~Impl() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(write_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Index::Impl::add(std::uint64_t id, const Pdq& hash) {
  bool help = false;
  {
    const std::lock_guard lock(write_mutex_);
    const auto old = tail_.find(id);
    const Place place = old == tail_.end() ? Place{} : old->second;
    append(id, hash);  // before the old one dies: see the header
    if (place.chunk != nullptr) {
      place.chunk->kill(place.row);
      if (merging_) killed_.push_back(id);
    } else if (!kill(id)) {
      ++live_;
    }
    tail_[id] = {last_chunk_.get(), last_chunk_->rows() - 1};
    help = full_chunks_ >= kMostChunks;
    if (options_.own_thread && full_chunks_ >= kChunksToMerge) wake_.notify_one();
  }
  if (help) {
    const std::lock_guard merge(merge_mutex_);
    merge_once(false);
  }
}

bool Index::Impl::remove(std::uint64_t id) {
  const std::lock_guard lock(write_mutex_);
  const auto place = tail_.find(id);
  if (place != tail_.end()) {
    place->second.chunk->kill(place->second.row);
    if (merging_) killed_.push_back(id);
    tail_.erase(place);
  } else if (!kill(id)) {
    return false;
  }
  --live_;
  return true;
}

// Marks an id's row in the segments dead; false when there is none.
bool Index::Impl::kill(std::uint64_t id) {
  for (auto segment = latest_.segments.rbegin(); segment != latest_.segments.rend(); ++segment) {
    const auto row = (*segment)->find(id);
    if (!row) continue;
    (*segment)->kill(*row);
    if (merging_) killed_.push_back(id);
    return true;
  }
  return false;
}

void Index::Impl::append(std::uint64_t id, const Pdq& hash) {
  if (last_chunk_->append(id, hash)) return;
  start_chunk();
  check(last_chunk_->append(id, hash), "a new chunk takes a row");
}

void Index::Impl::start_chunk() {
  auto chunk = std::make_shared<Chunk>();
  last_chunk_->follow_with(chunk);
  last_chunk_ = std::move(chunk);
  ++full_chunks_;
}

std::vector<Hit> Index::Impl::search(const Pdq& query, int radius) const {
  std::vector<Hit> hits;
  {
    const Published<View>::Reader view(view_);
    for (const auto& segment : view->segments) segment->search(query, radius, kernels_, hits);
    view->tail->search(query, radius, kernels_, hits);
  }
  put_in_order(hits);
  return hits;
}

std::vector<std::vector<Hit>> Index::Impl::search_batch(std::span<const Pdq> queries,
                                                        int radius) const {
  std::vector<std::vector<Hit>> out(queries.size());
  {
    const Published<View>::Reader view(view_);
    for (const auto& segment : view->segments)
      segment->search_batch(queries, radius, kernels_, out);
    for (std::size_t i = 0; i < queries.size(); ++i)
      view->tail->search(queries[i], radius, kernels_, out[i]);
  }
  for (auto& hits : out) put_in_order(hits);
  return out;
}

std::size_t Index::Impl::size() const {
  const std::lock_guard lock(write_mutex_);
  return live_;
}

std::size_t Index::Impl::bytes() const {
  const std::lock_guard lock(write_mutex_);
  std::size_t bytes = sizeof(*this) + tail_.size() * kTailNode;
  for (const auto& segment : latest_.segments) bytes += segment->bytes();
  for (const Chunk* chunk = latest_.tail.get(); chunk != nullptr; chunk = chunk->next().get())
    bytes += sizeof(Chunk) + kChunkRows * (sizeof(Pdq) + sizeof(std::uint64_t));
  return bytes;
}

void Index::Impl::settle() {
  const std::lock_guard merge(merge_mutex_);
  while (merge_once(true)) {
  }
}

Result<void> Index::Impl::save(const std::filesystem::path& path, std::uint64_t watermark) const {
  const std::lock_guard one_at_a_time(save_mutex_);
  Saved saved;
  saved.watermark = watermark;
  {
    const std::lock_guard lock(write_mutex_);
    for (const auto& segment : latest_.segments)
      saved.segments.push_back({segment, segment->dead_bits()});
    for (const Chunk* chunk = latest_.tail.get(); chunk != nullptr; chunk = chunk->next().get()) {
      for (std::size_t row = 0; row < chunk->rows(); ++row)
        if (!chunk->dead(row)) saved.tail.push_back({chunk->id(row), chunk->hash(row)});
    }
  }
  return write_snapshot(path, saved);
}

Index::Impl::Job Index::Impl::take_job(bool with_last_chunk) {
  const std::lock_guard lock(write_mutex_);
  Job job;
  if (with_last_chunk && last_chunk_->rows() != 0) start_chunk();
  std::size_t rows = 0;
  for (auto chunk = latest_.tail; chunk != last_chunk_; chunk = chunk->next()) {
    job.chunks.push_back(chunk);
    rows += chunk->rows();
  }
  std::size_t first = latest_.segments.size();
  while (first > 0 &&
         (latest_.segments[first - 1]->live() < kGrowth * rows ||
          2 * latest_.segments[first - 1]->live() < latest_.segments[first - 1]->rows())) {
    rows += latest_.segments[--first]->live();
  }
  job.segments.assign(latest_.segments.begin() + static_cast<std::ptrdiff_t>(first),
                      latest_.segments.end());
  // One segment on its own is worth rewriting only to be rid of its dead.
  if (job.chunks.empty() && job.segments.size() == 1 &&
      2 * job.segments[0]->live() >= job.segments[0]->rows())
    job.segments.clear();
  merging_ = !job.empty();
  killed_.clear();
  return job;
}

std::shared_ptr<Segment> Index::Impl::merged(const Job& job) const {
  std::vector<std::uint64_t> ids;
  std::vector<Pdq> hashes;
  const auto take = [&](const auto& from) {
    for (std::size_t row = 0; row < from.rows(); ++row) {
      if (from.dead(row)) continue;
      ids.push_back(from.id(row));
      hashes.push_back(from.hash(row));
    }
  };
  std::size_t rows = job.chunks.size() * kChunkRows;
  for (const auto& segment : job.segments) rows += segment->live();
  ids.reserve(rows);
  hashes.reserve(rows);
  for (const auto& segment : job.segments) take(*segment);
  for (const auto& chunk : job.chunks) take(*chunk);
  return Segment::build(ids, hashes,
                        {options_.radius, options_.bytes_per_entry, options_.free_bytes});
}

void Index::Impl::put_back(const Job& job, const std::shared_ptr<Segment>& segment) {
  const std::lock_guard lock(write_mutex_);
  for (const std::uint64_t id : killed_) {
    if (const auto row = segment->find(id)) segment->kill(*row);
  }
  killed_.clear();
  merging_ = false;
  for (const auto& chunk : job.chunks) {
    for (std::size_t row = 0; row < chunk->rows(); ++row) {
      const auto place = tail_.find(chunk->id(row));
      if (place != tail_.end() && place->second.chunk == chunk.get()) tail_.erase(place);
    }
    latest_.tail = chunk->next();
    --full_chunks_;
  }
  latest_.segments.resize(latest_.segments.size() - job.segments.size());
  if (segment->live() != 0) latest_.segments.push_back(segment);
  view_.replace(std::make_unique<View>(latest_));
}

// merge_mutex_ is held. False when there was nothing to do.
bool Index::Impl::merge_once(bool with_last_chunk) {
  const Job job = take_job(with_last_chunk);
  if (job.empty()) return false;
  put_back(job, merged(job));
  while (!view_.sweep()) std::this_thread::sleep_for(kSweepPause);
  return true;
}

void Index::Impl::work() {
  for (;;) {
    {
      std::unique_lock lock(write_mutex_);
      wake_.wait(lock, [this] { return stopping_ || full_chunks_ >= kChunksToMerge; });
      if (stopping_) return;
    }
    const std::lock_guard merge(merge_mutex_);
    merge_once(false);
  }
}

}  // namespace entente::hamming

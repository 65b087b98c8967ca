// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <random>

#include "measure.h"

namespace entente::bench {
namespace {

// Beside what a store does for a commit: one append flushed to disk.
class Journal {
 public:
  explicit Journal(const std::filesystem::path& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (fd_ < 0) stop("cannot create a journal");
  }
  ~Journal() { ::close(fd_); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  void append(const Pdq& hash) const {
    if (::write(fd_, hash.words.data(), sizeof hash.words) != sizeof hash.words ||
        ::fdatasync(fd_) != 0)
      stop("cannot write the journal");
  }

 private:
  int fd_;
};

bool finds(const hamming::Index& index, const Pdq& hash, std::uint64_t id) {
  for (const hamming::Hit& hit : must(index.search(hash, kRadius), "search"))
    if (hit.id == id) return true;
  return false;
}

void changes(hamming::Index& index, const std::vector<Pdq>& rows,
             const std::filesystem::path& folder) {
  constexpr std::size_t kChanges = 20'000;
  constexpr std::size_t kDurable = 200;
  std::mt19937_64 rng(1);
  const Journal journal(folder / "journal");
  std::vector<double> visible;
  std::vector<double> durable;
  std::vector<double> removed;
  for (std::size_t i = 0; i < kChanges; ++i) {
    const std::uint64_t id = rows.size() + i;
    const Pdq hash{{rng(), rng(), rng(), rng()}};
    const auto start = Steady::now();
    if (i < kDurable) journal.append(hash);
    index.add(id, hash);
    if (!finds(index, hash, id)) stop("an addition was not found");
    (i < kDurable ? durable : visible).push_back(seconds_since(start) * 1e3);
    if (i % 2 != 0) continue;
    const auto before = Steady::now();
    if (!index.remove(i % 4 == 0 ? id : i)) stop("nothing to remove");
    removed.push_back(seconds_since(before) * 1e3);
    if (i % 4 == 0 ? finds(index, hash, id) : finds(index, rows[i], i))
      stop("a removed entry was found");
  }
  figure({{"bench", "index"},
          {"figure", "life: changes, wall"},
          {"rows", rows.size()},
          {"add_to_found_ms_p50", round3(percentile(visible, 0.5))},
          {"add_to_found_ms_p99", round3(percentile(visible, 0.99))},
          {"journal_add_to_found_ms_p50", round3(percentile(durable, 0.5))},
          {"journal_add_to_found_ms_p99", round3(percentile(durable, 0.99))},
          {"remove_ms_p50", round3(percentile(removed, 0.5))},
          {"remove_ms_p99", round3(percentile(removed, 0.99))},
          {"removed_found_again", 0}});
}

// The file's pages leave the kernel's cache, as after a reboot.
void forget(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) stop("cannot drop the cache");
  ::close(fd);
}

void snapshot(const hamming::Index& index, const std::vector<Pdq>& rows,
              const std::filesystem::path& folder) {
  const auto path = folder / "snapshot";
  auto start = Steady::now();
  must(index.save(path, 1), "save");
  const double save_s = seconds_since(start);
  std::vector<double> warm;
  for (int round = 0; round < 5; ++round) {
    start = Steady::now();
    const hamming::Opened opened = must(hamming::Index::open(path), "open");
    if (!finds(opened.index, rows.back(), rows.size() - 1)) stop("the snapshot lost a row");
    warm.push_back(seconds_since(start));
  }
  forget(path);
  start = Steady::now();
  const hamming::Opened opened = must(hamming::Index::open(path), "open");
  if (!finds(opened.index, rows.back(), rows.size() - 1)) stop("the snapshot lost a row");
  const double cold_s = seconds_since(start);
  std::vector<double> mapped;
  std::vector<double> own;
  const std::vector<Query> queries = make_queries(rows, 2000);
  const auto time = [&](const hamming::Index& which) {
    const double before = thread_seconds();
    for (const Query& query : queries) must(which.search(query.hash, kRadius), "search");
    return (thread_seconds() - before) * 1e6 / static_cast<double>(queries.size());
  };
  for (int round = 0; round < 5; ++round) {
    mapped.push_back(time(opened.index));
    own.push_back(time(index));
  }
  figure({{"bench", "index"},
          {"figure", "life: snapshot, wall"},
          {"rows", rows.size()},
          {"bytes", std::filesystem::file_size(path)},
          {"save_s", round3(save_s)},
          {"ready_s", round3(median(warm))},
          {"ready_from_disk_s", round3(cold_s)},
          {"per_query_us_mapped", round3(median(mapped))},
          {"per_query_us_built", round3(median(own))}});
}

}  // namespace

void measure_life(hamming::Index& index, const std::vector<Pdq>& rows,
                  const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  snapshot(index, rows, folder);
  changes(index, rows, folder);
}

}  // namespace entente::bench

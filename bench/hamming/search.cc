// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "measure.h"
#include "peer.h"
#include "scan_limit.h"

namespace entente::bench {
namespace {

constexpr std::size_t kRounds = 7;
constexpr std::size_t kQueries = 4000;
constexpr std::size_t kChecked = 40;
constexpr std::size_t kScans = 5;
constexpr std::size_t kBatch = 1024;

// Two clocks: the thread's own for the whole, the steady one for each query, since reading the
// thread's takes longer than some queries do. Appends each query's microseconds to its list.
double ask(const hamming::Index& index, const std::vector<Query>& queries,
           std::vector<std::vector<double>>& each) {
  each.resize(queries.size());
  std::size_t hits = 0;
  const double start = thread_seconds();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto before = Steady::now();
    hits += must(index.search(queries[i].hash, kRadius), "search").size();
    each[i].push_back(seconds_since(before) * 1e6);
  }
  const double whole = thread_seconds() - start;
  if (hits < queries.size() / 2) stop("planted rows were missed");
  return whole * 1e6 / static_cast<double>(queries.size());
}

// Every planted row found, and for some queries exactly what the scan finds.
void check_answers(const hamming::Index& index, const ScanLimit& scan,
                   const std::vector<Query>& queries) {
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::vector<std::size_t> found;
    for (const hamming::Hit& hit : must(index.search(queries[i].hash, kRadius), "search"))
      found.push_back(hit.id);
    std::sort(found.begin(), found.end());
    if (queries[i].planted >= 0 &&
        !std::binary_search(found.begin(), found.end(),
                            static_cast<std::size_t>(queries[i].planted)))
      stop("a planted row was missed");
    if (i < kChecked && found != scan.search(queries[i].hash, kRadius))
      stop("the index and the scan disagree");
  }
}

double time_peer(const Peer& peer, const std::vector<Query>& queries, std::size_t first,
                 std::size_t count, std::size_t& found) {
  const double start = thread_seconds();
  for (std::size_t i = 0; i < count; ++i)
    found += peer.search(queries[(first + i) % queries.size()].hash, kRadius);
  return (thread_seconds() - start) * 1e6 / static_cast<double>(count);
}

void measure_peers(const hamming::Index& index, const std::vector<Pdq>& rows, Data data,
                   const std::vector<Query>& queries) {
  for (const bool flat : {false, true}) {
    const double start = thread_seconds();
    const auto peer = flat ? Peer::flat(rows) : Peer::multi_hash(rows);
    const double build_s = thread_seconds() - start;
    // Enough for a steady figure, few enough for ten million rows.
    const std::size_t count = std::clamp<std::size_t>(40'000'000 / rows.size(), 8, 100);
    std::vector<double> ours;
    std::vector<double> theirs;
    std::vector<std::vector<double>> each;
    std::size_t found = 0;
    for (std::size_t round = 0; round < 3; ++round) {
      theirs.push_back(time_peer(*peer, queries, round * count, count, found));
      ours.push_back(ask(index, queries, each));
    }
    figure({{"bench", "index"},
            {"figure", "peer"},
            {"rows", rows.size()},
            {"data", data_name(data)},
            {"peer", flat ? "FAISS IndexBinaryFlat" : "FAISS IndexBinaryMultiHash 16x16 nflip 1"},
            {"peer_build", kPeerBuild},
            {"peer_build_s", round3(build_s)},
            {"peer_us", round3(median(theirs))},
            {"ours_us", round3(median(ours))},
            {"ratio", round3(median(theirs) / median(ours))}});
  }
}

}  // namespace

SearchTimes measure_search(const hamming::Index& index, const std::vector<Pdq>& rows, Data data,
                           double build_s, bool with_peer) {
  const std::vector<Query> queries = make_queries(rows, kQueries);
  std::vector<double> ours;
  std::vector<std::vector<double>> each;
  std::vector<double> scans;
  std::vector<double> reads;
  std::vector<double> ratios;
  {
    const ScanLimit scan(rows);
    check_answers(index, scan, queries);
    std::uint64_t keep = 0;
    for (std::size_t round = 0; round < kRounds; ++round) {
      ours.push_back(ask(index, queries, each));
      double start = thread_seconds();
      for (std::size_t i = 0; i < kScans; ++i) keep += scan.search(queries[i].hash, kRadius).size();
      scans.push_back((thread_seconds() - start) * 1e3 / kScans);
      start = thread_seconds();
      for (std::size_t i = 0; i < kScans; ++i) keep += scan.read_all() & 1;
      reads.push_back((thread_seconds() - start) * 1e3 / kScans);
      ratios.push_back(scans.back() * 1e3 / ours.back());
    }
    if (keep == 0) stop("the scan found nothing");
  }
  const SearchTimes times{median(ours), median(scans)};
  // Percentiles over the queries, of each its median over the rounds: how long a query takes, not
  // how often another process took the processor.
  std::vector<double> typical;
  for (const auto& one : each) typical.push_back(median(one));
  const double p50 = percentile(typical, 0.5);
  const double p99 = percentile(typical, 0.99);
  figure({{"bench", "index"},
          {"figure", "single query, one thread"},
          {"rows", rows.size()},
          {"data", data_name(data)},
          {"radius", kRadius},
          {"cpu", hamming::cpu_name(hamming::best_cpu())},
          {"over_scan_limit", round3(median(ratios))},
          {"per_second", round3(1e6 / times.per_query_us)},
          {"per_query_us", round3(times.per_query_us)},
          {"p50_us", round3(p50)},
          {"p99_us", round3(p99)},
          {"p99_over_p50", round3(p99 / p50)},
          {"scan_limit_ms", round3(times.scan_ms)},
          {"scan_over_memory", round3(median(reads) / times.scan_ms)},
          {"scan_gb_per_s", round3(16e-6 * static_cast<double>(rows.size()) / times.scan_ms)},
          {"bytes_per_fingerprint",
           round3(static_cast<double>(index.bytes()) / static_cast<double>(index.size()))},
          {"build_s", round3(build_s)},
          {"recall", 1.0},
          {"checked_by_scan", kChecked}});
  if (with_peer) measure_peers(index, rows, data, queries);
  return times;
}

void measure_batch(const hamming::Index& index, const std::vector<Pdq>& rows, Data data) {
  const std::vector<Query> queries = make_queries(rows, 2 * kBatch);
  // Each thread has a batch of its own; rates are of each thread's CPU time, added up.
  const auto rate = [&](bool batched) {
    std::vector<double> rates(2);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 2; ++t)
      threads.emplace_back([&, t] {
        std::vector<Pdq> mine;
        for (std::size_t i = 0; i < kBatch; ++i) mine.push_back(queries[t * kBatch + i].hash);
        std::size_t hits = 0;
        const double start = thread_seconds();
        if (batched) {
          for (const auto& found : must(index.search_batch(mine, kRadius), "batch"))
            hits += found.size();
        } else {
          for (const Pdq& query : mine) hits += must(index.search(query, kRadius), "search").size();
        }
        rates[t] = kBatch / (thread_seconds() - start);
        if (hits < kBatch / 2) stop("planted rows were missed");
      });
    for (std::thread& thread : threads) thread.join();
    return rates[0] + rates[1];
  };
  std::vector<double> single;
  std::vector<double> batch;
  for (std::size_t round = 0; round < kRounds; ++round) {
    single.push_back(rate(false));
    batch.push_back(rate(true));
  }
  figure({{"bench", "index"},
          {"figure", "batch of 1,024, two threads"},
          {"rows", rows.size()},
          {"data", data_name(data)},
          {"over_single", round3(median(batch) / median(single))},
          {"batch_per_second", round3(median(batch))},
          {"single_per_second", round3(median(single))}});
}

}  // namespace entente::bench

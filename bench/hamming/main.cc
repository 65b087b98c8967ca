// SPDX-License-Identifier: Apache-2.0
//
// entente_bench_hamming --dir FOLDER [--n ROWS] [--data uniform|realish|both] [--peer yes|no]
//                       [--part all|search|batch|life|growth]
//
// Without --n: one and ten million rows with everything, then growth to fifty million.
#include <cmath>

#include "measure.h"

namespace entente::bench {
namespace {

struct Built {
  hamming::Index index;
  double seconds = 0;
};

Built build(const std::vector<Pdq>& rows, std::size_t bytes_per_entry = hamming::kBytesPerEntry,
            std::size_t free_bytes = hamming::kFreeBytes) {
  const auto ids = ids_of(rows);
  hamming::Options options;
  options.bytes_per_entry = bytes_per_entry;
  options.free_bytes = free_bytes;
  const double start = thread_seconds();
  auto index = must(hamming::Index::build(ids, rows, options), "build");
  return {std::move(index), thread_seconds() - start};
}

void measure(std::size_t n, Data data, const std::string& part, bool peer,
             const std::filesystem::path& folder) {
  const std::vector<Pdq> rows = make_rows(data, n);
  Built built = build(rows);
  if (part == "all" || part == "search")
    measure_search(built.index, rows, data, built.seconds, peer);
  if (part == "all" || part == "batch") measure_batch(built.index, rows, data);
  if ((part == "all" && data == Data::kUniform) || part == "life")
    measure_life(built.index, rows, folder);
}

// The same memory for each fingerprint at every size: a small index may otherwise take more and is
// quicker for it, which would make growth look steep.
void growth(const std::vector<std::size_t>& sizes) {
  double before = 0;
  std::size_t rows_before = 0;
  for (const std::size_t n : sizes) {
    const std::vector<Pdq> rows = make_rows(Data::kUniform, n);
    const Built built = build(rows, hamming::kBytesPerEntry, 0);
    const SearchTimes times =
        measure_search(built.index, rows, Data::kUniform, built.seconds, false);
    json::Object out{{"bench", "index"},
                     {"figure", "growth at a hundred bytes each"},
                     {"rows", n},
                     {"per_query_us", round3(times.per_query_us)}};
    if (before != 0) {
      const double tenfolds = std::log10(static_cast<double>(n) / static_cast<double>(rows_before));
      out["times_per_tenfold"] = round3(std::pow(times.per_query_us / before, 1 / tenfolds));
    }
    figure(out);
    before = times.per_query_us;
    rows_before = n;
  }
}

void run(const Args& args) {
  const std::filesystem::path folder = args.text("dir", "bench-index");
  const std::string part = args.text("part", "all");
  const std::string data = args.text("data", "both");
  const bool peer = args.text("peer", "yes") == "yes";
  const std::size_t one = args.number("n", 0);
  const std::vector<std::size_t> sizes =
      one != 0 ? std::vector<std::size_t>{one} : std::vector<std::size_t>{1'000'000, 10'000'000};
  if (part != "growth") {
    for (const std::size_t n : sizes) {
      for (const Data which : {Data::kUniform, Data::kRealish}) {
        if (data != "both" && data != data_name(which)) continue;
        measure(n, which, part, peer && which == Data::kUniform, folder);
      }
    }
  }
  if (part == "growth" || (part == "all" && one == 0))
    growth(one != 0 ? std::vector<std::size_t>{one / 10, one}
                    : std::vector<std::size_t>{1'000'000, 10'000'000, 50'000'000});
}

}  // namespace
}  // namespace entente::bench

int main(int argc, char** argv) {
  // Args looks behind the name of a measurement; here there is only one.
  std::vector<char*> all{argv[0], argv[0]};
  all.insert(all.end(), argv + 1, argv + argc);
  entente::bench::run(entente::bench::Args(static_cast<int>(all.size()), all.data()));
  return 0;
}

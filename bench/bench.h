// SPDX-License-Identifier: Apache-2.0
//
// What the measurements share: one JSON object per figure on stdout, percentiles, threads that
// start together. Figures are ratios to a peer or limit measured in the same run; nothing here
// passes or fails by time.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "entente/core/error.h"
#include "entente/json/json.h"

namespace entente::bench {

using Steady = std::chrono::steady_clock;

inline double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

// Rounds to three decimals: more would be noise.
inline double round3(double value) {
  return static_cast<double>(static_cast<std::int64_t>(value * 1000 + 0.5)) / 1000;
}

inline void figure(const json::Object& object) {
  std::printf("%s\n", boost::json::serialize(object).c_str());
  std::fflush(stdout);
}

// A benchmark that met an error has measured nothing.
[[noreturn]] inline void stop(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(1);
}
inline void must(const Result<void>& result, const char* what) {
  if (!result) stop(std::string(what) + ": " + to_string(result.error()));
}
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) stop(std::string(what) + ": " + to_string(result.error()));
  return std::move(*result);
}

// `p` in 0..1, nearest rank. Sorts.
inline double percentile(std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5);
  return values[rank];
}

// Runs work(i) for 0..n-1 on `threads` threads, each taking the next index; returns the seconds
// from the common start to the last end.
template <class F>
double in_threads(std::size_t threads, std::size_t n, F&& work) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> pool;
  for (std::size_t t = 0; t < threads; ++t)
    pool.emplace_back([&] {
      while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
      for (std::size_t i = next++; i < n; i = next++) work(i);
    });
  const auto start = Steady::now();
  go.store(true, std::memory_order_release);
  for (auto& t : pool) t.join();
  return seconds_since(start);
}

// --name value pairs.
class Args {
 public:
  Args(int argc, char** argv) : argv_(argv + 2, argv + argc) {}
  std::string text(std::string_view name, std::string otherwise = {}) const {
    for (std::size_t i = 0; i + 1 < argv_.size(); i += 2)
      if (argv_[i] == "--" + std::string(name)) return argv_[i + 1];
    return otherwise;
  }
  std::size_t number(std::string_view name, std::size_t otherwise) const {
    const auto t = text(name);
    return t.empty() ? otherwise : std::stoul(t);
  }

 private:
  std::vector<std::string> argv_;
};

void run_steps(const Args& args);
void run_http(const Args& args);
void run_ledger(const Args& args);

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
//
// Signed, logged, durable steps per second, beside the same number of bare durable commits in the
// same run: one by one on one SQLite connection (WAL, synchronous=FULL, one row of 300 bytes
// each), and through our own group-commit writer with as many client threads.
//
// `drafts`: every step opens an act. `orders`: every submitted signature makes the node answer with
// its sending step and two deliveries in the outbox; both steps are counted, as both are signed,
// logged and durable.
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "bench_node.h"

namespace entente::bench {
namespace {

constexpr std::size_t kRowBytes = 300;  // as in the measurements that chose the store

std::filesystem::path fresh(const std::filesystem::path& base, const char* name) {
  const auto folder = base / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void sql_ok(sqlite3* db, int rc, int wanted) {
  if (rc != wanted) stop(std::string("sqlite: ") + sqlite3_errmsg(db));
}

// Of this process, all threads, user and kernel: what a busy machine does not falsify.
double cpu_us() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

// Commits per second of one connection that does nothing else.
double bare_per_s(const std::filesystem::path& folder, std::size_t n) {
  sqlite3* db = nullptr;
  sql_ok(db, sqlite3_open((folder / "bare.db").c_str(), &db), SQLITE_OK);
  sql_ok(db,
         sqlite3_exec(db,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                      "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL)",
                      nullptr, nullptr, nullptr),
         SQLITE_OK);
  sqlite3_stmt* insert = nullptr;
  sql_ok(db, sqlite3_prepare_v2(db, "INSERT INTO t(v) VALUES(?1)", -1, &insert, nullptr),
         SQLITE_OK);
  const std::string row(kRowBytes, 'x');
  const auto start = Steady::now();
  for (std::size_t i = 0; i < n; ++i) {
    sqlite3_bind_text(insert, 1, row.data(), static_cast<int>(row.size()), SQLITE_STATIC);
    sql_ok(db, sqlite3_step(insert), SQLITE_DONE);
    sqlite3_reset(insert);
  }
  const double seconds = seconds_since(start);
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return static_cast<double>(n) / seconds;
}

double grouped_per_s(const std::filesystem::path& folder, std::size_t n, std::size_t threads) {
  auto store = must(sqlite::SqliteStore::open((folder / "group.db").string(), {}), "store");
  must(store->write([](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL)"));
    return {};
  }),
       "table");
  const std::string row(kRowBytes, 'x');
  const double seconds = in_threads(threads, n, [&](std::size_t) {
    must(store->write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_CHECK_OK(tx.exec("INSERT INTO t(v) VALUES($1)", {row}));
      return {};
    }),
         "insert");
  });
  return static_cast<double>(n) / seconds;
}

struct Load {
  double per_s = 0;
  double p50_ms = 0, p99_ms = 0;  // of a submit
  double cpu_us = 0;              // of a step
};

Load submit(BenchNode& node, const std::vector<Order>& orders, std::string Order::*which,
            std::size_t threads) {
  std::vector<double> ms(orders.size());
  const auto before = node.leaves();
  const double cpu = cpu_us();
  const double seconds = in_threads(threads, orders.size(), [&](std::size_t i) {
    const auto start = Steady::now();
    const auto out =
        must(node.service->submit(orders[i].*which, dossier::Source::kPerson), "submit");
    if (out.status != "applied") stop("a step was not applied");
    ms[i] = seconds_since(start) * 1000;
  });
  Load load;
  const auto steps = static_cast<double>(node.leaves() - before);
  load.per_s = steps / seconds;
  load.cpu_us = (cpu_us() - cpu) / steps;
  load.p50_ms = percentile(ms, 0.5);
  load.p99_ms = percentile(ms, 0.99);
  return load;
}

struct Series {
  std::vector<double> per_s, bare, grouped, p50, p99, cpu;
};

void report(const char* load, std::size_t n, std::size_t threads, int delay_us, Series& s) {
  std::vector<double> to_bare, to_grouped;
  for (std::size_t i = 0; i < s.per_s.size(); ++i) {
    to_bare.push_back(s.per_s[i] / s.bare[i]);
    to_grouped.push_back(s.per_s[i] / s.grouped[i]);
  }
  const double worst = *std::min_element(to_bare.begin(), to_bare.end());
  figure({{"bench", "steps"},
          {"load", load},
          {"clients", threads},
          {"submits", n},
          {"flush_delay_us", delay_us},
          {"rounds", s.per_s.size()},
          {"steps_per_s", round3(percentile(s.per_s, 0.5))},
          {"bare_full_commits_per_s", round3(percentile(s.bare, 0.5))},
          {"grouped_commits_per_s", round3(percentile(s.grouped, 0.5))},
          {"ratio_to_bare", round3(percentile(to_bare, 0.5))},
          {"ratio_to_bare_worst_round", round3(worst)},
          {"ratio_to_grouped", round3(percentile(to_grouped, 0.5))},
          {"cpu_us_per_step", round3(percentile(s.cpu, 0.5))},
          {"submit_p50_ms", round3(percentile(s.p50, 0.5))},
          {"submit_p99_ms", round3(percentile(s.p99, 0.5))}});
}

}  // namespace

void run_steps(const Args& args) {
  const std::filesystem::path dir = args.text("dir", "bench-data");
  const auto n = args.number("n", 4000);
  const auto rounds = args.number("rounds", 3);
  const auto delay = static_cast<int>(args.number("flush-delay-us", 0));
  std::vector<std::size_t> clients = {8, 64};
  if (const auto one = args.number("clients", 0); one != 0) clients = {one};
  for (const auto threads : clients) {
    Series drafts, orders;
    for (std::size_t round = 0; round < rounds; ++round) {
      // The same number of commits as steps, on the same disk, a moment apart.
      const double bare = bare_per_s(fresh(dir, "bare"), n);
      const double grouped = grouped_per_s(fresh(dir, "group"), n, threads);
      BenchNode node(fresh(dir, "node"));
      const auto ready = node.orders(n);
      const auto add = [&](Series& s, const Load& load) {
        s.per_s.push_back(load.per_s);
        s.p50.push_back(load.p50_ms);
        s.p99.push_back(load.p99_ms);
        s.cpu.push_back(load.cpu_us);
        s.bare.push_back(bare);
        s.grouped.push_back(grouped);
      };
      add(drafts, submit(node, ready, &Order::compose, threads));
      add(orders, submit(node, ready, &Order::sign, threads));
    }
    report("drafts", n, threads, delay, drafts);
    report("orders", n, threads, delay, orders);
  }
  std::filesystem::remove_all(dir);
}

}  // namespace entente::bench

// SPDX-License-Identifier: Apache-2.0
//
// Three ways to hash: `quick` (a JPEG decoded scaled, the default), `full` (its luma at full size),
// `strict` (RGB at full size, the reference's bits, the published steps where rounding could
// decide).
//
// entente_bench_upload --dir FOLDER [--rows N] [--rounds N] [--ms N] [--clients N]
// [--photographs FOLDER]
//
// JPEG bytes → answer over HTTP: keep-alive on loopback, the real router and engine, the real
// sandbox, a bank of `rows` fingerprints in the index, every check recorded. Beside it as many
// threads that decode the same files to luma with libjpeg-turbo and do nothing else. Rounds of both
// alternate; figures are medians of rounds. `ratio` is images per second to images per second;
// `cpu_ratio` is CPU seconds of the yardstick to CPU seconds of everything here, client, server and
// sandbox, which other work on the machine disturbs less.
#include <filesystem>
#include <numeric>

#include "../bench.h"
#include "clients.h"
#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/http/server.h"
#include "entente/matching/routes.h"
#include "pictures.h"

namespace entente::bench {
namespace {

// Rows that only the index holds: above every id that the store will give.
constexpr std::uint64_t kSyntheticIds = std::uint64_t{1} << 40;
constexpr std::size_t kRealEntries = 1'000;

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
fingerprint::Pdq random_pdq(std::uint64_t seed) {
  fingerprint::Pdq out;
  for (std::size_t i = 0; i < out.words.size(); ++i) out.words[i] = mix(seed * 4 + i);
  return out;
}

// One mode of the upload road, served.
class Service {
 public:
  Service(store::Store& store, const matching::Banks& banks, media::DecoderPool& pool,
          const std::filesystem::path& snapshot, unsigned workers)
      : matcher_(must(matching::Matcher::load(store, pool, banks, clock_, snapshot), "matcher")),
        checks_(store),
        road_({store, banks, *matcher_, checks_, breaker_, nullptr, clock_, random_, {}}) {
    matching::add_routes(
        router_,
        {store, road_, [](const http::Request&) -> Result<void> { return {}; },
         [](const http::Request&) -> Result<std::string> { return std::string("nobody"); }});
    http::ServerOptions options;
    options.limits.cpu_workers = workers + 2;  // as a node has them
    server_ = must(http::Server::create(router_, options), "server");
    thread_ = std::thread([this] { server_->run(); });
  }
  ~Service() {
    server_->stop();
    thread_.join();
  }
  std::uint16_t port() const { return server_->port(); }
  std::size_t rows() const { return matcher_->size(); }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<matching::Matcher> matcher_;
  matching::CheckLog checks_;
  matching::Breaker breaker_;
  matching::Road road_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
};

struct Measured {
  double per_second = 0;
  double cpu_ms = 0;  // for one image
};

// `work(client, picture)` from `clients` threads for about `ms`.
template <class F>
Measured measure(std::size_t clients, std::size_t pictures, std::size_t ms, F&& work) {
  std::atomic<std::size_t> done{0};
  std::atomic<std::size_t> next{0};
  const double cpu = family_cpu_seconds();
  const auto start = Steady::now();
  const auto end = start + std::chrono::milliseconds(ms);
  std::vector<std::thread> threads;
  for (std::size_t c = 0; c < clients; ++c) {
    threads.emplace_back([&, c] {
      while (Steady::now() < end) {
        work(c, next++ % pictures);
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto n = static_cast<double>(done.load());
  return {n / seconds_since(start), (family_cpu_seconds() - cpu) * 1000 / n};
}

// Of watermark 0: the real entries are read from the store's change feed, as at any start.
void build_snapshot(const std::filesystem::path& path, std::size_t rows) {
  std::vector<std::uint64_t> ids(rows);
  std::vector<fingerprint::Pdq> hashes(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    ids[i] = kSyntheticIds + i;
    hashes[i] = random_pdq(42 + i);
  }
  const auto start = Steady::now();
  const auto index = must(hamming::Index::build(ids, hashes), "index");
  const double built = seconds_since(start);
  must(index.save(path, 0), "snapshot");
  figure({{"bench", "upload"}, {"figure", "prepared"}, {"rows", rows}, {"build_s", round3(built)}});
}

void make_bank(store::Store& store, const matching::Banks& banks) {
  const std::vector<store::Migration> migrations = {matching::migration(),
                                                    matching::uploads_migration()};
  must(store::migrate(store, migrations, 1), "schema");
  const auto filled = store.write([&](store::Tx& tx) -> Result<void> {
    const Instant now = instant_from_ms(1);
    ENTENTE_CHECK_OK(
        banks.create(tx, "removed", "Removed by order", fingerprint::kMatchDistance, now));
    matching::NewEntry entry;
    entry.bank = "removed";
    entry.quality = 100;
    entry.label = "recruitment-and-instruction";
    entry.act = "act";
    entry.step = "step";
    entry.now = now;
    for (std::size_t i = 0; i < kRealEntries; ++i) {
      entry.target = std::to_string(i);
      entry.pdq = random_pdq(7 + i);
      ENTENTE_CHECK_OK(banks.add(tx, entry));
    }
    return {};
  });
  must(filled, "bank");
}

double median(std::vector<double> values) {
  return percentile(values, 0.5);
}

struct Load {
  std::string name;
  std::vector<Bytes> files;
};

std::vector<Load> loads(const std::string& photographs) {
  const Load small{"512x512", pictures(photographs, 512, 512)};
  const Load middle{"1024x768", pictures(photographs, 1024, 768)};
  const Load large{"4000x3000", pictures(photographs, 4000, 3000)};
  // What comes in on a day: five small, four middle, one large.
  Load mix{"mix", {}};
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t k = 0; k < 5; ++k) mix.files.push_back(small.files[(i + k) % 5]);
    for (std::size_t k = 0; k < 4; ++k) mix.files.push_back(middle.files[(i + k) % 5]);
    mix.files.push_back(large.files[i]);
  }
  return {small, middle, large, mix};
}

// One way to hash, behind a server of its own.
struct Mode {
  std::string name;
  matching::Exactness exactness = matching::Exactness::kQuick;
  double reach = 0;  // 0: no goal
  std::unique_ptr<media::DecoderPool> pool;
  std::unique_ptr<Service> service;
  std::vector<double> per_second, ratio, cpu_ratio, cpu_ms;
};

// The yardstick before and after each mode, in every round.
void compare(const Load& load, std::vector<Mode>& modes, std::size_t clients, std::size_t rounds,
             std::size_t ms) {
  const std::size_t files = load.files.size();
  const auto bytes =
      std::accumulate(load.files.begin(), load.files.end(), std::size_t{0},
                      [](std::size_t sum, const Bytes& file) { return sum + file.size(); });
  std::atomic<std::uint64_t> sink{0};
  const auto decode = [&](std::size_t, std::size_t i) { sink += decode_luma(load.files[i]); };
  std::vector<double> plain_s, plain_c;
  for (Mode& mode : modes) {
    mode.per_second.clear();
    mode.ratio.clear();
    mode.cpu_ratio.clear();
    mode.cpu_ms.clear();
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (Mode& mode : modes) {
      std::vector<std::unique_ptr<Uploader>> to;
      for (std::size_t c = 0; c < clients; ++c)
        to.push_back(std::make_unique<Uploader>(mode.service->port()));
      const auto post = [&](std::size_t c, std::size_t i) { to[c]->post(load.files[i]); };
      measure(clients, files, ms / 8, post);  // warm
      const auto before = measure(clients, files, ms / 2, decode);
      const auto ours = measure(clients, files, ms, post);
      const auto after = measure(clients, files, ms / 2, decode);
      plain_s.push_back((before.per_second + after.per_second) / 2);
      plain_c.push_back((before.cpu_ms + after.cpu_ms) / 2);
      mode.per_second.push_back(ours.per_second);
      mode.cpu_ms.push_back(ours.cpu_ms);
      mode.ratio.push_back(ours.per_second / plain_s.back());
      mode.cpu_ratio.push_back(plain_c.back() / ours.cpu_ms);
    }
  }
  for (Mode& mode : modes) {
    json::Object line{
        {"bench", "upload"},
        {"size", load.name},
        {"mode", mode.name},
        {"rows", mode.service->rows()},
        {"clients", clients},
        {"mean_kib", round3(static_cast<double>(bytes) / 1024 / static_cast<double>(files))},
        {"images_per_s", round3(median(mode.per_second))},
        {"decode_only_per_s", round3(median(plain_s))},
        {"cpu_ms", round3(median(mode.cpu_ms))},
        {"decode_only_cpu_ms", round3(median(plain_c))},
        {"ratio", round3(median(mode.ratio))},
        {"cpu_ratio", round3(median(mode.cpu_ratio))}};
    if (mode.reach > 0) line["reach"] = mode.reach;
    figure(line);
  }
}

void run(const Args& args) {
  const auto clients = args.number("clients", std::max(1U, std::thread::hardware_concurrency()));
  const auto rounds = args.number("rounds", 7);
  const auto ms = args.number("ms", 1500);
  const std::filesystem::path dir = args.text("dir", ".");
  std::filesystem::create_directories(dir);
  // First of all, as in a node: the decoders are forked from this process as it is now.
  media::SandboxOptions sandbox;
  sandbox.workers = static_cast<int>(clients);
  std::vector<Mode> modes(3);
  modes[0].name = "quick";
  modes[0].reach = 1.2;
  modes[1].name = "full";
  modes[1].exactness = matching::Exactness::kFull;
  modes[1].reach = 0.7;
  modes[2].name = "strict";
  modes[2].exactness = matching::Exactness::kStrict;
  for (Mode& mode : modes) {
    mode.pool =
        must(media::DecoderPool::create(sandbox, matching::picture_job(mode.exactness)), "sandbox");
  }

  const auto all = loads(args.text("photographs", "/usr/share/backgrounds/mate/nature"));
  const auto store = must(sqlite::SqliteStore::open((dir / "upload.db").string(), {}), "store");
  const matching::Banks banks;
  make_bank(*store, banks);
  const auto rows = args.number("rows", 10'000'000);
  build_snapshot(dir / "index.snapshot", rows);
  const auto workers = static_cast<unsigned>(clients);
  for (Mode& mode : modes) {
    mode.service =
        std::make_unique<Service>(*store, banks, *mode.pool, dir / "index.snapshot", workers);
    if (mode.service->rows() != rows + kRealEntries) stop("the index does not hold the bank");
  }
  for (const Load& load : all) compare(load, modes, clients, rounds, ms);
}

}  // namespace
}  // namespace entente::bench

int main(int argc, char** argv) {
  // Args skips the program and a measurement's name; here the program is the measurement.
  std::vector<char*> shifted(argv, argv + argc);
  shifted.insert(shifted.begin(), argv[0]);
  entente::bench::run(entente::bench::Args(argc + 1, shifted.data()));
  return 0;
}

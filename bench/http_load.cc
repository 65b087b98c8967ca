// SPDX-License-Identifier: Apache-2.0
//
// Latency of POST /v1/steps against a running node, open loop: requests leave at fixed times
// whether or not earlier ones were answered, and latency counts from the time a request was due, so
// that a stall is not hidden by the requests it held back. GET /healthz at the same rate, in the
// same run, before and during, says what the way there costs.
#include <fmt/format.h>

#include <fstream>

#include "bench_node.h"
#include "entente/http/client.h"

namespace entente::bench {
namespace {

constexpr std::size_t kSenders = 32;  // connections kept alive; enough that one is always free

// KiB from /proc/PID/status, 0 when it is not there.
std::int64_t status_kib(std::size_t pid, const std::string& field) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1));
  return 0;
}

struct Target {
  http::Client& client;
  std::string url;
};

double send(Target& t, const std::string* envelope, Steady::time_point due) {
  http::ClientRequest q;
  q.url = t.url + (envelope == nullptr ? "/healthz" : "/v1/steps");
  if (envelope != nullptr) {
    q.method = "POST";
    q.headers = {{"content-type", "application/vnd.dsse.envelope+json"}};
    q.body = *envelope;
  }
  const auto answer = must(t.client.send(q), "request");
  const int wanted = envelope == nullptr ? 200 : 201;
  if (answer.status != wanted)
    stop(fmt::format("answered {}: {}", answer.status, answer.body.substr(0, 300)));
  return seconds_since(due) * 1000;
}

// Without envelopes: n times /healthz.
std::vector<double> open_loop(Target& t, const std::vector<std::string>* envelopes, std::size_t n,
                              std::size_t rate) {
  std::vector<double> ms(n);
  const auto start = Steady::now() + std::chrono::milliseconds(50);
  in_threads(kSenders, n, [&](std::size_t i) {
    const auto due = start + std::chrono::nanoseconds(1'000'000'000 / rate * i);
    std::this_thread::sleep_until(due);
    ms[i] = send(t, envelopes == nullptr ? nullptr : &(*envelopes)[i], due);
  });
  return ms;
}

json::Object summary(std::vector<double>& ms) {
  return {{"n", ms.size()},
          {"p50_ms", round3(percentile(ms, 0.5))},
          {"p99_ms", round3(percentile(ms, 0.99))},
          {"max_ms", round3(ms.back())}};
}

void latency(Target& t, const std::vector<std::string>& envelopes, std::size_t rate) {
  open_loop(t, nullptr, rate, rate);  // connections open, caches warm
  auto alone = open_loop(t, nullptr, envelopes.size(), rate);
  std::vector<double> beside;
  std::thread other([&] { beside = open_loop(t, nullptr, envelopes.size(), rate); });
  auto posts = open_loop(t, &envelopes, envelopes.size(), rate);
  other.join();
  const auto p = summary(posts);
  const auto h = summary(alone);
  figure({{"bench", "post"},
          {"rate_per_s", rate},
          {"post_steps", p},
          {"healthz_alone", h},
          {"healthz_beside", summary(beside)},
          {"p99_ratio_to_healthz_alone",
           round3(p.at("p99_ms").as_double() / h.at("p99_ms").as_double())}});
}

void memory(Target& t, const std::vector<std::string>& envelopes, std::size_t pid,
            const std::string& kind) {
  const auto idle = status_kib(pid, "VmRSS");
  in_threads(8, envelopes.size(), [&](std::size_t i) { send(t, &envelopes[i], Steady::now()); });
  const auto after = status_kib(pid, "VmRSS");
  const auto peak = status_kib(pid, "VmHWM");
  const auto mib = [](std::int64_t kib) { return round3(static_cast<double>(kib) / 1024); };
  figure({{"bench", "memory"},
          {"node", kind},
          {"idle_mib", mib(idle)},
          {"idle_of_64_mib", round3(static_cast<double>(idle) / 1024 / 64)},
          {"steps", envelopes.size()},
          {"after_mib", mib(after)},
          {"peak_mib", mib(peak)},
          {"peak_of_512_mib", round3(static_cast<double>(peak) / 1024 / 512)}});
}

}  // namespace

// --mode post|memory --url U --key FILE --person P --issuer D --addressee D [--n N] [--rate R]
// [--pid PID]
void run_http(const Args& args) {
  http::Client client({true, true});
  Target target{client, args.text("url")};
  const auto key = must(crypto::PrivateKey::load(args.text("key")), "key");
  const Person drafter{key, args.text("person"), "drafter"};
  const bool post = args.text("mode") == "post";
  const auto n = args.number("n", post ? 3000 : 5000);
  SystemRandom random;
  std::vector<std::string> envelopes(n);
  in_threads(2, n, [&](std::size_t i) {
    envelopes[i] =
        make_order(drafter, drafter, args.text("issuer"), args.text("addressee"), random, i)
            .compose;
  });
  if (post)
    latency(target, envelopes, args.number("rate", 200));
  else
    memory(target, envelopes, args.number("pid", 0), args.text("kind"));
}

}  // namespace entente::bench

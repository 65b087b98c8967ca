// SPDX-License-Identifier: Apache-2.0
//
// The connector for an operator without an API: files under a content root, served by nginx, which
// answers 451 (RFC 7725) to what an include map names. It keeps the connector contract: locate,
// preserve a sealed copy (age), act, verify from the public side as a stranger, report; and the
// exact reverse (SG18, SG19).
//
//   disable   seal · record · map and reload · 451 seen outside · withdraw the file · 451 with its
//   links checked restore   unseal · record · put the file back · record · map and reload · 200
//   seen outside, same SHA-256
//
// Crash-safe: every step is on disk before the next begins, so that at any instant either the
// original is served, or a sealed copy exists and the public sees 451; a file is never half there.
// Whoever calls next for the same address, under the same key or another, finishes what was begun
// and repeats nothing that was done; `journal` counts what was done.
//
// Keys are the caller's idempotency keys, one for each order's effect on one address. Orders on one
// address are counted: it comes back when the last lets go. A key that let go does not take hold
// again: its late duplicates are refused (kConflict). The sealed copy stays until `erase`.
//
// Errors: kNotFound nothing is there (report it as such), kForbidden a link, kTooLarge over 64 MiB,
// kInvalid an address that cannot be blocked safely, kConflict, kGone the preserved copy was
// erased, kTimeout the public side did not follow within `public_wait` (repeat), kUnavailable
// nginx, kCorrupt.
//
// Thread-safe, and several processes may share the folders: changes take one lock, one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/random.h"
#include "entente/core/time.h"

namespace entente::effects::site {

struct SiteOptions {
  std::filesystem::path content_root;
  std::string public_base;            // "https://photos.example"; no path
  std::filesystem::path blocked_map;  // written here, included by nginx_conf
  std::filesystem::path nginx_pid;
  std::filesystem::path sealed_dir;     // private (0700): sealed copies, records, journal
  std::filesystem::path seal_identity;  // age identity file; its recipient can open the copies
  std::string platform_url;             // who blocks: rel="blocked-by"
  // Reload and all: nginx with 100 000 entries takes about one second.
  std::chrono::milliseconds public_wait{5'000};
  // For crash tests: called at each named point of a change.
  std::function<void(std::string_view)> at_point = {};
};

struct Located {
  std::string url;  // canonical
  std::uint64_t size = 0;
  bool disabled = false;  // withdrawn: only the sealed copy is left
};
struct Disabled {
  std::string preserved_sha256;  // of the content
  std::uint64_t size = 0;
  int public_status = 0;
  Instant checked_at;
  std::string sealed_file;  // name under sealed_dir/sealed
};
struct Restored {
  std::string sha256;  // of what the public gets; of the preserved content while still_blocked
  int public_status = 0;
  Instant checked_at;
  bool still_blocked = false;  // another order holds it
};
struct Done {
  std::string effect;  // sealed | blocked | withdrawn | put_back | unblocked | erased
  std::string url;
  Instant at;
  bool found = false;  // it had been done before a crash kept it from being written down
};

class Site {
 public:
  // Makes the folders, and an empty map when there is none, so that nginx can start. `random` and
  // `clock` outlive it.
  static Result<std::unique_ptr<Site>> open(SiteOptions options, Random& random,
                                            const Clock& clock);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  Result<Located> locate(std::string_view url) const;
  // The original or, when withdrawn, the preserved copy: for moderators and for fingerprints.
  Result<Bytes> read(std::string_view url) const;

  // `record_url`: the act's public record, linked from the 451 page.
  Result<Disabled> disable(std::string_view key, std::string_view url, std::string_view record_url);
  Result<Restored> restore(std::string_view key, std::string_view url);
  // Gives up this key's preserved copy; the file goes with the last key that refers to it.
  // Idempotent.
  Result<void> erase(std::string_view key, std::string_view url);

  // What was done under this key, in order.
  Result<std::vector<Done>> journal(std::string_view key) const;

 private:
  struct Impl;
  explicit Site(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct NginxRun {
  bool daemon = false;
  std::string user;  // only when started as root: whom the workers run as
};
// A complete configuration for an unprivileged nginx on 127.0.0.1:`port`: pid as in `options`, logs
// and temporary files under `prefix`, which the caller makes. For operators it is also the example
// to copy the map and the 451 location from.
std::string nginx_conf(const SiteOptions& options, std::uint16_t port,
                       const std::filesystem::path& prefix, const NginxRun& run = {});

}  // namespace entente::effects::site

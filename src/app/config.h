// SPDX-License-Identifier: Apache-2.0
//
// A node's data folder and its configuration, entente.toml. Unknown keys are refused: a misspelt
// limit must not load as the default. Keys lie beside it, readable by their owner only.
//
//   <folder>/entente.toml  keys/node.key  keys/ledger.key  [keys/witness.key]  [keys/seal.key]
//   [keys/upload.token] <folder>/entente.db    sealed/        notifications/
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "entente/core/error.h"

namespace entente::app {

struct SiteConfig {
  std::string content_root, public_base, blocked_map, nginx_pid;
};

struct Config {
  std::filesystem::path folder;
  std::string party, name, kind;
  std::string url;                    // where peers and people reach this node
  std::string address = "127.0.0.1";  // to listen on
  std::uint16_t port = 0;
  std::string web;                       // folder of the built screens; empty: API only
  bool allow_plain_http = false;         // peers over http: loopback, or behind a TLS proxy
  bool allow_private_addresses = false;  // peers on a private network
  std::int64_t clock_offset_ms = 0;      // for tests of wrong clocks only
  std::optional<SiteConfig> site;        // the platform's content host
  // Of a platform's matching:
  std::vector<std::string>
      fetch_hosts;                   // pictures are fetched from these hosts alone; default none
  bool strict_fingerprints = false;  // bit-exact PDQ at full size, some times slower
  bool hma = false;                  // HMA's face is served
  std::string hma_prefix;            // before its paths: "" or "/hma"

  std::filesystem::path key(std::string_view file) const { return folder / "keys" / file; }
};

Result<Config> load_config(const std::filesystem::path& folder);

// Creates the folder, its keys and entente.toml. Refuses a folder that already holds a node.
Result<void> init_folder(const Config& config);

}  // namespace entente::app

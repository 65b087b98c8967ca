// SPDX-License-Identifier: Apache-2.0
//
// What the sub-commands do, free of how the command line is parsed (main.cc). Each prints its
// result on stdout and returns an Error otherwise; main prints it as one line on stderr and
// exits 1.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config.h"

namespace entente::app {

// ── on a node's folder. People and parties: beside a running node too, which is then asked to make
// the change.
// ───────────────────────────────────────────────────────────────────────────────────────────
Result<void> show_node(const std::filesystem::path& folder);
Result<void> new_key(const std::filesystem::path& file);
Result<void> add_person(const std::filesystem::path& folder, const std::string& name,
                        const std::vector<std::string>& roles, const std::string& public_key,
                        const std::filesystem::path& key_file);
Result<void> revoke_person(const std::filesystem::path& folder, const std::string& keyid);
Result<void> list_persons(const std::filesystem::path& folder);
// `source`: a running node's URL, or a file with its directory entry (print_directory).
Result<void> add_party(const std::filesystem::path& folder, const std::string& source,
                       const std::string& fingerprint);
Result<void> print_directory(const std::filesystem::path& folder);
Result<void> list_known_parties(const std::filesystem::path& folder);
Result<void> audit_ledger(const std::filesystem::path& folder);
Result<void> print_nginx_conf(const std::filesystem::path& folder, std::uint16_t port,
                              const std::filesystem::path& prefix, const std::string& user);

// ── offline
// ──────────────────────────────────────────────────────────────────────────────────────────────────────
struct VerifyOptions {
  std::filesystem::path file;       // an envelope, or a .tlog-proof
  std::vector<std::string> keys;    // ed25519:… that must have signed
  std::filesystem::path directory;  // a directory entry (entente.json) whose keys are accepted
  std::filesystem::path leaf;       // with a proof: the leaf it is about
  std::string log_vkey;
  std::vector<std::string> witness_vkeys;
  std::size_t min_witnesses = 0;
};
Result<void> verify_file(const VerifyOptions& options);
Result<void> hash_files(const std::vector<std::filesystem::path>& files);
Result<void> check_regimes(const std::vector<std::filesystem::path>& files);
Result<void> list_regimes();
Result<void> print_regime_schema();

// ── over HTTP, signing here: the key never leaves this machine
// ───────────────────────────────────────────────────
struct Remote {
  std::string node;  // URL
  std::filesystem::path key;
};
Result<void> remote_get(const Remote& remote, const std::string& path);
Result<void> remote_compose(const Remote& remote, const std::string& role,
                            const std::filesystem::path& draft);
struct MoveOptions {
  std::string act, move, role, review, body = "{}";
  std::optional<std::size_t> target;
};
Result<void> remote_move(const Remote& remote, const MoveOptions& options);
Result<void> remote_match(const std::string& node, const std::filesystem::path& token_file,
                          const std::filesystem::path& image);

}  // namespace entente::app

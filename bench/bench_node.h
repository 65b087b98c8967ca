// SPDX-License-Identifier: Apache-2.0
//
// A node as `entente serve` composes it, without its server: store on disk, ledger whose checkpoint
// is signed in each commit, directory, service. And orders ready to be sent: composed and signed by
// people's keys before any clock starts.
#pragma once

#include <filesystem>
#include <memory>

#include "bench.h"
#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/core/random.h"
#include "entente/dossier/service.h"

namespace entente::bench {

inline constexpr std::string_view kIssuer = "interior.example";
inline constexpr std::string_view kAddressee = "photos.example";
inline constexpr std::string_view kOverseer = "overseer.example";
inline constexpr std::string_view kRegime = "eu-tco-removal@1";

struct Person {
  const crypto::PrivateKey& key;
  std::string id;  // the directory's pseudonym
  std::string role;
};

// One order: its draft, and the signature that sends it.
struct Order {
  std::string compose, sign;  // envelopes
};

// A complete draft under eu-tco-removal, signed, and its signing step. `act` differs by order.
Order make_order(const Person& drafter, const Person& signer, std::string_view issuer,
                 std::string_view addressee, Random& random, std::size_t number);

class BenchNode {
 public:
  explicit BenchNode(const std::filesystem::path& folder);
  std::vector<Order> orders(std::size_t n);
  std::uint64_t leaves();

  SystemClock clock;
  SystemRandom random;
  crypto::PrivateKey node_key, ledger_key, drafter_key, signer_key;
  std::string drafter, signer;  // pseudonyms
  acts::Catalogue regimes;
  ledger::Log log;
  std::unique_ptr<sqlite::SqliteStore> store;
  std::unique_ptr<dossier::Service> service;
};

}  // namespace entente::bench

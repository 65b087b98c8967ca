// SPDX-License-Identifier: Apache-2.0
//
// Node to node: steps travel in packages, each with its leaf, the salt that opens it and a proof of
// inclusion under a checkpoint its author's ledger signed, so that an order that is not logged is
// not an order here either (I1). The answer is a signed receipt; the same steps always get the same
// receipt. Delivery repeats until received.
//
// Each request and each answer is signed by its node as an HTTP message (message_signature.h), so
// that it cannot be turned to another address, exchanged for another, or played again.
//
// Trust: the sender's node key and log key come from the directory, confirmed out of band. An
// unknown official's key makes the receiver fetch the sender's directory entry once, over the
// address it confirmed.
#pragma once

#include "entente/dossier/service.h"
#include "entente/effects/dispatcher.h"
#include "entente/http/api.h"
#include "entente/http/client.h"

namespace entente::exchange {

inline constexpr std::string_view kReceiptType = "application/vnd.entente.receipt+json";
inline constexpr std::size_t kMaxPackageSteps = 64;
inline constexpr std::size_t kMaxPackageBytes = 8 << 20;
inline constexpr std::chrono::seconds kDirectoryRefresh{
    10};  // at most one fetch per party and interval
// Every directory entry is fetched again at this age, so that a revocation is known everywhere
// within five minutes: this, one round of fetches, and the caller's tick.
inline constexpr std::chrono::minutes kDirectoryAge{3};
inline constexpr std::chrono::seconds kDirectoryTimeout{5};  // of one fetch
// Fetches side by side in a round: 200 partners that do not answer take 63 seconds.
inline constexpr std::size_t kDirectoryFetches = 16;

store::Migration migration();

class Exchange {
 public:
  Exchange(dossier::Service& service, http::Client& client);

  // POST /v1/inbox.
  void add_routes(http::Router& router);
  // The outbox's handler for "deliver": sends every own step of the act the peer has not confirmed.
  effects::Handler& deliverer() { return deliverer_; }
  // Fetches the entries that are kDirectoryAge old, all of them on the first call; how many
  // partners answered. Called by a thread of the node's, again and again.
  Result<std::size_t> refresh_directories();
  // After steps came from a peer and were committed (wakes the queue's screens). May be empty.
  void on_received(std::function<void()> hook) { on_received_ = std::move(hook); }

 private:
  class Deliverer final : public effects::Handler {
   public:
    explicit Deliverer(Exchange& exchange) : exchange_(exchange) {}
    Result<json::Object> perform(const effects::Effect& effect) override;

   private:
    Exchange& exchange_;
  };

  struct Incoming {
    std::string envelope;
    dossier::LeafInfo leaf;
    std::string step;  // its id
    std::vector<std::string> keyids;
  };
  Result<http::Response> inbox(const http::Request& request);
  // `sender`: whom the package says it is from, as soon as that is read.
  Result<http::Response> take_package(const http::Request& request, std::string& sender);
  Result<void> check_sender(const http::Request& request, const identity::PartyRow& from);
  Result<Incoming> read_item(const json::Value& item, const identity::PartyRow& from);
  Result<std::vector<Incoming>> read_items(const json::Array& items,
                                           const identity::PartyRow& from);
  Result<json::Array> receive(const std::vector<Incoming>& items, std::vector<std::string>& made);
  void look_up_unknown(const identity::PartyRow& party, const std::vector<Incoming>& items);
  // True when the party answered with an entry of its own.
  bool fetch_directory(const identity::PartyRow& party);
  Result<json::Object> pack(store::Tx& tx, const dossier::StoredStep& step) const;
  Result<json::Object> deliver(const effects::Effect& effect);
  Result<void> take_receipt(const identity::PartyRow& peer, std::string_view envelope,
                            const std::vector<std::string>& sent);

  dossier::Service& service_;
  http::Client& client_;
  Deliverer deliverer_;
  std::function<void()> on_received_;
  std::mutex mutex_;
  // Guarded by mutex_: the last fetch per party, for an unknown key and in a round.
  std::map<std::string, Instant> refreshed_, rounds_;
};

}  // namespace entente::exchange

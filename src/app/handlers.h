// SPDX-License-Identifier: Apache-2.0
//
// What the outbox carries out on a platform: content disabled and restored on the site,
// fingerprints into and out of the bank, people told. Each handler may run again after a crash and
// then finds its work done.
//
// `follow_up` turns a result into the step that attests it, in the transaction that marks the
// effect done, so that a result is reported exactly once.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "entente/dossier/service.h"
#include "entente/effects/dispatcher.h"
#include "entente/effects/site/site.h"
#include "entente/matching/matcher.h"

namespace entente::app {

// Which fingerprint an item had when it was disabled: the bank entry is made from it later.
store::Migration items_migration();

inline constexpr std::string_view kRemovedBank = "removed";

class Handlers {
 public:
  struct Parts {
    dossier::Service& service;
    effects::site::Site* site;   // null: this node hosts nothing
    matching::Matcher* matcher;  // null: no matching
    const matching::Banks& banks;
    std::filesystem::path
        notifications;  // folder: one JSON file per message, for the platform's own mailer
  };
  explicit Handlers(Parts parts);
  ~Handlers();

  void add_to(effects::Dispatcher& dispatcher);
  // For Service::on_effect: what must happen in the very transaction of the step (a tombstone binds
  // at commit).
  Result<void> at_once(store::Tx& tx, const acts::WantedEffect& wanted,
                       const dossier::Loaded& loaded, effects::Effect& effect);
  // For Dispatcher::on_done.
  Result<void> follow_up(store::Tx& tx, const effects::Effect& effect, const json::Object& result);

 private:
  struct One;
  Result<json::Object> disable(const effects::Effect& effect);
  Result<json::Object> restore(const effects::Effect& effect);
  Result<json::Object> erase(const effects::Effect& effect);
  Result<json::Object> bank_add(const effects::Effect& effect);
  Result<json::Object> bank_tombstone(const effects::Effect& effect);
  Result<json::Object> inform(const effects::Effect& effect, std::string_view role,
                              std::string_view about);
  Result<json::Object> attestation_body(store::Tx& tx, const effects::Effect& effect,
                                        const json::Object& result, const acts::Move& move);

  Parts parts_;
  std::vector<std::unique_ptr<One>> handlers_;
};

}  // namespace entente::app

// SPDX-License-Identifier: Apache-2.0
#include "witnessing.h"

#include "entente/core/log.h"
#include "entente/identity/directory.h"

namespace entente::app {

void Witnessing::tick() {
  std::vector<identity::PartyRow> parties;
  std::uint64_t size = 0;
  const auto read = store_.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(list, identity::list_parties(tx));
    parties = std::move(list);
    ENTENTE_TRY(n, ledger::Log::size(tx));
    size = n;
    return {};
  });
  if (!read) return;
  for (const auto& p : parties) {
    if (p.party == self_) continue;
    if (own_ != nullptr && !trusted_.contains(p.log_vkey)) {
      const auto key = crypto::NoteKey::parse(p.log_vkey);
      if (key && store_.write([&](store::Tx& tx) {
            return ledger::WitnessService::trust(tx, key->name, p.log_vkey);
          }))
        trusted_.insert(p.log_vkey);
    }
    if (p.witness_vkey.empty() || cosigned_[p.party] == size || size == 0) continue;
    const auto done =
        ledger::request_cosignature(client_, store_, log_, p.url + "/witness", p.witness_vkey);
    if (done) {
      cosigned_[p.party] = size;
      contradicted_.erase(p.party);
    } else if (done.error().code != Code::kCorrupt) {
      log::debug("witness.missed", {{"party", p.party}, {"why", done.error().detail}});
    } else if (contradicted_.insert(p.party).second) {
      // The witness holds another history than we do: a fork, or a backup that was too old. Once,
      // not every two seconds: a human must look.
      log::error("witness.contradiction", {{"party", p.party}, {"why", done.error().detail}});
    }
  }
}

}  // namespace entente::app

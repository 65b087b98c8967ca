// SPDX-License-Identifier: Apache-2.0
//
// Case work: the one road by which a step enters a node, whether a person posted it, a peer
// delivered it or the node made it. On that road, in one transaction: signatures against the
// directory, the regime's judgment (acts::apply), the step as it was signed, its leaf in the
// ledger, the act's projection, and the effects it causes in the outbox. Nothing is half-written: a
// refusal leaves the act unchanged and one row in the refusals.
//
// Thread-safe. `submit` and `prepare` are called outside units of work; functions that take a Tx
// inside one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "entente/acts/apply.h"
#include "entente/core/random.h"
#include "entente/crypto/envelope.h"
#include "entente/dossier/repository.h"
#include "entente/effects/outbox.h"
#include "entente/identity/directory.h"
#include "entente/ledger/log.h"

namespace entente::dossier {

inline constexpr std::size_t kMaxCachedActs = 4096;  // about 20 KiB each when folded

// How a step came, for the refusals' log.
enum class Source : std::uint8_t { kPerson, kPeer, kNode };

struct Outcome {
  std::string act, step, move;
  std::string status;  // applied | waiting | refused | rejected (not kept: send it again)
  std::optional<Error> why;
  bool duplicate = false;
  std::optional<LeafInfo> leaf;
  json::Object regions;
  std::vector<std::string> made;  // steps the node made at once in answer, same transaction
};

// Something a person or a node wants to say, before it is signed.
struct Wish {
  std::string regime;  // for a first step
  std::string act;     // empty for a new act
  std::string move;    // empty for the drafting move of the regime
  std::string role;
  std::optional<std::size_t> target;
  std::string review;
  json::Object body;
};

struct Prepared {
  acts::Step step;
  std::string payload;
};

struct Loaded {
  acts::ActState state;
  const acts::Regime* regime = nullptr;
  std::vector<std::string> waiting;
  Version version;
};

class Service {
 public:
  struct Parts {
    store::Store& store;
    const acts::Catalogue& regimes;
    const ledger::Log& log;
    const crypto::PrivateKey& node_key;
    const Clock& clock;
    Random& random;
    std::string party;  // this node's
    std::string url;    // where peers reach it
  };
  explicit Service(Parts parts);

  // Accepts a signed envelope. Errors: what is wrong with it, with the safeguard's number;
  // kUnauthorised for unknown or revoked keys and bad signatures. A peer's step that the regime
  // forbids is kept as refused and comes back as an outcome; a person's comes back as an error.
  Result<Outcome> submit(std::string_view envelope_json, Source source,
                         const LeafInfo& foreign_leaf = {});
  // Several steps of one package, in one transaction; one outcome each, in order.
  Result<std::vector<Result<Outcome>>> submit_all(
      const std::vector<std::pair<std::string, LeafInfo>>& envelopes, Source source);

  // Judges a wish as the step it would be, by this hand, and returns the bytes to sign. Stores
  // nothing.
  Result<Prepared> prepare(const Wish& wish, const acts::Hand& hand);

  // A step by the node's own key, inside the caller's unit.
  Result<Outcome> make(store::Tx& tx, const Wish& wish);

  // What became of a step this node holds; kNotFound for others.
  Result<Outcome> find(store::Tx& tx, std::string_view step);
  Result<Loaded> load(store::Tx& tx, std::string_view act);
  // What this node is in an act; empty when it takes no part.
  std::string position(const acts::ActState& state) const;
  const Parts& parts() const { return parts_; }

  // Called inside the unit for every wanted real-world effect at this node's position: fills the
  // payload. Set once.
  void on_effect(std::function<Result<void>(store::Tx&, const acts::WantedEffect&, const Loaded&,
                                            effects::Effect&)>
                     fill) {
    fill_effect_ = std::move(fill);
  }

 private:
  struct Verified {
    crypto::Envelope envelope;
    std::string envelope_json;
    acts::Step step;
    const acts::Regime* regime = nullptr;
    LeafInfo foreign_leaf;
  };
  Result<Verified> verify(std::string_view envelope_json, const LeafInfo& leaf);
  Result<void> check_hand(store::Tx& tx, const crypto::Envelope& envelope, const acts::Hand& hand,
                          const acts::Regime& regime);
  Result<void> check_participants(store::Tx& tx, const acts::ActState& state,
                                  const acts::Regime& regime);
  Result<std::string> kind_of(store::Tx& tx, const std::string& party);
  Result<void> learn_kinds(store::Tx& committed, const acts::Step& step);
  Result<std::shared_ptr<const Loaded>> held(store::Tx& tx, std::string_view act);
  Result<Outcome> admit(store::Tx& tx, const Verified& v, Source source, int depth);
  Result<Outcome> refuse(store::Tx& tx, const Verified& v, Source source, Error why);
  Result<void> settle(store::Tx& tx, const std::shared_ptr<Loaded>& after,
                      const std::vector<StoredStep>& others);
  Result<Outcome> put_off(store::Tx& tx, const Verified& v, Error why);
  Result<void> project(store::Tx& tx, const Loaded& loaded);
  Result<LeafInfo> log_leaf(store::Tx& tx, const Verified& v, const acts::ActState& state);
  Result<void> want(store::Tx& tx, const Loaded& loaded,
                    const std::vector<acts::WantedEffect>& wanted, std::vector<std::string>& made,
                    int depth);
  Result<void> enqueue(store::Tx& tx, const acts::WantedEffect& w, const Loaded& loaded,
                       const std::string& cause);
  Result<void> take_back(store::Tx& tx, const Loaded& loaded,
                         const std::vector<acts::WantedEffect>& wanted);
  Result<void> deliver(store::Tx& tx, const Loaded& loaded, const acts::Step& step);
  Result<json::Object> node_body(store::Tx& tx, const acts::WantedEffect& effect,
                                 const Loaded& loaded);
  Result<Outcome> outcome_of(store::Tx& tx, const StoredStep& stored);
  Result<Verified> sign_as_node(const Wish& wish, const Loaded& loaded);
  acts::Step step_from(const Wish& wish, const Loaded& loaded, const acts::Hand& hand) const;

  Parts parts_;
  std::function<Result<void>(store::Tx&, const acts::WantedEffect&, const Loaded&,
                             effects::Effect&)>
      fill_effect_;
  // Folded states by act. An entry is used only when its version equals the store's, so that a
  // rolled-back group can leave nothing false behind.
  std::mutex cache_mutex_;
  std::map<std::string, std::shared_ptr<const Loaded>, std::less<>> cache_;
  // What kind each trusted party is, as committed: trust is never withdrawn and a kind never
  // changes (identity::refresh), so that what was read once holds.
  std::mutex kinds_mutex_;
  std::map<std::string, std::string, std::less<>> kinds_;
};

json::Object regions_json(const acts::ActState& state);
std::string error_json(const Error& error);

}  // namespace entente::dossier

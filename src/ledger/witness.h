// SPDX-License-Identifier: Apache-2.0
//
// Witnessing (c2sp.org/tlog-witness): nodes countersign each other's logs, and each cosigns only
// heads that extend what it cosigned before. A log that shows different people different trees
// needs every witness as accomplice (SG14).
//
// Durability: a witness persists the head that it cosigns before the answer leaves: add_checkpoint
// runs inside a unit of work, and its answer is to be sent after store.write returned (`answer`
// does so). A crash between the two is mended by the log itself: its retry gets 409 with the size
// held, and then a cosignature of the same head. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "entente/core/time.h"
#include "entente/crypto/keys.h"
#include "entente/crypto/note.h"
#include "entente/http/api.h"
#include "entente/http/client.h"
#include "entente/ledger/log.h"
#include "entente/store/store.h"

namespace entente::ledger {

// A note, and at most 63 proof lines of 45 bytes before it.
inline constexpr std::size_t kMaxAddCheckpointBytes = crypto::kMaxNoteBytes + 4096;

// The witness's side. Tables come with Log::migration().
class WitnessService {
 public:
  // `name` is the witness's name in cosignatures. `key` and `clock` must outlive it. The key must
  // not be a log's: cosignatures do not sign the name.
  static Result<WitnessService> create(std::string_view name, const crypto::PrivateKey& key,
                                       const Clock& clock);

  const crypto::NoteKey& note_key() const { return key_name_; }

  // From now on heads of that origin signed by that key are cosigned. Several keys of one origin
  // may be known (rotation). kInvalid for keys other than Ed25519.
  static Result<void> trust(store::Tx& tx, std::string_view origin, std::string_view vkey);
  // Known heads stay: a log trusted again goes on from them.
  static Result<std::int64_t> distrust(store::Tx& tx, std::string_view origin,
                                       std::string_view vkey);

  // 200 with the cosignature line; 400 malformed, or old size over the new one; 404 unknown origin;
  // 403 no valid signature by a trusted key; 409 with the size held (text/x.tlog.size) when old is
  // another; 422 for a proof that does not hold. An Error is the store's.
  Result<http::Response> add_checkpoint(store::Tx& tx, std::string_view body) const;
  // The same, whole: refusals cost the writer nothing. Not from inside a unit of work.
  Result<http::Response> answer(store::Store& store, std::string_view body) const;

  // For monitors: the newest head cosigned for the log whose origin has this SHA-256 (lower-case
  // hex), with our cosignature. kNotFound.
  static Result<std::string> checkpoint(store::Tx& tx, std::string_view origin_sha256);

 private:
  WitnessService(crypto::NoteKey name, const crypto::PrivateKey& key, const Clock& clock)
      : key_name_(std::move(name)), key_(&key), clock_(&clock) {}

  crypto::NoteKey key_name_;
  const crypto::PrivateKey* key_;
  const Clock* clock_;
};

// The log's side: has the newest signed head cosigned by the witness at `witness_url` (to which
// "/add-checkpoint" is added) and keeps the cosignature. Blocks on the network; not from inside a
// unit of work. kCorrupt: the witness holds a head that is not a part of our log (it refused our
// proof, or has seen more leaves than we have): somebody forked or rolled back this log, and a
// human must look. kUnauthorised: its answer is not signed by `witness_vkey`. kForbidden: it does
// not know this log. kUnavailable and kTimeout: try again later.
Result<void> request_cosignature(http::Client& client, store::Store& store, const Log& log,
                                 std::string_view witness_url, std::string_view witness_vkey);

}  // namespace entente::ledger

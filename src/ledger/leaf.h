// SPDX-License-Identifier: Apache-2.0
//
// What a leaf of the ledger says about a step. Canonical JSON:
//
//   {"act":"<ULID>","at":"2026-11-13T21:20:30Z","fields":{"target/0":"<hex>"},"move":"sign",
//    "party":"interior.example","regime":"eu-tco-removal@1","role":"signer","step":"<hex>",
//    "type":"step","v":1}
//
// Who moved which act, under which law and when, in clear: that is what the public counts (SG13).
// Everything that could be guessed (addresses, reasons, the step itself) only as a commitment
// SHA-256(salt ‖ value) with a salt of its own (SG15): a list of all domains tried against the
// ledger finds nothing. Whoever was given salt and value shows it with `opens`; destroying the salt
// erases the value for good while the tree stands (SG14, GDPR Art. 17).
//
// Nothing here is personal data of a human: `party` is an organisation's domain and `role` a role
// of the regime. Pure and thread-safe. parse_leaf accepts one spelling only (kInvalid otherwise).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "entente/core/bytes.h"
#include "entente/core/random.h"
#include "entente/core/time.h"
#include "entente/crypto/commit.h"

namespace entente::ledger {

// The name under which the salt of the step's own commitment is kept; no field may bear it.
inline constexpr std::string_view kStepField = "step";
// 256 targets (SG05) and half as many other fields; with names of at most 64 characters of
// [a-z0-9_/.-] the largest leaf still is an entry (65,535 bytes).
inline constexpr std::size_t kMaxFields = 384;
inline constexpr std::size_t kMaxFieldNameBytes = 64;

struct LeafInput {
  std::string act;     // ULID
  std::string regime;  // "eu-tco-removal@1"
  std::string move;
  std::string party;  // a domain
  std::string role;
  Instant at;                                    // the author's clock
  Bytes payload;                                 // of the step's envelope, as signed
  std::map<std::string, std::string> guessable;  // field name -> value, committed to only
};

struct MadeLeaf {
  std::string entry;                          // what Log::append takes
  std::string regime, move;                   // as in the entry: what the log counts it as (I6)
  std::map<std::string, crypto::Salt> salts;  // by field name, kStepField included: keep or lose
};

// kInvalid for a public field of another form, a field name that a leaf cannot carry, or too many.
Result<MadeLeaf> make_leaf(const LeafInput& input, Random& random);

struct Leaf {
  std::string act, regime, move, party, role;
  Instant at;
  Hash256 step{};  // commitment to the payload
  std::map<std::string, Hash256> fields;

  friend bool operator==(const Leaf&, const Leaf&) = default;
};

Result<Leaf> parse_leaf(std::string_view entry);

// Does the commitment of that field (kStepField for the payload) stand for `value`? False for a
// field that the leaf does not have.
bool opens(const Leaf& leaf, std::string_view field, const crypto::Salt& salt,
           std::string_view value);

}  // namespace entente::ledger

// SPDX-License-Identifier: Apache-2.0
//
// Who is who: organisations (parties), the natural persons who act for them, and their keys.
//
// A party publishes its directory entry at /.well-known/entente.json, signed by its node key.
// Another node trusts it only after a person compared the node key's fingerprint out of band
// (`trust`); later editions are accepted when the same node key signed them. Names of persons stay
// at home: others see a pseudonym, a key and roles.
//
// A key that is unknown, revoked or lacks the role makes its step refused; nothing here decides
// silently.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "entente/core/time.h"
#include "entente/crypto/envelope.h"
#include "entente/crypto/keys.h"
#include "entente/store/store.h"

namespace entente::identity {

inline constexpr std::string_view kDirectoryType = "application/vnd.entente.directory+json";
// What an organisation is. A regime says which of them may hold a position in its acts; a node that
// meets another word does not know the party.
inline constexpr std::array<std::string_view, 8> kPartyKinds{
    "authority",     "platform", "overseer", "access_provider",
    "search_engine", "court",    "flagger",  "coordinator"};
bool is_party_kind(std::string_view kind);

inline constexpr std::size_t kMaxOfficials = 2000;  // of one party; a ministry has hundreds

struct Official {
  std::string person;  // pseudonym "p-…", stable
  std::string name;    // local only: never published
  crypto::PublicKey key;
  std::vector<std::string> roles;
  std::optional<Instant> revoked_at;
};

struct Entry {
  std::string party;  // domain
  std::string name;   // as shown
  std::string kind;   // one of kPartyKinds
  std::string url;    // where its node answers
  crypto::PublicKey node_key;
  std::string log_vkey;      // of its ledger
  std::string witness_vkey;  // when it cosigns others' ledgers; else empty
  std::vector<Official> officials;
  Instant issued_at;
};

// The signed form. parse verifies the signature against the node key inside, which proves
// possession, not identity.
std::string to_envelope(const Entry& entry, const crypto::PrivateKey& node_key);
Result<Entry> parse_entry(std::string_view envelope_json);

struct KeyOwner {
  std::string party;
  std::string person;  // empty: the party's node
  std::string name;    // empty for other parties' persons
  std::vector<std::string> roles;
  crypto::PublicKey key;
  std::optional<Instant> revoked_at;
};

struct PartyRow {
  std::string party, name, kind, url, fingerprint, log_vkey, witness_vkey;
  crypto::PublicKey node_key;
  Instant confirmed_at;
};

store::Migration migration();

// Records a party after its fingerprint was confirmed by a person. kForbidden when the entry's key
// has another fingerprint; kConflict when the party is already trusted with another key (rotation
// is a ceremony, not an update).
Result<void> trust(store::Tx& tx, const Entry& entry, std::string_view confirmed_fingerprint,
                   Instant now);
// A newer edition of a trusted party's entry: persons added, roles changed, keys revoked.
// Revocation is for ever.
Result<void> refresh(store::Tx& tx, const Entry& entry);
Result<std::optional<PartyRow>> find_party(store::Tx& tx, std::string_view party);
Result<std::vector<PartyRow>> list_parties(store::Tx& tx);
Result<std::optional<KeyOwner>> find_key(store::Tx& tx, std::string_view keyid);
Result<std::vector<Official>> officials_of(store::Tx& tx, std::string_view party);

// Local people. `roles` are roles of regimes ("drafter", "moderator", …).
Result<Official> enrol(store::Tx& tx, std::string_view party, Official official, Instant now);
Result<void> revoke(store::Tx& tx, std::string_view keyid, Instant now);

// "1f2e 77c0 …" and "1F2E77C0…" compare equal: people read fingerprints aloud.
bool same_fingerprint(std::string_view a, std::string_view b);

}  // namespace entente::identity

// SPDX-License-Identifier: Apache-2.0
//
// The entries of banks (banks.h).
#include <fmt/format.h>

#include "entente/matching/bank_rows.h"
#include "entente/matching/banks.h"

namespace entente::matching {

namespace {

using rows::text;

Result<void> check_part(std::string_view value, const char* field) {
  if (value.empty()) {
    return fail(Error{Code::kRefused, "an undoing names its act, target and step", field, "SG22",
                      "name the act, its target and the step"});
  }
  if (value.size() > kMaxProvenance) return fail(Code::kInvalid, "too long", field);
  return {};
}

struct Known {
  EntryId id = 0;
  bool out = false;
  std::string cause;
};

Result<std::optional<Known>> known_of(store::Tx& tx, std::string_view where,
                                      const store::Params& params) {
  ENTENTE_TRY(found,
              tx.query(fmt::format("SELECT id, tombstoned_at, tombstone_cause FROM bank_entry "
                                   "WHERE {}",
                                   where),
                       params));
  if (found.empty()) return std::optional<Known>();
  return std::optional<Known>(Known{found[0].integer(0), !found[0].is_null(1), found[0].text(2)});
}

// An act's entry that is there already: revived when it is out and the step is new to it, unless
// people found that it does not belong there.
Result<EntryId> add_again(store::Tx& tx, const NewEntry& entry, const Known& known) {
  ENTENTE_TRY(fresh, tx.exec("INSERT INTO bank_entry_step (entry, step) VALUES ($1, $2) "
                             "ON CONFLICT DO NOTHING",
                             {known.id, entry.step}));
  if (fresh > 0 && known.out && known.cause != rows::kByReview)
    ENTENTE_CHECK_OK(rows::revive(tx, known.id, entry));
  return known.id;
}

Result<EntryId> add_of_act(store::Tx& tx, const NewEntry& entry) {
  ENTENTE_TRY(known,
              known_of(tx, "source = 'act' AND act = $1 AND target = $2 AND bank = $3 AND pdq = $4",
                       {entry.act, entry.target, entry.bank, entry.pdq.hex()}));
  if (known) return add_again(tx, entry, *known);
  // The tombstone that overtook its entry. One that was meant for other entries of this target
  // (another picture of it, added and undone before) says the same: undone.
  ENTENTE_TRY(tomb, tx.query("SELECT step, at FROM bank_tombstone WHERE act = $1 AND target = $2 "
                             "ORDER BY at DESC, step LIMIT 1",
                             {entry.act, entry.target}));
  rows::Birth birth;
  if (!tomb.empty()) {
    birth.out_step = tomb[0].text(0);
    birth.out_since = instant_from_ms(tomb[0].integer(1));
  }
  ENTENTE_TRY(id, rows::insert_entry(tx, entry, birth));
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO bank_entry_step (entry, step) VALUES ($1, $2)", {id, entry.step}));
  return id;
}

Result<EntryId> add_of_person(store::Tx& tx, const NewEntry& entry) {
  ENTENTE_TRY(known, known_of(tx, "source = 'person' AND bank = $1 AND pdq = $2",
                              {entry.bank, entry.pdq.hex()}));
  if (!known) return rows::insert_entry(tx, entry, {});
  if (!known->out) return known->id;
  if (known->cause == rows::kByReview) {
    return fail(Error{Code::kConflict, "people found that this fingerprint does not belong here",
                      "pdq", "SG18", "an act can put it back, or another bank hold it"});
  }
  ENTENTE_CHECK_OK(rows::revive(tx, known->id, entry));
  ENTENTE_CHECK_OK(rows::record_event(tx, entry.bank, known->id, "entry_revived",
                                      entry.person->person, {{"reason", entry.person->reason}},
                                      entry.now));
  return known->id;
}

// What the partner itself took back, the partner may put back; what people here decided stays.
Result<EntryId> add_of_partner(store::Tx& tx, const NewEntry& entry) {
  ENTENTE_TRY(known,
              known_of(tx, "source = 'partner' AND bank = $1 AND party = $2 AND party_entry = $3",
                       {entry.bank, entry.partner->party, entry.partner->entry}));
  if (!known) return rows::insert_entry(tx, entry, {});
  ENTENTE_TRY(same, tx.query("SELECT 1 FROM bank_entry WHERE id = $1 AND pdq = $2",
                             {known->id, entry.pdq.hex()}));
  if (same.empty())
    return fail(Code::kConflict, "this entry of theirs had another fingerprint", "pdq");
  if (known->out && (known->cause == rows::kByPartner || known->cause == rows::kByExpiry))
    ENTENTE_CHECK_OK(rows::revive(tx, known->id, entry));
  return known->id;
}

}  // namespace

Result<EntryId> Banks::add(store::Tx& tx, const NewEntry& entry) const {
  ENTENTE_CHECK_OK(rows::check_entry(entry, labels_));
  ENTENTE_TRY(bank,
              tx.query("SELECT 1 FROM bank WHERE name = $1 AND retired_at IS NULL", {entry.bank}));
  if (bank.empty()) return fail(Code::kNotFound, "no such bank", "bank");
  if (entry.person) return add_of_person(tx, entry);
  if (entry.partner) return add_of_partner(tx, entry);
  return add_of_act(tx, entry);
}

Result<std::vector<EntryId>> Banks::tombstone(store::Tx& tx, std::string_view act,
                                              std::string_view target, std::string_view step,
                                              Instant now) const {
  ENTENTE_CHECK_OK(check_part(act, "act"));
  ENTENTE_CHECK_OK(check_part(target, "target"));
  ENTENTE_CHECK_OK(check_part(step, "step"));
  std::vector<EntryId> out;
  ENTENTE_TRY(fresh,
              tx.exec("INSERT INTO bank_tombstone (act, target, step, at) VALUES ($1, $2, $3, $4) "
                      "ON CONFLICT DO NOTHING",
                      {text(act), text(target), text(step), to_ms(now)}));
  if (fresh == 0) return out;  // a repeat must not put out what a later step brought back
  ENTENTE_TRY(found, tx.query("SELECT id FROM bank_entry WHERE source = 'act' AND act = $1 AND "
                              "target = $2 AND tombstoned_at IS NULL ORDER BY id",
                              {text(act), text(target)}));
  for (const store::Row& row : found) {
    ENTENTE_CHECK_OK(rows::put_out(tx, row.integer(0), rows::kByAct, step, now));
    out.push_back(row.integer(0));
  }
  return out;
}

Result<bool> Banks::tombstone_entry(store::Tx& tx, EntryId id, const Decision& decision) const {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(entry, find_entry(tx, id));
  ENTENTE_TRY(done, rows::put_out(tx, id, rows::kByPerson, decision.person, decision.now));
  if (!done) return false;
  ENTENTE_CHECK_OK(rows::record_event(tx, entry.bank, id, "entry_tombstoned", decision.person,
                                      {{"reason", decision.reason}}, decision.now));
  return true;
}

Result<void> Banks::amend(store::Tx& tx, EntryId id, const EntryChange& change,
                          const Decision& decision) const {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(entry, find_entry(tx, id));
  json::Object to;
  const auto when = [](const std::optional<Instant>& at) {
    return at ? json::Value(format_rfc3339(*at)) : json::Value(nullptr);
  };
  if (change.disabled_until && *change.disabled_until != entry.disabled_until) {
    entry.disabled_until = *change.disabled_until;
    to["disabled_until"] = when(entry.disabled_until);
  }
  if (change.expires_at && *change.expires_at != entry.expires_at) {
    entry.expires_at = *change.expires_at;
    to["expires_at"] = when(entry.expires_at);
  }
  const auto set = [&](const std::optional<std::string>& value, std::string& field,
                       const char* name, std::size_t max) -> Result<void> {
    if (!value || *value == field) return {};
    if (value->size() > max) return fail(Code::kInvalid, "too long", name);
    field = *value;
    to[name] = true;  // that it changed; what it says stays beside the entry
    return {};
  };
  ENTENTE_CHECK_OK(set(change.content_id, entry.content_id, "content_id", kMaxProvenance));
  ENTENTE_CHECK_OK(set(change.content_uri, entry.content_uri, "content_uri", kMaxProvenance));
  ENTENTE_CHECK_OK(set(change.note, entry.note, "note", kMaxNote));
  if (to.empty()) return {};
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE bank_entry SET disabled_until = $2, expires_at = $3, content_id = $4, "
              "content_uri = $5, note = $6 WHERE id = $1",
              {id, rows::ms_or_null(entry.disabled_until), rows::ms_or_null(entry.expires_at),
               entry.content_id, entry.content_uri, entry.note}));
  ENTENTE_CHECK_OK(rows::touch(tx, id));
  return rows::record_event(tx, entry.bank, id, "entry_changed", decision.person,
                            {{"to", std::move(to)}, {"reason", decision.reason}}, decision.now);
}

Result<std::int64_t> Banks::sweep_expired(store::Tx& tx, Instant now, std::int64_t limit) const {
  ENTENTE_TRY(found, tx.query("SELECT id FROM bank_entry WHERE expires_at IS NOT NULL AND "
                              "tombstoned_at IS NULL AND expires_at <= $1 ORDER BY expires_at "
                              "LIMIT $2",
                              {to_ms(now), limit}));
  for (const store::Row& row : found)
    ENTENTE_CHECK_OK(rows::put_out(tx, row.integer(0), rows::kByExpiry, kByNode, now));
  return static_cast<std::int64_t>(found.size());
}

Result<std::vector<Entry>> Banks::entries(store::Tx& tx, std::string_view bank, EntryId after,
                                          std::int64_t limit) const {
  if (limit < 1 || limit > kMaxPage) {
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} entries", kMaxPage), "limit");
  }
  ENTENTE_TRY(known, tx.query("SELECT 1 FROM bank WHERE name = $1", {text(bank)}));
  if (known.empty()) return fail(Code::kNotFound, "no such bank", "name");
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT {} FROM bank_entry e WHERE e.bank = $1 AND "
                                          "e.id > $2 ORDER BY e.id LIMIT $3",
                                          rows::kEntryColumns),
                              {text(bank), after, limit}));
  std::vector<Entry> out;
  for (const store::Row& row : found) {
    ENTENTE_TRY(entry, rows::entry_of(row));
    out.push_back(std::move(entry));
  }
  return out;
}

Result<Entry> Banks::find_entry(store::Tx& tx, EntryId id) const {
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT {} FROM bank_entry e WHERE e.id = $1",
                                          rows::kEntryColumns),
                              {id}));
  if (found.empty()) return fail(Code::kNotFound, "no such entry", "entry");
  return rows::entry_of(found[0]);
}

Result<std::optional<Entry>> Banks::live(store::Tx& tx, EntryId id, Instant now) const {
  ENTENTE_TRY(found,
              tx.query(fmt::format("SELECT {} FROM bank_entry e JOIN bank b ON b.name = e.bank "
                                   "WHERE e.id = $1 AND e.tombstoned_at IS NULL AND b.enabled = 1 "
                                   "AND b.dry_run = 0 AND b.retired_at IS NULL",
                                   rows::kEntryColumns),
                       {id}));
  if (found.empty()) return std::optional<Entry>();
  ENTENTE_TRY(entry, rows::entry_of(found[0]));
  if (!entry.matches_at(now)) return std::optional<Entry>();
  return std::optional<Entry>(std::move(entry));
}

Result<std::optional<Entry>> Banks::live(store::Tx& tx, EntryId id) const {
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT {} FROM bank_entry e WHERE e.id = $1 AND "
                                          "e.tombstoned_at IS NULL",
                                          rows::kEntryColumns),
                              {id}));
  if (found.empty()) return std::optional<Entry>();
  ENTENTE_TRY(entry, rows::entry_of(found[0]));
  return std::optional<Entry>(std::move(entry));
}

Result<std::vector<Changed>> Banks::changes(store::Tx& tx, std::int64_t after,
                                            std::int64_t limit) const {
  if (limit < 1 || limit > kMaxChanges)
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} changes", kMaxChanges), "limit");
  ENTENTE_TRY(found, tx.query("SELECT changed, id, bank, pdq, tombstoned_at FROM bank_entry "
                              "WHERE changed > $1 ORDER BY changed LIMIT $2",
                              {after, limit}));
  std::vector<Changed> out;
  out.reserve(found.size());
  for (const store::Row& row : found) {
    ENTENTE_TRY(pdq, fingerprint::Pdq::parse(row.text(3)));
    out.push_back({row.integer(0), row.integer(1), row.text(2), pdq, row.is_null(4)});
  }
  return out;
}

Result<std::int64_t> Banks::sequence(store::Tx& tx) const {
  ENTENTE_TRY(found, tx.query("SELECT last FROM bank_sequence"));
  if (found.size() != 1) return fail(Code::kCorrupt, "the change feed has no counter");
  return found[0].integer(0);
}

}  // namespace entente::matching

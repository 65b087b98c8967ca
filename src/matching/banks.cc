// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/banks.h"

#include <fmt/format.h>

namespace entente::matching {

namespace {

constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE bank (
  name TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  radius INTEGER NOT NULL CHECK (radius BETWEEN 0 AND 31),
  created_at INTEGER NOT NULL
);
CREATE TABLE bank_entry (
  id INTEGER PRIMARY KEY,
  bank TEXT NOT NULL REFERENCES bank(name),
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  label TEXT NOT NULL CHECK (label <> ''),
  act TEXT NOT NULL CHECK (act <> ''),
  target TEXT NOT NULL CHECK (target <> ''),
  added_by_step TEXT NOT NULL CHECK (added_by_step <> ''),
  added_at INTEGER NOT NULL,
  tombstoned_at INTEGER,
  tombstone_step TEXT,
  UNIQUE (bank, pdq, act, target)
);
CREATE INDEX bank_entry_by_act ON bank_entry (act, target);
CREATE INDEX bank_entry_by_bank ON bank_entry (bank, id);
CREATE TABLE bank_entry_step (
  entry INTEGER NOT NULL REFERENCES bank_entry(id),
  step TEXT NOT NULL,
  PRIMARY KEY (entry, step)
);
CREATE TABLE bank_tombstone (
  act TEXT NOT NULL,
  target TEXT NOT NULL,
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (act, target, step)
);
CREATE TABLE upload_check (
  id TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  proposal TEXT NOT NULL CHECK (proposal IN ('none', 'review')),
  note TEXT NOT NULL,
  matches TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  review_state TEXT CHECK (review_state IN ('open', 'kept', 'removed')),
  decided_by TEXT,
  decided_at INTEGER
);
CREATE INDEX upload_check_open ON upload_check (review_state, id);
)sql";

constexpr std::string_view kColumns =
    "id, bank, pdq, quality, label, act, target, added_by_step, added_at, tombstoned_at";

Unexpected provenance(std::string detail, std::string field) {
  return fail(Error{Code::kRefused, std::move(detail), std::move(field), "SG22",
                    "name the act, its target, the step and a label of the list"});
}

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxBankName) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

Result<void> check_provenance(std::string_view value, const char* field) {
  if (value.empty()) return provenance("an entry needs its provenance", field);
  if (value.size() > kMaxProvenance) return fail(Code::kInvalid, "too long", field);
  return {};
}

Result<Entry> entry_of(const store::Row& row) {
  Entry out;
  out.id = row.integer(0);
  out.bank = row.text(1);
  ENTENTE_TRY(pdq, fingerprint::Pdq::parse(row.text(2)));
  out.pdq = pdq;
  out.quality = static_cast<int>(row.integer(3));
  out.label = row.text(4);
  out.act = row.text(5);
  out.target = row.text(6);
  out.added_by_step = row.text(7);
  out.added_at = instant_from_ms(row.integer(8));
  if (const auto at = row.integer_if(9)) out.tombstoned_at = instant_from_ms(*at);
  return out;
}

std::string text(std::string_view s) {
  return std::string(s);
}

// An entry that is there already: revives it when it is tombstoned and the step is new to it.
Result<EntryId> add_again(store::Tx& tx, const NewEntry& entry, EntryId id, bool tombstoned) {
  ENTENTE_TRY(fresh, tx.exec("INSERT INTO bank_entry_step (entry, step) VALUES ($1, $2) "
                             "ON CONFLICT DO NOTHING",
                             {id, entry.step}));
  if (fresh > 0 && tombstoned) {
    ENTENTE_CHECK_OK(
        tx.exec("UPDATE bank_entry SET tombstoned_at = NULL, tombstone_step = NULL, "
                "label = $2, added_by_step = $3, added_at = $4 WHERE id = $1",
                {id, entry.label, entry.step, to_ms(entry.now)}));
  }
  return id;
}

}  // namespace

store::Migration migration() {
  return {"matching", {kSchema1}};
}

Banks::Banks(std::span<const Label> labels) {
  for (const Label& label : labels) (label.context ? context_ : plain_).emplace(label.name);
}

bool Banks::in_context_only(std::string_view label) const {
  return plain_.find(label) == plain_.end();
}

Result<void> Banks::create(store::Tx& tx, std::string_view name, std::string_view title, int radius,
                           Instant now) const {
  if (!good_name(name))
    return fail(Code::kInvalid, "a bank's name is 1 to 64 of a-z, 0-9 and -", "name");
  if (title.empty() || title.size() > kMaxProvenance)
    return fail(Code::kInvalid, "a bank has a title", "title");
  if (radius < 0 || radius > fingerprint::kMatchDistance) {
    return fail(Code::kInvalid, fmt::format("a radius is 0 to {}", fingerprint::kMatchDistance),
                "radius");
  }
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO bank (name, title, radius, created_at) VALUES ($1, $2, $3, $4) "
              "ON CONFLICT (name) DO NOTHING",
              {text(name), text(title), std::int64_t{radius}, to_ms(now)}));
  ENTENTE_TRY(rows, tx.query("SELECT radius FROM bank WHERE name = $1", {text(name)}));
  if (rows.size() != 1 || rows[0].integer(0) != radius) {
    return fail(Code::kConflict, "the bank exists with another radius", "radius");
  }
  return {};
}

Result<void> Banks::check_entry(const NewEntry& entry) const {
  ENTENTE_CHECK_OK(check_provenance(entry.act, "act"));
  ENTENTE_CHECK_OK(check_provenance(entry.target, "target"));
  ENTENTE_CHECK_OK(check_provenance(entry.step, "step"));
  if (plain_.count(entry.label) == 0 && context_.count(entry.label) == 0) {
    return provenance("the label is not on the list", "label");
  }
  if (entry.quality < fingerprint::kMinQuality || entry.quality > 100) {
    return fail(Code::kInvalid,
                fmt::format("a picture of quality {} has too little detail to tell it from another",
                            entry.quality),
                "quality");
  }
  return {};
}

Result<EntryId> Banks::add(store::Tx& tx, const NewEntry& entry) const {
  ENTENTE_CHECK_OK(check_entry(entry));
  ENTENTE_TRY(bank, tx.query("SELECT 1 FROM bank WHERE name = $1", {entry.bank}));
  if (bank.empty()) return fail(Code::kNotFound, "no such bank", "bank");
  ENTENTE_TRY(known, tx.query("SELECT id, tombstoned_at FROM bank_entry "
                              "WHERE bank = $1 AND pdq = $2 AND act = $3 AND target = $4",
                              {entry.bank, entry.pdq.hex(), entry.act, entry.target}));
  if (!known.empty()) return add_again(tx, entry, known[0].integer(0), !known[0].is_null(1));

  // The tombstone that overtook its entry. One that was meant for other entries of this target
  // (another picture of it, added and undone before) says the same: undone.
  ENTENTE_TRY(tomb, tx.query("SELECT step, at FROM bank_tombstone WHERE act = $1 AND target = $2 "
                             "ORDER BY at DESC, step LIMIT 1",
                             {entry.act, entry.target}));
  store::Value at;
  store::Value by;
  if (!tomb.empty()) {
    by = tomb[0].text(0);
    at = tomb[0].integer(1);
  }
  ENTENTE_TRY(
      rows,
      tx.query("INSERT INTO bank_entry (bank, pdq, quality, label, act, target, added_by_step, "
               "added_at, tombstoned_at, tombstone_step) "
               "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
               {entry.bank, entry.pdq.hex(), std::int64_t{entry.quality}, entry.label, entry.act,
                entry.target, entry.step, to_ms(entry.now), at, by}));
  const EntryId id = rows.at(0).integer(0);
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO bank_entry_step (entry, step) VALUES ($1, $2)", {id, entry.step}));
  return id;
}

Result<std::vector<EntryId>> Banks::tombstone(store::Tx& tx, std::string_view act,
                                              std::string_view target, std::string_view step,
                                              Instant now) const {
  ENTENTE_CHECK_OK(check_provenance(act, "act"));
  ENTENTE_CHECK_OK(check_provenance(target, "target"));
  ENTENTE_CHECK_OK(check_provenance(step, "step"));
  std::vector<EntryId> out;
  ENTENTE_TRY(fresh,
              tx.exec("INSERT INTO bank_tombstone (act, target, step, at) VALUES ($1, $2, $3, $4) "
                      "ON CONFLICT DO NOTHING",
                      {text(act), text(target), text(step), to_ms(now)}));
  if (fresh == 0) return out;  // a repeat must not put out what a later step brought back
  ENTENTE_TRY(rows,
              tx.query("UPDATE bank_entry SET tombstoned_at = $1, tombstone_step = $2 "
                       "WHERE act = $3 AND target = $4 AND tombstoned_at IS NULL RETURNING id",
                       {to_ms(now), text(step), text(act), text(target)}));
  for (const store::Row& row : rows) out.push_back(row.integer(0));
  return out;
}

Result<std::vector<Bank>> Banks::list(store::Tx& tx) const {
  ENTENTE_TRY(
      rows,
      tx.query(
          "SELECT b.name, b.title, b.radius, b.created_at, "
          "(SELECT COUNT(*) FROM bank_entry e WHERE e.bank = b.name AND e.tombstoned_at IS NULL) "
          "FROM bank b ORDER BY b.name"));
  std::vector<Bank> out;
  for (const store::Row& row : rows) {
    out.push_back({row.text(0), row.text(1), static_cast<int>(row.integer(2)),
                   instant_from_ms(row.integer(3)), row.integer(4)});
  }
  return out;
}

Result<std::vector<Entry>> Banks::entries(store::Tx& tx, std::string_view bank, EntryId after,
                                          std::int64_t limit) const {
  if (limit < 1 || limit > kMaxPage) {
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} entries", kMaxPage), "limit");
  }
  ENTENTE_TRY(known, tx.query("SELECT 1 FROM bank WHERE name = $1", {text(bank)}));
  if (known.empty()) return fail(Code::kNotFound, "no such bank", "name");
  ENTENTE_TRY(
      rows,
      tx.query(
          fmt::format("SELECT {} FROM bank_entry WHERE bank = $1 AND id > $2 ORDER BY id LIMIT $3",
                      kColumns),
          {text(bank), after, limit}));
  std::vector<Entry> out;
  for (const store::Row& row : rows) {
    ENTENTE_TRY(entry, entry_of(row));
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::optional<Entry>> Banks::live(store::Tx& tx, EntryId id) const {
  ENTENTE_TRY(
      rows,
      tx.query(fmt::format("SELECT {} FROM bank_entry WHERE id = $1 AND tombstoned_at IS NULL",
                           kColumns),
               {id}));
  if (rows.empty()) return std::optional<Entry>();
  ENTENTE_TRY(entry, entry_of(rows[0]));
  return std::optional<Entry>(std::move(entry));
}

}  // namespace entente::matching

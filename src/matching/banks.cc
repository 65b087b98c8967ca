// SPDX-License-Identifier: Apache-2.0
//
// Banks themselves; their entries are in bank_entries.cc.
#include "entente/matching/banks.h"

#include <fmt/format.h>

#include <cmath>

#include "entente/matching/bank_rows.h"
#include "entente/matching/marking.h"
#include "entente/matching/schema2.h"

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

using rows::text;

constexpr double kMillion = 1'000'000;
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool only(std::string_view value, std::string_view letters, std::string_view more) {
  for (const char c : value) {
    if (letters.find(c) == std::string_view::npos && kDigits.find(c) == std::string_view::npos &&
        more.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxBankName || !only(name, kLower, "-"))
    return fail(Code::kInvalid, "a bank's name is 1 to 64 of a-z, 0-9 and -", "name");
  return {};
}

Result<void> check_alias(std::string_view alias) {
  if (alias.empty()) return {};
  if (alias.size() > kMaxBankName || !only(alias, kUpper, "_") ||
      kDigits.find(alias[0]) != std::string_view::npos) {
    return fail(Code::kInvalid, "an alias is A-Z, 0-9 and _, at most 64, no digit first", "alias");
  }
  return {};
}

Result<void> check_title(std::string_view title) {
  if (title.empty() || title.size() > kMaxProvenance)
    return fail(Code::kInvalid, "a bank has a title", "title");
  return {};
}

Result<void> check_radius(int radius) {
  if (radius < 0 || radius > fingerprint::kMatchDistance) {
    return fail(Code::kInvalid, fmt::format("a radius is 0 to {}", fingerprint::kMatchDistance),
                "radius");
  }
  return {};
}

Result<std::int64_t> ppm_of(double ratio) {
  if (!(ratio >= 0 && ratio <= 1))
    return fail(Code::kInvalid, "a ratio is 0 to 1", "enabled_ratio");
  return static_cast<std::int64_t>(std::llround(ratio * kMillion));
}

Result<void> check_marking(std::string_view marking) {
  if (find_marking(marking) == nullptr)
    return fail(Code::kInvalid, "a marking is CLEAR, GREEN, AMBER, AMBER+STRICT or RED", "marking");
  return {};
}

Result<void> check_alias_free(store::Tx& tx, std::string_view alias, std::string_view but) {
  if (alias.empty()) return {};
  ENTENTE_TRY(rows, tx.query("SELECT name FROM bank WHERE alias = $1 AND name <> $2",
                             {text(alias), text(but)}));
  if (!rows.empty()) return fail(Code::kConflict, "another bank has this alias", "alias");
  return {};
}

}  // namespace

store::Migration migration() {
  return {"matching", {kSchema1, kSchema2}};
}

std::string_view bank_kind_name(BankKind kind) {
  switch (kind) {
    case BankKind::kOwn:
      return "own";
    case BankKind::kShared:
      return "shared";
    case BankKind::kAllow:
      return "allow";
  }
  return "";
}

Result<BankKind> parse_bank_kind(std::string_view name) {
  for (const BankKind kind : {BankKind::kOwn, BankKind::kShared, BankKind::kAllow}) {
    if (name == bank_kind_name(kind)) return kind;
  }
  return fail(Code::kInvalid, "a bank is own, shared or allow", "kind");
}

std::string_view source_kind_name(SourceKind kind) {
  switch (kind) {
    case SourceKind::kAct:
      return "act";
    case SourceKind::kPerson:
      return "person";
    case SourceKind::kPartner:
      return "partner";
  }
  return "";
}

Result<SourceKind> parse_source_kind(std::string_view name) {
  for (const SourceKind kind : {SourceKind::kAct, SourceKind::kPerson, SourceKind::kPartner}) {
    if (name == source_kind_name(kind)) return kind;
  }
  return fail(Code::kInvalid, "a source is act, person or partner", "source");
}

Banks::Banks(Labels labels) : labels_(std::move(labels)) {}

Result<void> Banks::create(store::Tx& tx, std::string_view name, std::string_view title, int radius,
                           Instant now) const {
  ENTENTE_CHECK_OK(check_name(name));
  ENTENTE_CHECK_OK(check_title(title));
  ENTENTE_CHECK_OK(check_radius(radius));
  ENTENTE_TRY(known, tx.query("SELECT radius FROM bank WHERE name = $1", {text(name)}));
  if (!known.empty()) {
    if (known[0].integer(0) == radius) return {};
    return fail(Code::kConflict, "the bank exists with another radius", "radius");
  }
  NewBank bank;
  bank.name = text(name);
  bank.title = text(title);
  bank.radius = radius;
  bank.dry_run = false;
  return create(tx, bank, {text(kByNode), "filled by acts", now});
}

Result<void> Banks::create(store::Tx& tx, const NewBank& bank, const Decision& decision) const {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_CHECK_OK(check_name(bank.name));
  ENTENTE_CHECK_OK(check_title(bank.title));
  ENTENTE_CHECK_OK(check_radius(bank.radius));
  ENTENTE_CHECK_OK(check_alias(bank.alias));
  ENTENTE_CHECK_OK(check_marking(bank.marking));
  ENTENTE_TRY(ppm, ppm_of(bank.enabled_ratio));
  ENTENTE_CHECK_OK(check_alias_free(tx, bank.alias, {}));
  ENTENTE_TRY(number, rows::next_sequence(tx));
  ENTENTE_TRY(made,
              tx.exec("INSERT INTO bank (name, title, radius, created_at, alias, kind, owner, "
                      "marking, enabled_ppm, dry_run, changed) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
                      "ON CONFLICT (name) DO NOTHING",
                      {bank.name, bank.title, std::int64_t{bank.radius}, to_ms(decision.now),
                       bank.alias, text(bank_kind_name(bank.kind)), bank.owner, bank.marking, ppm,
                       std::int64_t{bank.dry_run ? 1 : 0}, number}));
  if (made == 0) return fail(Code::kConflict, "a bank of this name exists", "name");
  return rows::record_event(tx, bank.name, {}, "bank_created", decision.person,
                            {{"radius", bank.radius},
                             {"kind", text(bank_kind_name(bank.kind))},
                             {"dry_run", bank.dry_run},
                             {"reason", decision.reason}},
                            decision.now);
}

Result<Bank> Banks::find(store::Tx& tx, std::string_view name) const {
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT {} FROM bank WHERE (name = $1 OR alias = $1) "
                                          "AND retired_at IS NULL",
                                          rows::kBankColumns),
                              {text(name)}));
  if (found.empty() || name.empty()) return fail(Code::kNotFound, "no such bank", "bank");
  return rows::bank_of(found[0]);
}

Result<std::vector<Bank>> Banks::list(store::Tx& tx) const {
  ENTENTE_TRY(found,
              tx.query(fmt::format("SELECT {} FROM bank ORDER BY name", rows::kBankColumns)));
  std::vector<Bank> out;
  for (const store::Row& row : found) {
    ENTENTE_TRY(bank, rows::bank_of(row));
    out.push_back(std::move(bank));
  }
  return out;
}

Result<void> Banks::change(store::Tx& tx, std::string_view name, const BankChange& change,
                           const Decision& decision) const {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(bank, find(tx, name));
  const Bank before = bank;
  if (change.title) bank.title = *change.title;
  if (change.alias) bank.alias = *change.alias;
  if (change.radius) bank.radius = *change.radius;
  if (change.enabled) bank.enabled = *change.enabled;
  if (change.enabled_ratio) bank.enabled_ratio = *change.enabled_ratio;
  if (change.marking) bank.marking = *change.marking;
  ENTENTE_CHECK_OK(check_title(bank.title));
  ENTENTE_CHECK_OK(check_alias(bank.alias));
  ENTENTE_CHECK_OK(check_radius(bank.radius));
  ENTENTE_CHECK_OK(check_marking(bank.marking));
  ENTENTE_TRY(ppm, ppm_of(bank.enabled_ratio));
  ENTENTE_CHECK_OK(check_alias_free(tx, bank.alias, bank.name));

  json::Object from;
  json::Object to;
  const auto differs = [&](const char* field, const json::Value& was, const json::Value& is) {
    if (was == is) return;
    from[field] = was;
    to[field] = is;
  };
  differs("title", json::Value(before.title), json::Value(bank.title));
  differs("alias", json::Value(before.alias), json::Value(bank.alias));
  differs("radius", before.radius, bank.radius);
  differs("enabled", before.enabled, bank.enabled);
  differs("enabled_ratio", before.enabled_ratio, bank.enabled_ratio);
  differs("marking", json::Value(before.marking), json::Value(bank.marking));
  if (to.empty()) return {};
  ENTENTE_TRY(number, rows::next_sequence(tx));
  ENTENTE_CHECK_OK(tx.exec(
      "UPDATE bank SET title = $2, alias = $3, radius = $4, enabled = $5, enabled_ppm = $6, "
      "marking = $7, changed = $8 WHERE name = $1",
      {bank.name, bank.title, bank.alias, std::int64_t{bank.radius},
       std::int64_t{bank.enabled ? 1 : 0}, ppm, bank.marking, number}));
  return rows::record_event(
      tx, bank.name, {}, "bank_changed", decision.person,
      {{"from", std::move(from)}, {"to", std::move(to)}, {"reason", decision.reason}},
      decision.now);
}

Result<std::vector<EntryId>> Banks::retire(store::Tx& tx, std::string_view name,
                                           const Decision& decision) const {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  ENTENTE_TRY(bank, find(tx, name));
  ENTENTE_TRY(top, rows::next_sequence(tx, bank.live + 1));
  // Each entry takes a number of its own, so that no page of the feed can end inside a number.
  ENTENTE_TRY(out,
              tx.query("UPDATE bank_entry SET tombstoned_at = $1, tombstone_step = $2, "
                       "tombstone_cause = 'person', changed = $3 + r.n FROM "
                       "(SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM bank_entry "
                       "WHERE bank = $4 AND tombstoned_at IS NULL) AS r "
                       "WHERE bank_entry.id = r.id RETURNING bank_entry.id",
                       {to_ms(decision.now), decision.person, top - bank.live - 1, bank.name}));
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE bank SET retired_at = $2, alias = '', live = 0, changed = $3 "
              "WHERE name = $1",
              {bank.name, to_ms(decision.now), top}));
  ENTENTE_CHECK_OK(rows::record_event(tx, bank.name, {}, "bank_retired", decision.person,
                                      {{"entries", out.size()}, {"reason", decision.reason}},
                                      decision.now));
  std::vector<EntryId> ids;
  ids.reserve(out.size());
  for (const store::Row& row : out) ids.push_back(row.integer(0));
  return ids;
}

Result<std::vector<BankEvent>> Banks::events(store::Tx& tx, std::string_view bank,
                                             std::int64_t after, std::int64_t limit) const {
  if (limit < 1 || limit > kMaxPage)
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} events", kMaxPage), "limit");
  ENTENTE_TRY(found, tx.query(fmt::format("SELECT id, bank, entry, kind, actor, detail, at FROM "
                                          "bank_event WHERE id > $1 {} ORDER BY id LIMIT $2",
                                          bank.empty() ? "" : "AND bank = $3"),
                              bank.empty() ? store::Params{after, limit}
                                           : store::Params{after, limit, text(bank)}));
  std::vector<BankEvent> out;
  for (const store::Row& row : found) {
    BankEvent event;
    event.id = row.integer(0);
    event.bank = row.text(1);
    event.entry = row.integer_if(2);
    event.kind = row.text(3);
    event.by = row.text(4);
    ENTENTE_TRY(detail, json::parse_object(row.text(5)));
    event.detail = std::move(detail);
    event.at = instant_from_ms(row.integer(6));
    out.push_back(std::move(event));
  }
  return out;
}

}  // namespace entente::matching

// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/bank_rows.h"

#include <fmt/format.h>

namespace entente::matching::rows {

namespace {

constexpr double kMillion = 1'000'000;

std::optional<Instant> instant_if(const store::Row& row, std::size_t i) {
  const auto ms = row.integer_if(i);
  if (!ms) return std::nullopt;
  return instant_from_ms(*ms);
}

Unexpected no_source(std::string detail, std::string field) {
  return fail(Error{Code::kRefused, std::move(detail), std::move(field), "SG22",
                    "name the act, its target and step, or the person and their reason, and a "
                    "label of the list"});
}

Result<void> check_source_part(std::string_view value, const char* field, std::size_t max) {
  if (value.empty()) return no_source("an entry needs its provenance", field);
  if (value.size() > max) return fail(Code::kInvalid, "too long", field);
  return {};
}

Result<void> check_source(const NewEntry& entry) {
  const bool by_act = !entry.act.empty() || !entry.target.empty() || !entry.step.empty();
  if (static_cast<int>(by_act) + static_cast<int>(entry.person.has_value()) +
          static_cast<int>(entry.partner.has_value()) >
      1) {
    return fail(Code::kInvalid, "an entry has one source", "source");
  }
  if (entry.person) {
    ENTENTE_CHECK_OK(check_source_part(entry.person->person, "person", kMaxProvenance));
    return check_source_part(entry.person->reason, "reason", kMaxReason);
  }
  if (entry.partner) {
    ENTENTE_CHECK_OK(check_source_part(entry.partner->party, "party", kMaxProvenance));
    ENTENTE_CHECK_OK(check_source_part(entry.partner->entry, "entry", kMaxProvenance));
    return check_source_part(entry.partner->provenance, "source", 4 * kMaxProvenance);
  }
  ENTENTE_CHECK_OK(check_source_part(entry.act, "act", kMaxProvenance));
  ENTENTE_CHECK_OK(check_source_part(entry.target, "target", kMaxProvenance));
  return check_source_part(entry.step, "step", kMaxProvenance);
}

SourceKind kind_of(const NewEntry& entry) {
  if (entry.person) return SourceKind::kPerson;
  return entry.partner ? SourceKind::kPartner : SourceKind::kAct;
}

}  // namespace

store::Value ms_or_null(const std::optional<Instant>& at) {
  if (!at) return {};
  return to_ms(*at);
}

Result<Entry> entry_of(const store::Row& row) {
  Entry out;
  out.id = row.integer(0);
  out.bank = row.text(1);
  ENTENTE_TRY(pdq, fingerprint::Pdq::parse(row.text(2)));
  out.pdq = pdq;
  out.quality = static_cast<int>(row.integer(3));
  out.label = row.text(4);
  ENTENTE_TRY(source, parse_source_kind(row.text(5)));
  out.source = source;
  out.act = row.text(6);
  out.target = row.text(7);
  out.added_by_step = row.text(8);
  if (source == SourceKind::kPerson) out.person = PersonSource{row.text(9), row.text(10)};
  if (source == SourceKind::kPartner)
    out.partner = PartnerSource{row.text(11), row.text(12), row.text(13), row.text(14)};
  out.added_at = instant_from_ms(row.integer(15));
  out.tombstoned_at = instant_if(row, 16);
  out.expires_at = instant_if(row, 17);
  out.disabled_until = instant_if(row, 18);
  out.contested = row.integer(19) != 0;
  out.quarantined = row.integer(20) != 0;
  out.content_id = row.text(21);
  out.content_uri = row.text(22);
  out.note = row.text(23);
  out.changed = row.integer(24);
  return out;
}

Result<Bank> bank_of(const store::Row& row) {
  Bank out;
  out.name = row.text(0);
  out.title = row.text(1);
  out.radius = static_cast<int>(row.integer(2));
  out.created_at = instant_from_ms(row.integer(3));
  out.live = row.integer(4);
  out.alias = row.text(5);
  ENTENTE_TRY(kind, parse_bank_kind(row.text(6)));
  out.kind = kind;
  out.owner = row.text(7);
  out.marking = row.text(8);
  out.enabled = row.integer(9) != 0;
  out.enabled_ratio = static_cast<double>(row.integer(10)) / kMillion;
  out.dry_run = row.integer(11) != 0;
  out.changed = row.integer(12);
  out.retired_at = instant_if(row, 13);
  return out;
}

Result<std::int64_t> next_sequence(store::Tx& tx, std::int64_t count) {
  ENTENTE_TRY(rows, tx.query("UPDATE bank_sequence SET last = last + $1 RETURNING last", {count}));
  if (rows.size() != 1) return fail(Code::kCorrupt, "the change feed has no counter");
  return rows[0].integer(0);
}

Result<void> record_event(store::Tx& tx, std::string_view bank, std::optional<EntryId> entry,
                          std::string_view kind, std::string_view by, json::Object detail,
                          Instant at) {
  store::Value about;
  if (entry) about = *entry;
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO bank_event (bank, entry, kind, actor, detail, at) "
      "VALUES ($1, $2, $3, $4, $5, $6)",
      {text(bank), about, text(kind), text(by), json::canonical(std::move(detail)), to_ms(at)}));
  return {};
}

Result<void> count_live(store::Tx& tx, std::string_view bank, std::int64_t by) {
  ENTENTE_CHECK_OK(tx.exec("UPDATE bank SET live = live + $2 WHERE name = $1", {text(bank), by}));
  return {};
}

Result<bool> put_out(store::Tx& tx, EntryId id, std::string_view cause, std::string_view step,
                     Instant now) {
  ENTENTE_TRY(number, next_sequence(tx));
  ENTENTE_TRY(rows,
              tx.query("UPDATE bank_entry SET tombstoned_at = $2, tombstone_step = $3, "
                       "tombstone_cause = $4, changed = $5 WHERE id = $1 AND tombstoned_at IS NULL "
                       "RETURNING bank",
                       {id, to_ms(now), text(step), text(cause), number}));
  if (rows.empty()) return false;
  ENTENTE_CHECK_OK(count_live(tx, rows[0].text(0), -1));
  return true;
}

Result<void> touch(store::Tx& tx, EntryId id) {
  ENTENTE_TRY(number, next_sequence(tx));
  ENTENTE_CHECK_OK(tx.exec("UPDATE bank_entry SET changed = $2 WHERE id = $1", {id, number}));
  return {};
}

Result<void> check_decision(const Decision& decision, bool reason_needed) {
  if (decision.person.empty()) {
    return fail(Error{Code::kRefused, "a person decides about banks", "person", "SG21",
                      "name the person who decided"});
  }
  if (reason_needed && decision.reason.empty())
    return fail(Code::kInvalid, "say why, in words", "reason");
  if (decision.person.size() > kMaxReason || decision.reason.size() > kMaxReason) {
    return fail(Code::kInvalid, fmt::format("at most {} bytes", kMaxReason),
                decision.person.size() > kMaxReason ? "person" : "reason");
  }
  return {};
}

Result<void> check_entry(const NewEntry& entry, const Labels& labels) {
  ENTENTE_CHECK_OK(check_source(entry));
  if (labels.find(entry.label) == nullptr)
    return no_source("the label is not on the list", "label");
  if (entry.quality < fingerprint::kMinQuality || entry.quality > 100) {
    return fail(Code::kInvalid,
                fmt::format("a picture of quality {} has too little detail to tell it from another",
                            entry.quality),
                "quality");
  }
  if (entry.expires_at && *entry.expires_at <= entry.now)
    return fail(Code::kInvalid, "it would have expired already", "expires_at");
  if (entry.content_id.size() > kMaxProvenance)
    return fail(Code::kInvalid, "too long", "content_id");
  if (entry.content_uri.size() > kMaxProvenance)
    return fail(Code::kInvalid, "too long", "content_uri");
  if (entry.note.size() > kMaxNote) return fail(Code::kInvalid, "too long", "note");
  return {};
}

Result<EntryId> insert_entry(store::Tx& tx, const NewEntry& entry, const Birth& birth) {
  const PersonSource person = entry.person.value_or(PersonSource{});
  const PartnerSource partner = entry.partner.value_or(PartnerSource{});
  store::Value out_step;
  if (birth.out_since) out_step = birth.out_step;
  ENTENTE_TRY(number, next_sequence(tx));
  ENTENTE_TRY(
      rows,
      tx.query("INSERT INTO bank_entry (bank, pdq, quality, label, source, act, target, "
               "added_by_step, person, reason, party, party_entry, account, marking, added_at, "
               "tombstoned_at, tombstone_step, tombstone_cause, expires_at, content_id, "
               "content_uri, note, born, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
               "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $23) RETURNING id",
               {entry.bank,
                entry.pdq.hex(),
                std::int64_t{entry.quality},
                entry.label,
                text(source_kind_name(kind_of(entry))),
                entry.act,
                entry.target,
                entry.step,
                person.person,
                person.reason,
                partner.party,
                partner.entry,
                partner.provenance,
                partner.marking,
                to_ms(entry.now),
                ms_or_null(birth.out_since),
                out_step,
                text(birth.out_since ? kByAct : ""),
                ms_or_null(entry.expires_at),
                entry.content_id,
                entry.content_uri,
                entry.note,
                number}));
  const EntryId id = rows.at(0).integer(0);
  if (!birth.out_since) ENTENTE_CHECK_OK(count_live(tx, entry.bank, 1));
  return id;
}

Result<void> revive(store::Tx& tx, EntryId id, const NewEntry& entry) {
  const PersonSource person = entry.person.value_or(PersonSource{});
  const PartnerSource partner = entry.partner.value_or(PartnerSource{});
  ENTENTE_TRY(number, next_sequence(tx));
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE bank_entry SET tombstoned_at = NULL, tombstone_step = NULL, "
              "tombstone_cause = '', quality = $2, label = $3, added_by_step = $4, person = $5, "
              "reason = $6, account = $7, marking = $8, added_at = $9, expires_at = $10, "
              "disabled_until = NULL, born = $11, changed = $11 WHERE id = $1",
              {id, std::int64_t{entry.quality}, entry.label, entry.step, person.person,
               person.reason, partner.provenance, partner.marking, to_ms(entry.now),
               ms_or_null(entry.expires_at), number}));
  return count_live(tx, entry.bank, 1);
}

}  // namespace entente::matching::rows

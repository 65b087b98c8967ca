// SPDX-License-Identifier: Apache-2.0
#include "entente/dossier/repository.h"

#include <fmt/format.h>

#include "entente/crypto/envelope.h"

namespace entente::dossier {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE step (
  seq INTEGER PRIMARY KEY, step TEXT NOT NULL UNIQUE, act TEXT NOT NULL, envelope TEXT NOT NULL,
  status TEXT NOT NULL, why TEXT NOT NULL, own INTEGER NOT NULL,
  leaf_origin TEXT NOT NULL, leaf_index INTEGER NOT NULL, leaf_entry TEXT NOT NULL, salt BLOB, proof TEXT NOT NULL,
  received_at INTEGER NOT NULL);
CREATE INDEX step_act ON step(act, seq);
CREATE TABLE act (
  act TEXT PRIMARY KEY, dossier TEXT NOT NULL, regime TEXT NOT NULL, mode TEXT NOT NULL, position TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, waits INTEGER NOT NULL,
  due INTEGER NOT NULL, next_at INTEGER, summary TEXT NOT NULL);
CREATE INDEX act_updated ON act(updated_at, act);
CREATE INDEX act_queue ON act(waits, due, act);
CREATE INDEX act_next ON act(next_at);
CREATE TABLE refusal (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, act TEXT NOT NULL, step TEXT NOT NULL, move TEXT NOT NULL,
  party TEXT NOT NULL, source TEXT NOT NULL, code INTEGER NOT NULL, rule TEXT NOT NULL, field TEXT NOT NULL,
  detail TEXT NOT NULL);
CREATE TABLE case_link (
  token TEXT PRIMARY KEY, act TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE(act, role));
CREATE TABLE step_ack (
  step TEXT NOT NULL, party TEXT NOT NULL, receipt TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(step, party));
CREATE TABLE answered (effect TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE peer_skew (party TEXT PRIMARY KEY, ms INTEGER NOT NULL, measured_at INTEGER NOT NULL);
)sql";

constexpr std::string_view kSchema2 = R"sql(
CREATE TABLE lodged (key TEXT PRIMARY KEY, body TEXT NOT NULL, step TEXT NOT NULL, at INTEGER NOT NULL);
)sql";

// Sorts after every real due time, so that NULLs need no special case in the queue's order.
constexpr std::int64_t kNoDue = 253'402'300'800'000;

Result<StoredStep> read_step(const store::Row& r) {
  StoredStep s;
  s.seq = r.integer(0);
  s.envelope = r.text(2);
  ENTENTE_TRY(envelope, crypto::parse_envelope(s.envelope));
  ENTENTE_TRY(step, acts::parse_step(as_text(envelope.payload), r.text(1)));
  s.step = std::move(step);
  s.status = r.text(3);
  s.why = r.text(4);
  s.own = r.integer(5) != 0;
  s.leaf = {r.text(6), r.integer(7), r.text(8), r.is_null(9) ? Bytes() : r.blob(9), r.text(10)};
  s.received = instant_from_ms(r.integer(11));
  return s;
}

constexpr std::string_view kStepColumns =
    "SELECT s.seq, s.step, s.envelope, s.status, s.why, s.own, s.leaf_origin, s.leaf_index, "
    "s.leaf_entry, s.salt, "
    "s.proof, s.received_at FROM step s ";

Result<std::vector<StoredStep>> read_steps(store::Tx& tx, const std::string& sql,
                                           const store::Params& params) {
  ENTENTE_TRY(rows, tx.query(sql, params));
  std::vector<StoredStep> out;
  out.reserve(rows.size());
  for (const auto& r : rows) {
    ENTENTE_TRY(s, read_step(r));
    out.push_back(std::move(s));
  }
  return out;
}

constexpr std::string_view kActColumns =
    "SELECT act, dossier, regime, mode, position, created_at, updated_at, waits, due, next_at, "
    "summary FROM act ";

Result<ActRow> read_act(const store::Row& r) {
  ActRow a{r.text(0),
           r.text(1),
           r.text(2),
           r.text(3),
           r.text(4),
           instant_from_ms(r.integer(5)),
           instant_from_ms(r.integer(6)),
           r.integer(7) != 0,
           std::nullopt,
           std::nullopt,
           {}};
  if (r.integer(8) != kNoDue) a.due = instant_from_ms(r.integer(8));
  if (const auto n = r.integer_if(9)) a.next = instant_from_ms(*n);
  ENTENTE_TRY(summary, json::parse_object(r.text(10)));
  a.summary = std::move(summary);
  return a;
}

// Cursors are "<number>.<act>": the sort key of the last row of a page. Opaque to clients, strict
// here.
struct Cursor {
  std::int64_t key = 0;
  std::string act;
};
Result<Cursor> read_cursor(std::string_view text) {
  const auto dot = text.find('.');
  const auto bad = [] { return fail(Code::kInvalid, "not a cursor of this list", "cursor"); };
  if (dot == std::string_view::npos || dot == 0 || dot > 18) return bad();
  Cursor c;
  for (const char ch : text.substr(0, dot)) {
    if (ch < '0' || ch > '9') return bad();
    c.key = c.key * 10 + (ch - '0');
  }
  c.act = std::string(text.substr(dot + 1));
  return c;
}

Result<Page> read_page(store::Tx& tx, const std::string& sql, store::Params params,
                       std::size_t limit, bool by_due) {
  params.emplace_back(static_cast<std::int64_t>(limit + 1));
  ENTENTE_TRY(rows, tx.query(sql, params));
  Page page;
  for (const auto& r : rows) {
    if (page.rows.size() == limit) {
      const auto& last = page.rows.back();
      page.next = fmt::format(
          "{}.{}", by_due ? (last.due ? to_ms(*last.due) : kNoDue) : to_ms(last.updated), last.act);
      break;
    }
    ENTENTE_TRY(a, read_act(r));
    page.rows.push_back(std::move(a));
  }
  return page;
}

}  // namespace

store::Migration migration() {
  return {"dossier", {kSchema, kSchema2}};
}

Result<std::vector<StoredStep>> steps_of(store::Tx& tx, std::string_view act) {
  return read_steps(tx, std::string(kStepColumns) + "WHERE s.act = $1 ORDER BY s.seq",
                    {std::string(act)});
}

Result<std::optional<StoredStep>> find_step(store::Tx& tx, std::string_view step) {
  ENTENTE_TRY(all,
              read_steps(tx, std::string(kStepColumns) + "WHERE s.step = $1", {std::string(step)}));
  if (all.empty()) return std::optional<StoredStep>();
  return std::optional<StoredStep>(std::move(all.front()));
}

Result<std::optional<LeafPlace>> leaf_of(store::Tx& tx, std::string_view step) {
  ENTENTE_TRY(rows, tx.query("SELECT leaf_origin, leaf_index FROM step WHERE step = $1",
                             {std::string(step)}));
  if (rows.empty() || rows[0].integer(1) < 0) return std::optional<LeafPlace>();
  return std::optional<LeafPlace>(LeafPlace{rows[0].text(0), rows[0].integer(1)});
}

Result<void> insert_step(store::Tx& tx, const acts::Step& step, const std::string& envelope,
                         const StepRow& s) {
  ENTENTE_TRY(n, tx.exec("INSERT INTO step(step, act, envelope, status, why, own, leaf_origin, "
                         "leaf_index, leaf_entry, salt, "
                         "proof, received_at) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)",
                         {step.id, step.act, envelope, s.status, s.why, std::int64_t{s.own ? 1 : 0},
                          s.leaf.origin, s.leaf.index, s.leaf.entry, s.leaf.salt, s.leaf.proof,
                          to_ms(s.received)}));
  static_cast<void>(n);
  return {};
}

Result<void> set_status(store::Tx& tx, std::string_view step, std::string_view status,
                        std::string_view why) {
  ENTENTE_TRY(n, tx.exec("UPDATE step SET status = $2, why = $3 WHERE step = $1",
                         {std::string(step), std::string(status), std::string(why)}));
  static_cast<void>(n);
  return {};
}

Result<Version> version_of(store::Tx& tx, std::string_view act) {
  ENTENTE_TRY(rows, tx.query("SELECT seq, step FROM step WHERE act = $1 ORDER BY seq DESC LIMIT 1",
                             {std::string(act)}));
  return rows.empty() ? Version{} : Version{rows[0].integer(0), rows[0].text(1)};
}

Result<void> put_act(store::Tx& tx, const ActRow& a) {
  const store::Value next = a.next ? store::Value(to_ms(*a.next)) : store::Value();
  ENTENTE_TRY(
      n,
      tx.exec("INSERT INTO act(act, dossier, regime, mode, position, created_at, updated_at, "
              "waits, due, next_at, "
              "summary) VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) ON CONFLICT(act) DO UPDATE SET "
              "updated_at = excluded.updated_at, waits = excluded.waits, due = excluded.due, "
              "next_at = excluded.next_at, summary = excluded.summary",
              {a.act, a.dossier, a.regime, a.mode, a.position, to_ms(a.created), to_ms(a.updated),
               std::int64_t{a.waits ? 1 : 0}, a.due ? to_ms(*a.due) : kNoDue, next,
               json::canonical(a.summary)}));
  static_cast<void>(n);
  return {};
}

Result<Page> list_acts(store::Tx& tx, std::string_view cursor, std::size_t limit) {
  if (cursor.empty())
    return read_page(tx, std::string(kActColumns) + "ORDER BY updated_at DESC, act DESC LIMIT $1",
                     {}, limit, false);
  ENTENTE_TRY(c, read_cursor(cursor));
  return read_page(tx,
                   std::string(kActColumns) +
                       "WHERE updated_at < $1 OR (updated_at = $1 AND act < $2) ORDER BY "
                       "updated_at DESC, act DESC LIMIT $3",
                   {c.key, c.act}, limit, false);
}

Result<Page> list_queue(store::Tx& tx, std::string_view cursor, std::size_t limit) {
  if (cursor.empty())
    return read_page(tx, std::string(kActColumns) + "WHERE waits = 1 ORDER BY due, act LIMIT $1",
                     {}, limit, true);
  ENTENTE_TRY(c, read_cursor(cursor));
  return read_page(
      tx,
      std::string(kActColumns) +
          "WHERE waits = 1 AND (due > $1 OR (due = $1 AND act > $2)) ORDER BY due, act LIMIT $3",
      {c.key, c.act}, limit, true);
}

Result<std::optional<ActRow>> find_act(store::Tx& tx, std::string_view act) {
  ENTENTE_TRY(rows, tx.query(std::string(kActColumns) + "WHERE act = $1", {std::string(act)}));
  if (rows.empty()) return std::optional<ActRow>();
  ENTENTE_TRY(a, read_act(rows[0]));
  return std::optional<ActRow>(std::move(a));
}

Result<std::vector<std::string>> acts_due(store::Tx& tx, Instant now, std::size_t limit) {
  ENTENTE_TRY(rows, tx.query("SELECT act FROM act WHERE next_at IS NOT NULL AND next_at <= $1 "
                             "ORDER BY next_at LIMIT $2",
                             {to_ms(now), static_cast<std::int64_t>(limit)}));
  std::vector<std::string> out;
  out.reserve(rows.size());
  for (const auto& r : rows) out.push_back(r.text(0));
  return out;
}

Result<void> log_refusal(store::Tx& tx, const Refusal& r) {
  ENTENTE_TRY(
      n,
      tx.exec("INSERT INTO refusal(at, act, step, move, party, source, code, rule, field, detail) "
              "VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
              {to_ms(r.at), r.act, r.step, r.move, r.party, r.source,
               static_cast<std::int64_t>(r.why.code), r.why.rule, r.why.field, r.why.detail}));
  static_cast<void>(n);
  return {};
}

Result<std::vector<Refusal>> list_refusals(store::Tx& tx, std::int64_t before, std::size_t limit) {
  ENTENTE_TRY(
      rows,
      tx.query(
          "SELECT id, at, act, step, move, party, source, code, rule, field, detail FROM refusal "
          "WHERE id < $1 ORDER BY id DESC LIMIT $2",
          {before, static_cast<std::int64_t>(limit)}));
  std::vector<Refusal> out;
  out.reserve(rows.size());
  for (const auto& r : rows)
    out.push_back({r.integer(0),
                   instant_from_ms(r.integer(1)),
                   r.text(2),
                   r.text(3),
                   r.text(4),
                   r.text(5),
                   r.text(6),
                   {static_cast<Code>(r.integer(7)), r.text(10), r.text(9), r.text(8), {}}});
  return out;
}

Result<std::string> case_token(store::Tx& tx, std::string_view act, std::string_view role,
                               std::string_view fresh, Instant now) {
  ENTENTE_TRY(n, tx.exec("INSERT INTO case_link(token, act, role, created_at) VALUES($1,$2,$3,$4) "
                         "ON CONFLICT(act, role) DO NOTHING",
                         {std::string(fresh), std::string(act), std::string(role), to_ms(now)}));
  static_cast<void>(n);
  ENTENTE_TRY(rows, tx.query("SELECT token FROM case_link WHERE act = $1 AND role = $2",
                             {std::string(act), std::string(role)}));
  return rows.at(0).text(0);
}

Result<std::optional<CaseLink>> find_case(store::Tx& tx, std::string_view token) {
  ENTENTE_TRY(rows,
              tx.query("SELECT act, role FROM case_link WHERE token = $1", {std::string(token)}));
  if (rows.empty()) return std::optional<CaseLink>();
  return std::optional<CaseLink>(CaseLink{rows[0].text(0), rows[0].text(1)});
}

Result<std::optional<Lodged>> find_lodged(store::Tx& tx, std::string_view key) {
  ENTENTE_TRY(rows, tx.query("SELECT body, step FROM lodged WHERE key = $1", {std::string(key)}));
  if (rows.empty()) return std::optional<Lodged>();
  return std::optional<Lodged>(Lodged{rows[0].text(0), rows[0].text(1)});
}

Result<void> put_lodged(store::Tx& tx, std::string_view key, const Lodged& lodged, Instant now) {
  ENTENTE_TRY(n, tx.exec("INSERT INTO lodged(key, body, step, at) VALUES($1,$2,$3,$4)",
                         {std::string(key), lodged.body, lodged.step, to_ms(now)}));
  static_cast<void>(n);
  return {};
}

Result<void> acknowledge(store::Tx& tx, std::string_view step, std::string_view party,
                         std::string_view receipt, Instant now) {
  ENTENTE_TRY(n,
              tx.exec("INSERT INTO step_ack(step, party, receipt, at) VALUES($1,$2,$3,$4) ON "
                      "CONFLICT(step, party) DO NOTHING",
                      {std::string(step), std::string(party), std::string(receipt), to_ms(now)}));
  static_cast<void>(n);
  return {};
}

Result<std::vector<StoredStep>> unacknowledged(store::Tx& tx, std::string_view act,
                                               std::string_view party) {
  return read_steps(tx,
                    std::string(kStepColumns) +
                        "LEFT JOIN step_ack a ON a.step = s.step AND a.party = $2 "
                        "WHERE s.act = $1 AND s.own = 1 AND s.status = 'applied' AND a.step IS "
                        "NULL ORDER BY s.seq",
                    {std::string(act), std::string(party)});
}

Result<bool> answer_once(store::Tx& tx, std::string_view effect, Instant now) {
  ENTENTE_TRY(
      n, tx.exec("INSERT INTO answered(effect, at) VALUES($1,$2) ON CONFLICT(effect) DO NOTHING",
                 {std::string(effect), to_ms(now)}));
  return n == 1;
}

Result<void> record_skew(store::Tx& tx, std::string_view party, std::int64_t ms, Instant now) {
  ENTENTE_TRY(n, tx.exec("INSERT INTO peer_skew(party, ms, measured_at) VALUES($1,$2,$3) ON "
                         "CONFLICT(party) DO UPDATE SET "
                         "ms = excluded.ms, measured_at = excluded.measured_at",
                         {std::string(party), ms, to_ms(now)}));
  static_cast<void>(n);
  return {};
}

Result<std::int64_t> skew_of(store::Tx& tx, std::string_view party) {
  ENTENTE_TRY(rows, tx.query("SELECT ms FROM peer_skew WHERE party = $1", {std::string(party)}));
  return rows.empty() ? 0 : rows[0].integer(0);
}

}  // namespace entente::dossier

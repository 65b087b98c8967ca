// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/uploads.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "entente/core/id.h"

namespace entente::matching {

namespace {

// The first table (banks.cc) knew two proposals, and a CHECK cannot be altered everywhere.
constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE upload_check_wide (
  id TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  proposal TEXT NOT NULL CHECK (proposal IN ('none', 'review', 'hold', 'limit_spread')),
  rule TEXT NOT NULL,
  note TEXT NOT NULL,
  matches TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  hold_until INTEGER,
  review_state TEXT CHECK (review_state IN ('open', 'kept', 'removed')),
  decided_by TEXT,
  decided_at INTEGER,
  CHECK ((proposal = 'hold') = (hold_until IS NOT NULL))
);
INSERT INTO upload_check_wide (id, sha256, pdq, quality, proposal, rule, note, matches, created_at,
  review_state, decided_by, decided_at)
  SELECT id, sha256, pdq, quality, proposal, '', note, matches, created_at, review_state,
         decided_by, decided_at FROM upload_check;
DROP TABLE upload_check;
ALTER TABLE upload_check_wide RENAME TO upload_check;
CREATE INDEX upload_check_open ON upload_check (id) WHERE review_state = 'open';
CREATE INDEX upload_check_matched ON upload_check (created_at, id) WHERE matches <> '[]';
)sql";

constexpr std::string_view kColumns =
    "id, sha256, pdq, quality, proposal, note, matches, created_at, review_state, decided_by, "
    "decided_at, rule, hold_until";
// kMaxMatchesPerBank matches of some hundred banks.
constexpr std::size_t kMaxMatchesJson = 8 << 20;

std::string text(std::string_view s) {
  return std::string(s);
}

// Who stands behind an entry, without the address of what it was made from.
void add_provenance(const Entry& entry, json::Object& out) {
  switch (entry.source) {
    case SourceKind::kAct:
      out["act"] = entry.act;
      out["step"] = entry.added_by_step;
      return;
    case SourceKind::kPerson:
      if (entry.person) out["person"] = entry.person->person;
      return;
    case SourceKind::kPartner:
      if (!entry.partner) return;
      out["party"] = entry.partner->party;
      out["party_entry"] = entry.partner->entry;
      out["marking"] = entry.partner->marking;
      return;
  }
}

Result<ReviewState> review_state_of(std::string_view name) {
  for (const ReviewState state : {ReviewState::kOpen, ReviewState::kKept, ReviewState::kRemoved}) {
    if (name == review_state_name(state)) return state;
  }
  return fail(Code::kCorrupt, "unknown review state in upload_check");
}

Result<UploadCheck> check_of(const store::Row& row) {
  UploadCheck out;
  out.id = row.text(0);
  out.sha256 = row.text(1);
  ENTENTE_TRY(pdq, fingerprint::Pdq::parse(row.text(2)));
  out.pdq = pdq;
  out.quality = static_cast<int>(row.integer(3));
  ENTENTE_TRY(proposal, parse_proposal(row.text(4)));
  out.proposal = proposal;
  out.note = row.text(5);
  ENTENTE_TRY(matches, json::parse(row.text(6), kMaxMatchesJson));
  if (!matches.is_array()) return fail(Code::kCorrupt, "matches in upload_check are no list");
  out.matches = matches.as_array();
  out.created_at = instant_from_ms(row.integer(7));
  if (const auto state = row.text_if(8)) {
    ENTENTE_TRY(known, review_state_of(*state));
    out.review_state = known;
  }
  out.decided_by = row.text_if(9).value_or("");
  if (const auto at = row.integer_if(10)) out.decided_at = instant_from_ms(*at);
  out.rule = row.text(11);
  if (const auto at = row.integer_if(12)) out.hold_until = instant_from_ms(*at);
  return out;
}

}  // namespace

store::Migration uploads_migration() {
  return {"matching_uploads", {kSchema1}};
}

std::string_view review_state_name(ReviewState state) {
  switch (state) {
    case ReviewState::kNotAsked:
      return "";
    case ReviewState::kOpen:
      return "open";
    case ReviewState::kKept:
      return "kept";
    case ReviewState::kRemoved:
      return "removed";
  }
  return "";
}

std::string file_sha256(ByteView file) {
  Hash256 hash{};
  unsigned size = 0;
  const int ok = EVP_Digest(file.data(), file.size(), hash.data(), &size, EVP_sha256(), nullptr);
  check(ok == 1 && size == hash.size(), "SHA-256 cannot fail");
  return to_hex(hash);
}

json::Array matches_json(const std::vector<Match>& matches, const std::vector<MatchProposal>& why) {
  json::Array out;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const MatchFacts& facts = matches[i].facts;
    json::Object one{{"bank", facts.bank},
                     {"kind", text(bank_kind_name(facts.kind))},
                     {"entry", facts.entry},
                     {"distance", facts.distance},
                     {"quality", facts.quality},
                     {"label", facts.label},
                     {"context", facts.context},
                     {"contested", facts.contested},
                     {"quarantined", facts.quarantined},
                     {"turn", text(turn_name(matches[i].turn))},
                     {"source", text(source_kind_name(facts.source))}};
    add_provenance(matches[i].entry, one);
    if (i < why.size()) {
      one["proposal"] = text(proposal_name(why[i].proposal));
      one["rule"] = why[i].rule;
      if (!why[i].ceiling.empty()) one["ceiling"] = why[i].ceiling;
    }
    out.push_back(std::move(one));
  }
  return out;
}

bool holds(const UploadCheck& check, Instant now) {
  return check.hold_until && check.review_state == ReviewState::kOpen && now < *check.hold_until;
}

json::Object to_json(const UploadCheck& check, Instant now) {
  json::Object out{{"id", check.id},           {"proposal", text(proposal_name(check.proposal))},
                   {"quality", check.quality}, {"pdq", check.pdq.hex()},
                   {"matches", check.matches}, {"created_at", format_rfc3339(check.created_at)}};
  if (!check.sha256.empty()) out["sha256"] = check.sha256;
  if (!check.rule.empty()) out["rule"] = check.rule;
  if (!check.note.empty()) out["note"] = check.note;
  if (check.hold_until) {
    out["hold"] =
        json::Object{{"until", format_rfc3339(*check.hold_until)}, {"held", holds(check, now)}};
  }
  if (check.review_state != ReviewState::kNotAsked)
    out["review_state"] = text(review_state_name(check.review_state));
  if (check.decided_at) {
    out["decided_by"] = check.decided_by;
    out["decided_at"] = format_rfc3339(*check.decided_at);
  }
  return out;
}

UploadCheck make_check(const MatchAnswer& answer, const PolicyAnswer& policy,
                       std::string_view sha256, Instant now, Random& random) {
  UploadCheck out;
  out.id = make_ulid(now, random);
  out.sha256 = text(sha256);
  out.pdq = answer.fingerprint.pdq;
  out.quality = answer.fingerprint.quality;
  out.proposal = policy.proposal;
  out.note = answer.truncated ? "many_matches" : answer.note;
  out.matches = matches_json(answer.matches, policy.matches);
  out.created_at = now;
  if (policy.proposal == Proposal::kNone) return out;
  out.review_state = ReviewState::kOpen;
  for (const MatchProposal& why : policy.matches) {
    if (why.proposal == policy.proposal) out.rule = why.rule;
  }
  if (policy.proposal == Proposal::kHold) {
    out.hold_until = now + std::min<Millis>(policy.hold.value_or(kMaxHold), kMaxHold);
  }
  return out;
}

Result<void> record(store::Tx& tx, const UploadCheck& check) {
  store::Value state;
  if (check.review_state != ReviewState::kNotAsked)
    state = text(review_state_name(check.review_state));
  store::Value hold_until;
  if (check.hold_until) hold_until = to_ms(*check.hold_until);
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO upload_check (id, sha256, pdq, quality, proposal, note, matches, created_at, "
      "review_state, rule, hold_until) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      {check.id, check.sha256, check.pdq.hex(), std::int64_t{check.quality},
       text(proposal_name(check.proposal)), check.note, json::canonical(json::Value(check.matches)),
       to_ms(check.created_at), state, check.rule, hold_until}));
  return {};
}

Result<UploadCheck> find_check(store::Tx& tx, std::string_view id) {
  if (!is_ulid(id)) return fail(Code::kNotFound, "no such check", "id");
  ENTENTE_TRY(rows, tx.query(fmt::format("SELECT {} FROM upload_check WHERE id = $1", kColumns),
                             {text(id)}));
  if (rows.empty()) return fail(Code::kNotFound, "no such check", "id");
  return check_of(rows[0]);
}

Result<std::vector<UploadCheck>> open_tasks(store::Tx& tx, std::string_view after,
                                            std::int64_t limit) {
  if (limit < 1 || limit > kMaxPage) {
    return fail(Code::kInvalid, fmt::format("a page has 1 to {} entries", kMaxPage), "limit");
  }
  ENTENTE_TRY(
      rows,
      tx.query(fmt::format("SELECT {} FROM upload_check WHERE review_state = 'open' AND id > $1 "
                           "ORDER BY id LIMIT $2",
                           kColumns),
               {text(after), limit}));
  std::vector<UploadCheck> out;
  for (const store::Row& row : rows) {
    ENTENTE_TRY(check, check_of(row));
    out.push_back(std::move(check));
  }
  return out;
}

Result<void> decide(store::Tx& tx, std::string_view id, ReviewState decision,
                    std::string_view person, Instant now) {
  if (decision != ReviewState::kKept && decision != ReviewState::kRemoved) {
    return fail(Code::kInvalid, "a decision is kept or removed", "review_state");
  }
  if (person.empty()) {
    return fail(Error{Code::kRefused, "a match proposes, a person decides", "decided_by", "SG21",
                      "name the person who looked at it"});
  }
  ENTENTE_TRY(before, find_check(tx, id));
  if (before.review_state == decision && before.decided_by == person) return {};
  if (before.review_state != ReviewState::kOpen) {
    return fail(Code::kConflict, "there is no open review of this check", "id");
  }
  ENTENTE_CHECK_OK(tx.exec(
      "UPDATE upload_check SET review_state = $2, decided_by = $3, decided_at = $4 WHERE id = $1",
      {text(id), text(review_state_name(decision)), text(person), to_ms(now)}));
  return {};
}

Result<std::int64_t> forget(store::Tx& tx, Instant before) {
  // An id begins with its time, so the key is all the index this needs.
  struct Zeros final : Random {
    void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 0); }
  } zeros;
  return tx.exec(
      "DELETE FROM upload_check WHERE id < $1 AND (review_state IS NULL OR review_state <> 'open')",
      {make_ulid(before, zeros)});
}

}  // namespace entente::matching

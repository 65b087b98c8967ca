// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/uploads.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "entente/core/id.h"

namespace entente::matching {

namespace {

constexpr std::string_view kColumns =
    "id, sha256, pdq, quality, proposal, note, matches, created_at, review_state, decided_by, "
    "decided_at";
// kMaxMatchesPerBank matches of some hundred banks.
constexpr std::size_t kMaxMatchesJson = 8 << 20;

std::string text(std::string_view s) {
  return std::string(s);
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
  out.proposal = row.text(4) == "review" ? Proposal::kReview : Proposal::kNone;
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
  return out;
}

}  // namespace

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

json::Array matches_json(const std::vector<Match>& matches) {
  json::Array out;
  for (const Match& match : matches) {
    out.push_back(json::Object{{"bank", match.bank},
                               {"entry", match.entry},
                               {"distance", match.distance},
                               {"label", match.label},
                               {"act", match.act},
                               {"context", match.context}});
  }
  return out;
}

json::Object to_json(const UploadCheck& check) {
  json::Object out{{"id", check.id},
                   {"proposal", text(proposal_name(check.proposal))},
                   {"quality", check.quality},
                   {"pdq", check.pdq.hex()},
                   {"sha256", check.sha256},
                   {"matches", check.matches},
                   {"created_at", format_rfc3339(check.created_at)}};
  if (!check.note.empty()) out["note"] = check.note;
  if (check.review_state != ReviewState::kNotAsked)
    out["review_state"] = text(review_state_name(check.review_state));
  if (check.decided_at) {
    out["decided_by"] = check.decided_by;
    out["decided_at"] = format_rfc3339(*check.decided_at);
  }
  return out;
}

UploadCheck make_check(const MatchAnswer& answer, std::string_view sha256, Instant now,
                       Random& random) {
  UploadCheck out;
  out.id = make_ulid(now, random);
  out.sha256 = text(sha256);
  out.pdq = answer.fingerprint.pdq;
  out.quality = answer.fingerprint.quality;
  out.proposal = answer.proposal;
  out.note = answer.note;
  out.matches = matches_json(answer.matches);
  out.created_at = now;
  if (answer.proposal == Proposal::kReview) out.review_state = ReviewState::kOpen;
  return out;
}

Result<void> record(store::Tx& tx, const UploadCheck& check) {
  store::Value state;
  if (check.review_state != ReviewState::kNotAsked)
    state = text(review_state_name(check.review_state));
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO upload_check (id, sha256, pdq, quality, proposal, note, matches, created_at, "
      "review_state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {check.id, check.sha256, check.pdq.hex(), std::int64_t{check.quality},
       text(proposal_name(check.proposal)), check.note, json::canonical(json::Value(check.matches)),
       to_ms(check.created_at), state}));
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
  return tx.exec(
      "DELETE FROM upload_check WHERE created_at < $1 AND (review_state IS NULL OR review_state <> "
      "'open')",
      {to_ms(before)});
}

}  // namespace entente::matching

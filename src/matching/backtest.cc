// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/backtest.h"

#include <fmt/format.h>

#include <algorithm>

namespace entente::matching {

namespace {

// kMaxMatchesPerBank matches of some hundred banks.
constexpr std::size_t kMaxMatchesJson = 8 << 20;

std::size_t at(Proposal proposal) {
  return static_cast<std::size_t>(proposal);
}

std::string day_of(Instant instant) {
  return format_rfc3339(instant).substr(0, 10);
}

void count(const CheckRow& check, Proposal proposal, BackTest& out) {
  Counts& counts = out.by_proposal.at(at(proposal));
  ++counts.total;
  if (!check.removed) {
    ++counts.undecided;
    return;
  }
  ++(*check.removed ? counts.removed : counts.kept);
  auto& surprises = *check.removed ? out.passed_but_removed : out.held_but_kept;
  const Proposal surprising = *check.removed ? Proposal::kNone : Proposal::kHold;
  if (proposal == surprising && surprises.size() < kMaxBackTestSamples)
    surprises.push_back(check.id);
}

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

json::Object counts_json(const std::array<std::int64_t, kProposals>& counts) {
  json::Object out;
  for (std::size_t i = 0; i < kProposals; ++i)
    out[proposal_name(static_cast<Proposal>(i))] = counts.at(i);
  return out;
}

json::Value share_json(const std::optional<double>& value) {
  return value ? json::Value(*value) : json::Value(nullptr);
}

json::Array ids_json(const std::vector<std::string>& ids) {
  json::Array out;
  for (const std::string& id : ids) out.emplace_back(id);
  return out;
}

// ── records

struct Known {
  Entry entry;
  BankKind kind = BankKind::kOwn;
};

class Reader {
 public:
  Reader(store::Tx& tx, const Banks& banks) : tx_(tx), banks_(banks) {}

  Result<std::vector<MatchFacts>> read(std::string_view matches, int upload_quality) {
    ENTENTE_TRY(list, json::parse(matches, kMaxMatchesJson));
    if (!list.is_array()) return fail(Code::kCorrupt, "matches in upload_check are no list");
    std::vector<MatchFacts> out;
    for (const json::Value& value : list.get_array()) {
      if (!value.is_object()) return fail(Code::kCorrupt, "a match in upload_check is no object");
      ENTENTE_TRY(facts, facts_in(value.get_object(), upload_quality));
      out.push_back(std::move(facts));
    }
    return out;
  }

 private:
  Result<MatchFacts> facts_in(const json::Object& match, int upload_quality) {
    json::Reader r(match);
    MatchFacts out;
    out.entry = r.integer("entry", 0, INT64_MAX);
    out.bank = r.text("bank");
    out.distance = static_cast<int>(r.integer("distance", 0, fingerprint::kPdqBits));
    out.label = r.text("label");
    out.context = r.flag("context");
    const auto kind = r.text_if("kind");
    const auto source = r.text_if("source");
    const auto quality = r.integer_if("quality", 0, 100);
    out.contested = r.flag("contested");
    out.quarantined = r.flag("quarantined");
    if (!r.done(false)) return fail(Code::kCorrupt, "a match in upload_check cannot be read");
    if (kind && source && quality) {
      ENTENTE_TRY(its_kind, parse_bank_kind(*kind));
      ENTENTE_TRY(its_source, parse_source_kind(*source));
      out.kind = its_kind;
      out.source = its_source;
      out.quality = static_cast<int>(*quality);
      return out;
    }
    // A record of an earlier program: what it lacks is taken from the entry as it is now.
    ENTENTE_TRY(known, known_of(out.entry));
    out.quality = upload_quality;
    if (known == nullptr) return out;
    out.kind = known->kind;
    out.source = known->entry.source;
    out.quality = std::min(upload_quality, known->entry.quality);
    out.contested = known->entry.contested;
    out.quarantined = known->entry.quarantined;
    return out;
  }

  // Null when no entry has this id.
  Result<const Known*> known_of(EntryId id) {
    const auto found = known_.find(id);
    if (found != known_.end()) return found->second ? &*found->second : nullptr;
    std::optional<Known>& made = known_[id];
    const auto entry = banks_.find_entry(tx_, id);
    if (!entry && entry.error().code != Code::kNotFound) return fail(entry.error());
    if (!entry) return nullptr;
    ENTENTE_TRY(bank, tx_.query("SELECT kind FROM bank WHERE name = $1", {entry->bank}));
    made = Known{*entry, BankKind::kOwn};
    if (!bank.empty()) {
      ENTENTE_TRY(kind, parse_bank_kind(bank[0].text(0)));
      made->kind = kind;
    }
    return &*made;
  }

  store::Tx& tx_;
  const Banks& banks_;
  std::map<EntryId, std::optional<Known>> known_;
};

}  // namespace

BackTest back_test(std::span<const CheckRow> checks, const Policy& candidate) {
  BackTest out;
  for (const CheckRow& check : checks) {
    const PolicyAnswer answer = evaluate(check.matches, candidate);
    ++out.checks;
    ++out.moved.at(at(check.recorded)).at(at(answer.proposal));
    ++out.by_day[day_of(check.at)].at(at(answer.proposal));
    for (const MatchProposal& match : answer.matches) ++out.by_rule[match.rule];
    count(check, answer.proposal, out);
  }
  std::int64_t removed = 0;
  std::int64_t decided = 0;
  for (std::size_t i = 0; i < kProposals; ++i) {
    if (i == at(Proposal::kNone)) continue;
    removed += out.by_proposal.at(i).removed;
    decided += out.by_proposal.at(i).removed + out.by_proposal.at(i).kept;
  }
  const Counts& held = out.by_proposal.at(at(Proposal::kHold));
  out.review_precision = share(removed, decided);
  out.hold_precision = share(held.removed, held.removed + held.kept);
  out.recall = share(removed, removed + out.by_proposal.at(at(Proposal::kNone)).removed);
  return out;
}

json::Object to_json(const BackTest& result) {
  json::Object proposals;
  json::Object moved;
  for (std::size_t i = 0; i < kProposals; ++i) {
    const std::string_view name = proposal_name(static_cast<Proposal>(i));
    const Counts& counts = result.by_proposal.at(i);
    proposals[name] = json::Object{{"total", counts.total},
                                   {"removed", counts.removed},
                                   {"kept", counts.kept},
                                   {"undecided", counts.undecided}};
    moved[name] = counts_json(result.moved.at(i));
  }
  json::Object days;
  for (const auto& [day, counts] : result.by_day) days[day] = counts_json(counts);
  json::Object rules;
  for (const auto& [rule, matches] : result.by_rule) rules[rule] = matches;
  return {{"checks", result.checks},
          {"proposals", std::move(proposals)},
          {"moved", std::move(moved)},
          {"review_precision", share_json(result.review_precision)},
          {"hold_precision", share_json(result.hold_precision)},
          {"recall", share_json(result.recall)},
          {"days", std::move(days)},
          {"rules", std::move(rules)},
          {"held_but_kept", ids_json(result.held_but_kept)},
          {"passed_but_removed", ids_json(result.passed_but_removed)}};
}

Result<std::vector<CheckRow>> read_checks(store::Tx& tx, const Banks& banks, Instant since,
                                          std::int64_t limit) {
  if (limit < 1 || limit > kMaxBackTestChecks)
    return fail(Code::kInvalid, fmt::format("1 to {} checks", kMaxBackTestChecks), "limit");
  ENTENTE_TRY(found, tx.query("SELECT id, quality, proposal, matches, created_at, review_state "
                              "FROM upload_check WHERE created_at >= $1 AND matches <> '[]' "
                              "ORDER BY created_at, id LIMIT $2",
                              {to_ms(since), limit}));
  Reader reader(tx, banks);
  std::vector<CheckRow> out;
  out.reserve(found.size());
  for (const store::Row& row : found) {
    CheckRow check;
    check.id = row.text(0);
    ENTENTE_TRY(recorded, parse_proposal(row.text(2)));
    check.recorded = recorded;
    ENTENTE_TRY(matches, reader.read(row.text(3), static_cast<int>(row.integer(1))));
    check.matches = std::move(matches);
    check.at = instant_from_ms(row.integer(4));
    const std::string state = row.text_if(5).value_or("");
    if (state == "removed") check.removed = true;
    if (state == "kept") check.removed = false;
    out.push_back(std::move(check));
  }
  return out;
}

}  // namespace entente::matching

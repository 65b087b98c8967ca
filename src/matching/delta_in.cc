// SPDX-License-Identifier: Apache-2.0
//
// What a partner's delta does here.
#include <fmt/format.h>

#include "entente/matching/bank_rows.h"
#include "entente/matching/entry_reviews.h"
#include "entente/matching/sharing.h"

namespace entente::matching {

namespace {

using rows::text;

Result<Feed> find_feed(store::Tx& tx, std::string_view party, std::string_view their_bank) {
  ENTENTE_TRY(found, tx.query("SELECT bank, number, hash, stopped FROM bank_feed WHERE party = $1 "
                              "AND their_bank = $2",
                              {text(party), text(their_bank)}));
  if (found.empty())
    return fail(Code::kNotFound, "nobody here has subscribed to this bank", "feed");
  return Feed{text(party),         text(their_bank), found[0].text(0),
              found[0].integer(1), found[0].text(2), found[0].integer(3) != 0};
}

Result<void> keep(store::Tx& tx, const DeltaDocument& document, std::string_view envelope,
                  bool applied, Instant now) {
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO bank_delta_in (party, their_bank, number, hash, previous, applied, envelope, "
      "at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (party, their_bank, number, hash) "
      "DO UPDATE SET applied = excluded.applied",
      {document.party, document.bank, document.number, document.hash, document.previous,
       std::int64_t{applied ? 1 : 0}, text(envelope), to_ms(now)}));
  return {};
}

Result<ImportOutcome> place_in_chain(store::Tx& tx, const Feed& feed,
                                     const DeltaDocument& document) {
  if (document.number > feed.number + 1) return ImportOutcome::kGap;
  if (document.number == feed.number + 1)
    return document.previous == feed.hash ? ImportOutcome::kApplied : ImportOutcome::kFork;
  ENTENTE_TRY(known, tx.query("SELECT 1 FROM bank_delta_in WHERE party = $1 AND their_bank = $2 "
                              "AND number = $3 AND hash = $4 AND applied = 1",
                              {document.party, document.bank, document.number, document.hash}));
  return known.empty() ? ImportOutcome::kFork : ImportOutcome::kRepeated;
}

Result<void> stop(store::Tx& tx, const Feed& feed, const DeltaDocument& document,
                  std::string_view envelope, Instant now) {
  ENTENTE_CHECK_OK(keep(tx, document, envelope, false, now));
  ENTENTE_CHECK_OK(tx.exec("UPDATE bank_feed SET stopped = 1 WHERE party = $1 AND their_bank = $2",
                           {feed.party, feed.their_bank}));
  return rows::record_event(tx, feed.bank, {}, "feed_forked", kByNode,
                            {{"party", feed.party},
                             {"their_bank", feed.their_bank},
                             {"number", document.number},
                             {"hash", document.hash},
                             {"have", feed.hash}},
                            now);
}

// Faults that are the line's. Anything else is the store's, and undoes the unit of work.
bool of_the_line(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kRefused ||
         error.code == Code::kConflict;
}

class Importer {
 public:
  Importer(store::Tx& tx, const Banks& banks, std::string_view self, const Feed& feed,
           const DeltaDocument& document, Instant now)
      : tx_(tx), banks_(banks), self_(self), feed_(feed), document_(document), now_(now) {}

  Result<void> apply(const DeltaLine& line, DeltaImport& out) {
    ENTENTE_TRY(known, tx_.query("SELECT id, tombstoned_at FROM bank_entry WHERE "
                                 "source = 'partner' AND bank = $1 AND party = $2 AND "
                                 "party_entry = $3",
                                 {feed_.bank, feed_.party, line.entry}));
    const std::optional<EntryId> id =
        known.empty() ? std::nullopt : std::optional<EntryId>(known[0].integer(0));
    if (line.op == DeltaOp::kTombstone) return tombstone(id, out);
    for (const std::string& party : line.parties) {
      if (party != self_) continue;
      ++out.echoes;  // we know it already, and our own undoing of it must reach everyone
      return {};
    }
    if (!id && line.expires_at && *line.expires_at <= now_) {
      ++out.expired;
      return {};
    }
    return put(line, id, out);
  }

 private:
  Result<void> tombstone(std::optional<EntryId> id, DeltaImport& out) {
    if (!id) {
      ++out.unknown;
      return {};
    }
    ENTENTE_TRY(done, rows::put_out(tx_, *id, rows::kByPartner, document_.hash, now_));
    out.tombstoned += done ? 1 : 0;
    return {};
  }

  Result<void> put(const DeltaLine& line, std::optional<EntryId> known, DeltaImport& out) {
    NewEntry entry;
    entry.bank = feed_.bank;
    entry.pdq = line.pdq;
    entry.quality = line.quality;
    entry.label = line.label;
    entry.now = now_;
    entry.partner = PartnerSource{feed_.party, line.entry, line.account, line.marking};
    if (line.expires_at && *line.expires_at > now_) entry.expires_at = line.expires_at;
    ENTENTE_TRY(id, banks_.add(tx_, entry));
    ENTENTE_TRY(stands, banks_.find_entry(tx_, id));
    ++(known ? out.updated : out.added);
    if (stands.tombstoned_at) return {};  // people here put it out: that is not theirs to undo
    if (stands.label != line.label || stands.expires_at != line.expires_at ||
        stands.partner->marking != line.marking) {
      ENTENTE_CHECK_OK(
          tx_.exec("UPDATE bank_entry SET label = $2, expires_at = $3, marking = $4 WHERE id = $1",
                   {id, line.label, rows::ms_or_null(line.expires_at), line.marking}));
      ENTENTE_CHECK_OK(rows::touch(tx_, id));
    }
    if (line.contested) {
      if (!stands.contested)
        ENTENTE_CHECK_OK(open_review(tx_, id, ReviewCause::kContest, feed_.party,
                                     "contested at its source", now_));
      return {};
    }
    if (stands.contested) return take_back(tx_, id, ReviewCause::kContest, feed_.party, now_);
    return {};
  }

  store::Tx& tx_;
  const Banks& banks_;
  const std::string self_;
  const Feed& feed_;
  const DeltaDocument& document_;
  const Instant now_;
};

Result<void> apply_all(store::Tx& tx, const Banks& banks, std::string_view self, const Feed& feed,
                       const DeltaDocument& document, const ImportOptions& options, Instant now,
                       DeltaImport& out) {
  Importer importer(tx, banks, self, feed, document, now);
  for (const DeltaLine& line : document.lines) {
    const auto done = importer.apply(line, out);
    if (done) continue;
    if (!of_the_line(done.error())) return fail(done.error());
    Error error = done.error();
    error.field = fmt::format("/lines/{}/{}", line.number - 1, error.field);
    out.faults.push_back({line.number, std::move(error)});
    if (options.all_or_nothing) return fail(out.faults.back().error);
    if (out.faults.size() > kMaxFaults)
      return fail(Code::kInvalid, "hardly a line of it can be taken", "/lines");
  }
  return {};
}

Result<void> move_on(store::Tx& tx, const Feed& feed, const DeltaDocument& document,
                     std::string_view envelope, const DeltaImport& import, Instant now) {
  ENTENTE_CHECK_OK(keep(tx, document, envelope, true, now));
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE bank_feed SET number = $3, hash = $4 WHERE party = $1 AND "
              "their_bank = $2",
              {feed.party, feed.their_bank, document.number, document.hash}));
  return rows::record_event(tx, feed.bank, {}, "delta_imported", feed.party,
                            {{"number", document.number},
                             {"hash", document.hash},
                             {"added", import.added},
                             {"updated", import.updated},
                             {"tombstoned", import.tombstoned},
                             {"faults", import.faults.size()}},
                            now);
}

}  // namespace

Result<void> subscribe(store::Tx& tx, const Banks& banks, const Subscription& subscription,
                       const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, false));
  if (subscription.party.empty() || subscription.party.size() > kMaxProvenance)
    return fail(Code::kInvalid, "name the party", "party");
  if (subscription.their_bank.empty() || subscription.their_bank.size() > kMaxBankName)
    return fail(Code::kInvalid, "name the party's bank", "their_bank");
  if (subscription.kind == BankKind::kOwn)
    return fail(Code::kInvalid, "what comes from a partner is shared or allow", "kind");
  if (const auto feed = find_feed(tx, subscription.party, subscription.their_bank)) {
    if (feed->bank == subscription.bank) return {};
    return fail(Code::kConflict, "this feed goes to another bank", "bank");
  }
  const auto known = banks.find(tx, subscription.bank);
  if (known && known->kind != subscription.kind)
    return fail(Code::kConflict, "the bank is of another kind", "kind");
  if (!known) {
    if (known.error().code != Code::kNotFound) return fail(known.error());
    NewBank bank;
    bank.name = subscription.bank;
    bank.title = subscription.title.empty() ? subscription.their_bank : subscription.title;
    bank.kind = subscription.kind;
    bank.owner = subscription.party;
    ENTENTE_CHECK_OK(banks.create(tx, bank, decision));
  }
  ENTENTE_CHECK_OK(tx.exec("INSERT INTO bank_feed (party, their_bank, bank) VALUES ($1, $2, $3)",
                           {subscription.party, subscription.their_bank, subscription.bank}));
  return rows::record_event(
      tx, subscription.bank, {}, "feed_subscribed", decision.person,
      {{"party", subscription.party}, {"their_bank", subscription.their_bank}}, decision.now);
}

Result<DeltaImport> import_delta(store::Tx& tx, const Banks& banks, std::string_view self,
                                 std::string_view envelope, const Partner& partner,
                                 const ImportOptions& options, Instant now) {
  ENTENTE_TRY(document, read_delta(envelope, partner, banks.labels()));
  ENTENTE_TRY(feed, find_feed(tx, document.party, document.bank));
  if (feed.stopped) {
    return fail(Error{Code::kConflict,
                      "the feed has stopped: its party told two stories",
                      "feed",
                      {},
                      "ask the party, then resume the feed"});
  }
  DeltaImport out;
  out.number = document.number;
  out.wanted = feed.number + 1;
  ENTENTE_TRY(outcome, place_in_chain(tx, feed, document));
  out.outcome = outcome;
  if (outcome == ImportOutcome::kFork) {
    ENTENTE_CHECK_OK(stop(tx, feed, document, envelope, now));
    return out;
  }
  if (outcome != ImportOutcome::kApplied) return out;
  ENTENTE_TRY(bank, banks.find(tx, feed.bank));
  if (bank.kind != document.kind)
    return fail(Code::kConflict, "their bank is of another kind than ours", "/kind");
  out.faults = document.faults;
  if (options.all_or_nothing && !out.faults.empty()) return fail(out.faults[0].error);
  ENTENTE_CHECK_OK(apply_all(tx, banks, self, feed, document, options, now, out));
  ENTENTE_CHECK_OK(move_on(tx, feed, document, envelope, out, now));
  out.wanted = document.number + 1;
  return out;
}

Result<void> resume_feed(store::Tx& tx, std::string_view party, std::string_view their_bank,
                         std::string_view hash, const Decision& decision) {
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  ENTENTE_TRY(feed, find_feed(tx, party, their_bank));
  if (!feed.stopped) return {};
  ENTENTE_TRY(found, tx.query("SELECT number, previous, applied FROM bank_delta_in WHERE "
                              "party = $1 AND their_bank = $2 AND hash = $3",
                              {text(party), text(their_bank), text(hash)}));
  if (found.empty()) return fail(Code::kNotFound, "no delta of this hash was kept", "hash");
  const bool applied = found[0].integer(2) != 0;
  const std::int64_t number = found[0].integer(0) - (applied ? 0 : 1);
  ENTENTE_CHECK_OK(
      tx.exec("UPDATE bank_feed SET stopped = 0, number = $3, hash = $4 WHERE party = $1 AND "
              "their_bank = $2",
              {text(party), text(their_bank), number, applied ? text(hash) : found[0].text(1)}));
  return rows::record_event(
      tx, feed.bank, {}, "feed_resumed", decision.person,
      {{"party", text(party)}, {"hash", text(hash)}, {"reason", decision.reason}}, decision.now);
}

Result<std::vector<Feed>> feeds(store::Tx& tx) {
  ENTENTE_TRY(found, tx.query("SELECT party, their_bank, bank, number, hash, stopped FROM "
                              "bank_feed ORDER BY party, their_bank"));
  std::vector<Feed> out;
  out.reserve(found.size());
  for (const store::Row& row : found) {
    out.push_back(
        {row.text(0), row.text(1), row.text(2), row.integer(3), row.text(4), row.integer(5) != 0});
  }
  return out;
}

}  // namespace entente::matching

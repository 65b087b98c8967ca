// SPDX-License-Identifier: Apache-2.0
//
// How a bank's changes become the next delta of its chain.
#include <fmt/format.h>

#include "entente/matching/bank_rows.h"
#include "entente/matching/sharing.h"
#include "entente/matching/signed_document.h"

namespace entente::matching {

namespace {

using rows::text;

// Room for the document around its lines.
constexpr std::size_t kRoom = 65'536;
constexpr std::int64_t kPage = 1'000;

int hops_of(const json::Object& account) {
  int out = 1;
  const json::Object* at = &account;
  while (const json::Value* nested = json::find(*at, "source")) {
    if (!nested->is_object()) break;
    at = &nested->get_object();
    ++out;
  }
  return out;
}

// Where the entry comes from, as told to others: no address of content, no name of a person.
Result<json::Object> account_of(const Entry& entry, const std::string& self) {
  switch (entry.source) {
    case SourceKind::kAct:
      return json::Object{
          {"kind", "act"}, {"party", self}, {"act", entry.act}, {"step", entry.added_by_step}};
    case SourceKind::kPerson:
      return json::Object{{"kind", "person"}, {"party", self}, {"reason", entry.person->reason}};
    case SourceKind::kPartner: {
      ENTENTE_TRY(theirs, json::parse_object(entry.partner->provenance, kMaxAccount));
      return json::Object{{"kind", "partner"},
                          {"party", entry.partner->party},
                          {"entry", entry.partner->entry},
                          {"source", std::move(theirs)}};
    }
  }
  return fail(Code::kCorrupt, "an entry without a source");
}

struct Composed {
  json::Array lines;
  std::size_t bytes = 0;
  std::int64_t upto = 0;
  bool full = false;
};

struct Chain {
  std::int64_t number = 0;
  std::int64_t upto = 0;
  std::string hash;
};

class Composer {
 public:
  Composer(const Bank& bank, const std::string& self, std::int64_t after)
      : bank_(bank), self_(self), after_(after) {
    out_.upto = after;
  }

  Result<Composed> run(store::Tx& tx) {
    while (!out_.full) {
      ENTENTE_TRY(found,
                  tx.query(fmt::format("SELECT {}, e.born FROM bank_entry e WHERE e.bank = $1 AND "
                                       "e.changed > $2 ORDER BY e.changed LIMIT $3",
                                       rows::kEntryColumns),
                           {bank_.name, out_.upto, kPage}));
      for (const store::Row& row : found) {
        ENTENTE_TRY(entry, rows::entry_of(row));
        ENTENTE_CHECK_OK(take(entry, row.integer(rows::kEntryWidth) > after_));
        if (out_.full) return std::move(out_);
        out_.upto = entry.changed;
      }
      if (static_cast<std::int64_t>(found.size()) < kPage) break;
    }
    return std::move(out_);
  }

 private:
  // `fresh`: nobody has heard of it yet.
  Result<void> take(const Entry& entry, bool fresh) {
    const bool theirs = entry.source == SourceKind::kPartner;
    if (theirs) {
      const Marking* marking = find_marking(entry.partner->marking);
      if (marking == nullptr || !marking->onward) return {};
    }
    if (fresh && entry.tombstoned_at) return {};
    json::Object line{{"entry", std::to_string(entry.id)}};
    if (entry.tombstoned_at) {
      line["op"] = "tombstone";
      return put(std::move(line));
    }
    ENTENTE_TRY(account, account_of(entry, self_));
    if (hops_of(account) > kMaxHops) return {};
    line["op"] = "put";
    line["pdq"] = entry.pdq.hex();
    line["quality"] = entry.quality;
    line["label"] = entry.label;
    line["source"] = std::move(account);
    if (theirs) line["marking"] = entry.partner->marking;
    if (entry.expires_at) line["expires_at"] = format_rfc3339(*entry.expires_at);
    if (entry.contested) line["contested"] = true;
    return put(std::move(line));
  }

  Result<void> put(json::Object line) {
    const std::size_t size = json::canonical(json::Value(line)).size() + 1;
    if (static_cast<std::int64_t>(out_.lines.size()) == kMaxDeltaLines ||
        out_.bytes + size > kMaxDeltaPayload - kRoom) {
      out_.full = true;
      return {};
    }
    out_.bytes += size;
    out_.lines.push_back(std::move(line));
    return {};
  }

  const Bank& bank_;
  const std::string& self_;
  const std::int64_t after_;
  Composed out_;
};

Result<void> check_shared(const Bank& bank) {
  if (bank.kind == BankKind::kOwn)
    return fail(Code::kForbidden, "this bank is ours and not shared", "bank");
  const Marking* marking = find_marking(bank.marking);
  if (marking == nullptr || !marking->exportable) {
    return fail(Error{Code::kRefused,
                      "this bank's marking lets nobody pass it to a node",
                      "marking",
                      {},
                      "only people named may see it"});
  }
  return {};
}

}  // namespace

Result<std::optional<Delta>> export_delta(store::Tx& tx, const Banks& banks, const Self& self,
                                          std::string_view name, std::int64_t after, Instant now) {
  ENTENTE_TRY(bank, banks.find(tx, name));
  ENTENTE_CHECK_OK(check_shared(bank));
  ENTENTE_TRY(made, tx.query("SELECT number, upto_seq, lines, hash, envelope FROM bank_delta_out "
                             "WHERE bank = $1 AND after_seq = $2",
                             {bank.name, after}));
  if (!made.empty()) {
    return std::optional<Delta>(Delta{made[0].integer(0), after, made[0].integer(1),
                                      made[0].integer(2), made[0].text(3), made[0].text(4)});
  }
  ENTENTE_TRY(last, tx.query("SELECT number, upto_seq, hash FROM bank_delta_out WHERE bank = $1 "
                             "ORDER BY number DESC LIMIT 1",
                             {bank.name}));
  Chain chain;
  if (!last.empty()) chain = {last[0].integer(0), last[0].integer(1), last[0].text(2)};
  if (after != chain.upto)
    return fail(Code::kInvalid, "0, or the \"upto\" of one of this bank's deltas", "after");
  ENTENTE_TRY(composed, Composer(bank, self.party, after).run(tx));
  if (composed.lines.empty()) return std::optional<Delta>();
  Delta out;
  out.number = chain.number + 1;
  out.after = after;
  out.upto = composed.upto;
  out.lines = static_cast<std::int64_t>(composed.lines.size());
  const json::Object document{{"delta", "entente-bank-delta/1"},
                              {"party", self.party},
                              {"bank", bank.name},
                              {"kind", text(bank_kind_name(bank.kind))},
                              {"marking", bank.marking},
                              {"number", out.number},
                              {"previous", chain.hash},
                              {"after", after},
                              {"upto", out.upto},
                              {"at", format_rfc3339(now)},
                              {"lines", std::move(composed.lines)}};
  ENTENTE_TRY(sealed, sign_document(kDeltaType, document, self.key));
  out.hash = sealed.hash;
  out.envelope = std::move(sealed.envelope);
  ENTENTE_CHECK_OK(tx.exec(
      "INSERT INTO bank_delta_out (bank, number, after_seq, upto_seq, lines, hash, "
      "envelope, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {bank.name, out.number, after, out.upto, out.lines, out.hash, out.envelope, to_ms(now)}));
  return std::optional<Delta>(std::move(out));
}

}  // namespace entente::matching

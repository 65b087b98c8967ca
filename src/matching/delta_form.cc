// SPDX-License-Identifier: Apache-2.0
//
// How a delta is read: signature, form, every line. What it does to a bank is in delta_in.cc.
#include <fmt/format.h>

#include <charconv>

#include "entente/matching/sharing.h"
#include "entente/matching/signed_document.h"

namespace entente::matching {

namespace {

// Party by party, the nearest first. An account that is nested deeper than kMaxHops is hearsay.
Result<void> read_account(const json::Object& account, std::vector<std::string>& parties,
                          const std::string& path) {
  if (parties.size() >= static_cast<std::size_t>(kMaxHops)) {
    return fail(Error{Code::kRefused, "too many hands away from who saw it", path, "SG22",
                      fmt::format("at most {} parties", kMaxHops)});
  }
  json::Reader r(account, path);
  const std::string kind = r.text("kind", {.max = 20});
  parties.push_back(r.text("party", {.max = 253}));
  const json::Object* nested = nullptr;
  if (kind == "act") {
    r.text("act", {.max = kMaxProvenance});
    r.text("step", {.max = kMaxProvenance});
  } else if (kind == "person") {
    r.text("reason", {.max = kMaxReason});
  } else if (kind == "partner") {
    r.text("entry", {.max = kMaxProvenance});
    nested = &r.object("source");
  } else {
    r.fault("kind", "a source is act, person or partner");
  }
  ENTENTE_CHECK_OK(r.done());
  if (nested != nullptr) return read_account(*nested, parties, path + "/source");
  return {};
}

Result<void> read_fingerprint(json::Reader& r, DeltaLine& out, const std::string& path) {
  const auto pdq = fingerprint::Pdq::parse(r.text("pdq", {.max = 64}));
  if (!pdq) r.fault("pdq", "a PDQ hash is 64 hexadecimal digits in lower case");
  out.pdq = pdq.value_or(fingerprint::Pdq{});
  out.quality = static_cast<int>(r.integer("quality", fingerprint::kMinQuality, 100));
  const json::Object& account = r.object("source");
  ENTENTE_CHECK_OK(r.done(false));
  ENTENTE_CHECK_OK(read_account(account, out.parties, path + "/source"));
  out.account = json::canonical(json::Value(account));
  if (out.account.size() > kMaxAccount) return fail(Code::kTooLarge, "too long", path + "/source");
  return {};
}

Result<DeltaLine> read_line(const json::Value& value, std::string_view marking,
                            const Labels& labels, const std::string& path) {
  if (!value.is_object()) return fail(Code::kInvalid, "a line is an object", path);
  json::Reader r(value.get_object(), path);
  DeltaLine out;
  const std::string op = r.text("op", {.max = 20});
  out.entry = r.text("entry", {.max = 64});
  ENTENTE_CHECK_OK(r.done(false));
  if (op == "tombstone") {
    out.op = DeltaOp::kTombstone;
    ENTENTE_CHECK_OK(r.done());
    return out;
  }
  if (op != "put") return fail(Code::kInvalid, "an op is put or tombstone", path + "/op");
  out.label = r.text("label", {.max = kMaxLabelName});
  out.marking = r.text_if("marking", {.max = 20}).value_or(std::string(marking));
  out.expires_at = r.time_if("expires_at");
  out.contested = r.flag("contested");
  ENTENTE_CHECK_OK(read_fingerprint(r, out, path));
  ENTENTE_CHECK_OK(r.done());
  if (labels.find(out.label) == nullptr) {
    return fail(Error{Code::kRefused, "the label is not on the list", path + "/label", "SG22",
                      "agree on a label, or add it to the list"});
  }
  if (find_marking(out.marking) == nullptr)
    return fail(Code::kInvalid, "no marking of TLP 2.0", path + "/marking");
  return out;
}

bool is_hash(std::string_view text) {
  return hash_from_hex(text).has_value();
}

}  // namespace

Result<DeltaDocument> read_delta(std::string_view envelope, const Partner& partner,
                                 const Labels& labels) {
  ENTENTE_TRY(opened, open_document(kDeltaType, envelope, partner));
  json::Reader r(opened.document);
  DeltaDocument out;
  if (r.text("delta") != "entente-bank-delta/1") r.fault("delta", "must be entente-bank-delta/1");
  out.party = r.text("party", {.max = 253});
  out.bank = r.text("bank", {.max = kMaxBankName});
  const std::string kind = r.text("kind", {.max = 20});
  const std::string marking = r.text("marking", {.max = 20});
  out.number = r.integer("number", 1, INT64_MAX);
  out.previous = r.text("previous", {.min = 0, .max = 64});
  r.integer("after", 0, INT64_MAX);
  r.integer("upto", 1, INT64_MAX);
  out.at = r.time("at");
  const json::Array& lines = r.array("lines", static_cast<std::size_t>(kMaxDeltaLines));
  if ((out.number == 1) != out.previous.empty() ||
      (!out.previous.empty() && !is_hash(out.previous))) {
    r.fault("previous", "the SHA-256 of the delta before, and nothing in the first");
  }
  if (find_marking(marking) == nullptr) r.fault("marking", "no marking of TLP 2.0");
  ENTENTE_CHECK_OK(r.done());
  auto parsed_kind = parse_bank_kind(kind);
  if (!parsed_kind || *parsed_kind == BankKind::kOwn)
    return fail(Code::kInvalid, "a bank that is shared is shared or allow", "/kind");
  out.kind = *parsed_kind;
  out.hash = opened.hash;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i) + 1;
    auto line = read_line(lines[i], marking, labels, fmt::format("/lines/{}", i));
    if (!line) {
      out.faults.push_back({number, line.error()});
      if (out.faults.size() > kMaxFaults)
        return fail(Code::kInvalid, "hardly a line of it can be read", "/lines");
      continue;
    }
    line->number = number;
    out.lines.push_back(*std::move(line));
  }
  return out;
}

std::vector<Candidate> candidates_of(const DeltaDocument& document) {
  std::vector<Candidate> out;
  for (const DeltaLine& line : document.lines) {
    if (line.op == DeltaOp::kPut) out.push_back({line.entry, line.pdq});
  }
  return out;
}

std::string_view import_outcome_name(ImportOutcome outcome) {
  switch (outcome) {
    case ImportOutcome::kApplied:
      return "applied";
    case ImportOutcome::kRepeated:
      return "repeated";
    case ImportOutcome::kGap:
      return "gap";
    case ImportOutcome::kFork:
      return "fork";
  }
  return "";
}

}  // namespace entente::matching

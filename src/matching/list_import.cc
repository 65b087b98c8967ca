// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/list_import.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "entente/matching/bank_rows.h"

namespace entente::matching {

namespace {

constexpr std::size_t kFields = 4;  // pdq, quality, label, expires_at
using Fields = std::array<std::string_view, kFields>;

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = s.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kBlank) - first + 1);
}

Result<Fields> split(std::string_view line) {
  Fields out;
  for (std::size_t i = 0;; ++i) {
    if (i == kFields) return fail(Code::kInvalid, "more than pdq,quality,label,expires_at");
    const auto comma = line.find(',');
    out.at(i) = trimmed(line.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

Result<NewEntry> entry_of(std::string_view line, const NewEntry& pattern) {
  ENTENTE_TRY(fields, split(line));
  NewEntry out = pattern;
  auto pdq = fingerprint::Pdq::parse(fields[0]);
  if (!pdq) return fail(Code::kInvalid, "a PDQ hash is 64 hexadecimal digits in lower case", "pdq");
  out.pdq = *pdq;
  if (!fields[1].empty()) {
    const auto end =
        std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), out.quality);
    if (end.ec != std::errc() || end.ptr != fields[1].data() + fields[1].size())
      return fail(Code::kInvalid, "a quality is a number from 0 to 100", "quality");
  }
  if (!fields[2].empty()) out.label = fields[2];
  if (!fields[3].empty()) {
    const auto at = parse_rfc3339(fields[3]);
    if (!at) return fail(Code::kInvalid, "a time such as 2027-01-31T00:00:00Z", "expires_at");
    out.expires_at = *at;
  }
  return out;
}

bool says_nothing(std::string_view line, std::int64_t number) {
  return line.empty() || line.front() == '#' || (number == 1 && line.substr(0, 4) == "pdq,") ||
         (number == 1 && line == "pdq");
}

}  // namespace

Result<ListImport> import_list(store::Tx& tx, const Banks& banks, std::string_view bank,
                               std::string_view text, const ListOptions& options,
                               const Decision& decision) {
  if (text.size() > kMaxListBytes)
    return fail(Code::kTooLarge, fmt::format("at most {} MiB a list", kMaxListBytes >> 20));
  if (decision.person.empty() || decision.reason.empty()) {
    return fail(Error{Code::kRefused, "a list needs the person who vouches for it, and why",
                      decision.person.empty() ? "person" : "reason", "SG22",
                      "name the person and the reason"});
  }
  ENTENTE_CHECK_OK(rows::check_decision(decision, true));
  ENTENTE_TRY(into, banks.find(tx, bank));
  NewEntry pattern;
  pattern.bank = into.name;
  pattern.quality = options.quality;
  pattern.label = options.label;
  pattern.expires_at = options.expires_at;
  pattern.now = decision.now;
  pattern.person = PersonSource{decision.person, decision.reason};

  ListImport out;
  ENTENTE_TRY(before, banks.sequence(tx));
  std::int64_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (++number > kMaxListLines)
      return fail(Code::kTooLarge, fmt::format("at most {} lines a list", kMaxListLines));
    if (says_nothing(line, number)) continue;
    auto entry = entry_of(line, pattern);
    auto added = entry ? banks.add(tx, *entry) : Result<EntryId>(fail(entry.error()));
    if (added) {
      ENTENTE_TRY(now, banks.sequence(tx));
      ++(now > before ? out.added : out.known);
      before = now;
      continue;
    }
    // What the store itself says is not the line's fault.
    if (added.error().code == Code::kBusy || added.error().code == Code::kInternal ||
        added.error().code == Code::kTooLarge) {
      return fail(added.error());
    }
    ++out.bad;
    Error error = added.error();
    error.field = fmt::format("/lines/{}{}{}", number, error.field.empty() ? "" : "/", error.field);
    if (options.all_or_nothing) return fail(std::move(error));
    if (out.faults.size() < kMaxListFaults) out.faults.push_back({number, std::move(error)});
  }
  ENTENTE_CHECK_OK(rows::record_event(
      tx, into.name, {}, "list_imported", decision.person,
      {{"added", out.added}, {"known", out.known}, {"bad", out.bad}, {"reason", decision.reason}},
      decision.now));
  return out;
}

}  // namespace entente::matching

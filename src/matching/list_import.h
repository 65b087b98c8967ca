// SPDX-License-Identifier: Apache-2.0
//
// A plain list of fingerprints into a bank, one a line:
//
//   # pdq,quality,label[,expires_at]
//   f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22,100,terrorist-publication
//
// Empty lines, lines that begin with # and a header line "pdq,quality,label…" are skipped. Fields
// may be left out at the end; the options say what then holds. A line that is wrong is reported by
// number and nothing else is lost; with all_or_nothing one wrong line refuses the list. The source
// of every entry is the person who imports it and their reason (SG22).
//
// Runs inside the caller's unit of work. Errors: kTooLarge, kRefused [SG22] no person or reason,
// kNotFound the bank; with all_or_nothing kInvalid with the first bad line in `field` ("/lines/3").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "entente/matching/banks.h"

namespace entente::matching {

// One list is one unit of work on the one writer: some seconds. Split longer ones.
inline constexpr std::int64_t kMaxListLines = 100'000;
inline constexpr std::size_t kMaxListBytes = 16 << 20;
inline constexpr std::size_t kMaxListFaults = 1'000;

struct ListOptions {
  bool all_or_nothing = false;
  std::string label;                  // where a line names none
  int quality = 100;                  // where a line names none
  std::optional<Instant> expires_at;  // where a line names none
};
struct ListFault {
  std::int64_t line = 0;  // 1 for the first of the text
  Error error;
};
struct ListImport {
  std::int64_t added = 0;
  std::int64_t known = 0;  // were there already
  std::int64_t bad = 0;
  std::vector<ListFault> faults;  // the first kMaxListFaults
};
Result<ListImport> import_list(store::Tx& tx, const Banks& banks, std::string_view bank,
                               std::string_view text, const ListOptions& options,
                               const Decision& decision);

}  // namespace entente::matching

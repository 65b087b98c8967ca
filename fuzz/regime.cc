// SPDX-License-Identifier: Apache-2.0
//
// Regimes: the law as TOML, beside the built-in files it may extend.
#include "entente/acts/regime.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
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

// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/check.h"

#include <gtest/gtest.h>
namespace entente::acts {
TEST(Check, Shipped) {
  const auto files = Catalogue::builtin_files();
  for (const auto& f : files) {
    if (!f.name.ends_with(".toml")) continue;
    const auto r = parse_regime(f, files);
    ASSERT_TRUE(r) << to_string(r.error());
    const auto t = std::chrono::steady_clock::now();
    const auto report = check_regime(*r);
    fmt::print("{} {} states {} ms\n", report.regime, report.states, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - t).count());
    for (const auto& x : report.findings) ADD_FAILURE() << f.name << " " << to_text(x);
  }
}
}

// SPDX-License-Identifier: Apache-2.0
//
// entente_bench steps|http|ledger [--name value]…: see scripts/bench, which calls it, and
// README.md.
#include <string_view>

#include "bench.h"

int main(int argc, char** argv) {
  using namespace entente::bench;
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (argc < 2) stop("usage: entente_bench steps|http|ledger [--name value]...");
  const Args args(argc, argv);
  if (name == "steps")
    run_steps(args);
  else if (name == "http")
    run_http(args);
  else if (name == "ledger")
    run_ledger(args);
  else
    stop("no such measurement");
  return 0;
}

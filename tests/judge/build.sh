#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT: compiles the judge to OUT/judge from Debian's golang-go and golang-golang-x-mod-dev, without network.
# Everything Go caches stays inside OUT. scripts/test installs both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
gocode=/usr/share/gocode
command -v go >/dev/null 2>&1 && [ -d "$gocode/src/golang.org/x/mod/sumdb/tlog" ] || {
  echo "the judge needs golang-go and golang-golang-x-mod-dev" >&2
  exit 1
}
GO111MODULE=off GOFLAGS= GOPROXY=off GOTOOLCHAIN=local GOPATH="$gocode:$out/gopath" \
  GOCACHE="$out/gocache" GOENV=off CGO_ENABLED=0 \
  go build -o "$out/judge" "$here/judge.go"

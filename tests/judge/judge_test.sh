#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# judge_test.sh LOG_MAKER WORK_DIR: logs written by our code pass an independent judge, and no damage passes it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
maker=$1
work=$2
mkdir -p "$work"
"$here/build.sh" "$work/judge-build" || exit $?
judge=$work/judge-build/judge
logs=$(mktemp -d "$work/logs-XXXXXX")
trap 'rm -rf "$logs"' EXIT
failures=0
checks=0

wrong() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# accepts WHAT ARGS…   and   rejects WHAT ARGS…: exit 1 exactly, so that a wrong command line (2) is no rejection.
accepts() {
  what=$1 && shift && checks=$((checks + 1))
  answer=$("$judge" "$@") || wrong "$what: $answer"
}
rejects() {
  what=$1 && shift && checks=$((checks + 1))
  code=0
  answer=$("$judge" "$@") || code=$?
  [ "$code" = 1 ] || wrong "$what: exit $code: $answer"
}

# damaged DIR FILE OFFSET: one flipped bit, judged, mended.
damaged() {
  "$maker" flip "$1/log/$2" "$3"
  rejects "$1 with a flipped bit in $2 at $3" "$1/log" "$logkey" "$witness"
  "$maker" flip "$1/log/$2" "$3"
}

for size in 1 255 256 257 70000; do
  dir=$logs/$size
  "$maker" make "$dir" "$size"
  logkey=$(cat "$dir/log.vkey")
  witness=$(cat "$dir/witness.vkey")
  read -r old oldroot <"$dir/old" || true
  accepts "size $size" "$dir/log" "$logkey"
  accepts "size $size, all questions" "$dir/log" "$logkey" "$witness" --old "$old" "$oldroot" \
    --proof "$dir/receipt.tlog-proof" --leaf "$dir/leaf"
done
case $answer in
  "ok size=70000 root=pipUvjMpT/1aXExjf9dUYwtxqJLoNW46Zmpcin/9FRg=") ;;
  *) wrong "the root of 70000 entries: $answer" ;;
esac

# Every file of the small logs; one of each sort in the large one.
for size in 1 255 256 257; do
  for file in $(cd "$logs/$size/log" && find tile -type f); do
    damaged "$logs/$size" "$file" 0
    damaged "$logs/$size" "$file" -1
  done
done
for file in tile/0/005 tile/0/273.p/112 tile/1/000 tile/1/001.p/17 tile/2/000.p/1 \
  tile/entries/100 tile/entries/273.p/112; do
  damaged "$logs/70000" "$file" 9
done
# Every byte of a checkpoint.
bytes=$(wc -c <"$logs/1/log/checkpoint")
offset=0
while [ "$offset" -lt "$bytes" ]; do
  damaged "$logs/1" checkpoint "$offset"
  offset=$((offset + 1))
done

dir=$logs/257
read -r old oldroot <"$dir/old" || true
other=$(cut -d ' ' -f 2 "$logs/255/old")
rejects "another old root" "$dir/log" "$logkey" --old "$old" "$other"
rejects "an old root at another size" "$dir/log" "$logkey" --old "$((old + 1))" "$oldroot"
rejects "a log that shrank" "$dir/log" "$logkey" --old 300 "$oldroot"
rejects "another leaf" "$dir/log" "$logkey" --proof "$dir/receipt.tlog-proof" --leaf "$logs/70000/leaf"
rejects "a receipt of a larger log" "$dir/log" "$logkey" \
  --proof "$logs/70000/receipt.tlog-proof" --leaf "$logs/70000/leaf"
for offset in 0 25 30 40 -1; do
  cp "$dir/receipt.tlog-proof" "$dir/bent"
  "$maker" flip "$dir/bent" "$offset"
  rejects "a receipt bent at $offset" "$dir/log" "$logkey" "$witness" --proof "$dir/bent" --leaf "$dir/leaf"
done
sed '$d' "$dir/log/checkpoint" >"$dir/alone" && mv "$dir/alone" "$dir/log/checkpoint"
accepts "a log without a witness, when none is asked for" "$dir/log" "$logkey"
rejects "a log without its witness" "$dir/log" "$logkey" "$witness"
rm "$dir/log/tile/1/000.p/1"
rejects "a missing tile" "$dir/log" "$logkey"

echo "$checks judgements, $failures wrong"
[ "$failures" = 0 ]

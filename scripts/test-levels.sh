#!/bin/sh
# Runs every level of the tests, goes on after a failed one, and ends with the sum: 'N passed, N failed'.
# Static checks and unit levels run as the owner of the folder, what needs namespaces as root.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
export PATH

results=build/test-results
owner=$(stat -c %u .)
sh scripts/as-owner.sh sh -c "rm -rf $results && mkdir -p $results"
# what root wrote into the owner's folder becomes the owner's, so that the owner's next run can write it
trap 'chown -R "$owner" "$results" node_modules/.vite 2>/dev/null || :' EXIT

failed_steps=
level() {
  name=$1
  shift
  begin=$(date +%s)
  echo "=== $name"
  "$@" || failed_steps="$failed_steps $name"
  echo "=== $name: $(($(date +%s) - begin)) s"
}
as_owner() { sh scripts/as-owner.sh "$@"; }
tests() {
  result=$results/$1.json
  shift
  "$@" --reporter=default --reporter=json --outputFile.json="$result"
}

level checks as_owner sh scripts/check.sh --no-rules
if [ -e scripts/fuzz-native.sh ]; then level sanitizers as_owner sh scripts/fuzz-native.sh; fi
level units tests units as_owner vitest run --exclude 'test/netns/**' --exclude 'test/e2e/**'
level namespaces tests namespaces vitest run test/netns test/e2e

node scripts/test-summary.js $results $failed_steps

#!/bin/sh
# Runs every level of the tests, goes on after a failed one, and ends with the sum: 'N passed, N failed'.
# Static checks and unit levels run as the owner of the folder, what needs namespaces as root.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
export PATH

results=build/test-results
# thousands of processes of Node begin with the same sources: what the first one compiled of them is kept for the others
NODE_COMPILE_CACHE=$PWD/build/compile-cache
export NODE_COMPILE_CACHE
owner=$(stat -c %u .)
sh scripts/as-owner.sh sh -c "rm -rf $results && mkdir -p $results"
# what root wrote into the owner's folder becomes the owner's, so that the owner's next run can write it
trap 'chown -R "$owner" "$results" node_modules/.vite "$NODE_COMPILE_CACHE" 2>/dev/null || :' EXIT

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

# what keeps one core busy goes beside what keeps another one busy; what it says comes when it has ended
beside=$results/beside.log
models_and_sanitizers() {
  status=0
  as_owner sh scripts/check-models.sh || status=1
  as_owner sh scripts/fuzz-native.sh || status=1
  return "$status"
}
models_and_sanitizers >"$beside" 2>&1 &
other=$!
joined() {
  status=0
  wait "$other" || status=$?
  cat "$beside"
  return "$status"
}
level checks as_owner sh scripts/check.sh --sources
level models-and-sanitizers joined
# one more than there are cores, since those with processes and databases of their own wait at times
level units tests units as_owner vitest run --maxWorkers=3 --exclude 'test/netns/**' --exclude 'test/e2e/**' --exclude 'test/guides/**' --exclude 'test/package/**'
# the tests in namespaces mostly wait (a file keeps less than half a core busy), and go four at a time; those that send as fast as
# they can, start very many nodes, measure times or stop clocks have the machine for themselves
alone='e2e/nat-matrix e2e/rollover e2e/server-rollover e2e/traffic e2e/wake e2e/workers
  netns/native-tunnel netns/numbered-datagrams'
files() { for each in $alone; do echo "$@" "test/$each.test.ts"; done; }
# shellcheck disable=SC2046
namespaces() { tests namespaces vitest run --maxWorkers=4 test/netns test/e2e test/guides $(files --exclude); }
# shellcheck disable=SC2046
alone() { tests alone vitest run --maxWorkers=1 $(files); }
steps_before=$failed_steps
level namespaces namespaces
level alone alone

# Tests of real machines wait for them, and a host that stands still for seconds breaks one. One or two files that failed run once
# more by themselves; the summary names them and what they said first. More than two is a defect, and stands.
again=$(node scripts/test-summary.js --failed-files $results/namespaces.json $results/alone.json)
count=$(printf '%s' "$again" | grep -c . || :)
if [ "$count" -gt 0 ] && [ "$count" -le 2 ]; then
  failed_steps=$steps_before
  # shellcheck disable=SC2086
  level again tests again vitest run --maxWorkers=1 $again
fi

node scripts/test-summary.js $results $failed_steps

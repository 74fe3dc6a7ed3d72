#!/bin/sh
# All static checks: types, lint and format, unused code, and the rules of the repository. Runs each and fails if one did.
# check.sh --no-rules leaves out the rules, which are tests, for whoever runs all tests anyway.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
export PATH

failed=
check() {
  name=$1
  shift
  "$@" || failed="$failed $name"
}

check types tsc --noEmit -p tsconfig.json
check test-types tsc --noEmit -p tsconfig.test.json
check lint biome check --error-on-warnings
check unused knip
check models sh scripts/check-models.sh
[ "${1:-}" = --no-rules ] || check rules vitest run test/rules

if [ -n "$failed" ]; then
  echo "failed checks:$failed" >&2
  exit 1
fi

#!/bin/sh
# All static checks: types, lint and format, unused code, and the rules of the repository. Runs each and fails if one did.
# check.sh --sources leaves out the models, and the rules, which are tests, for whoever runs those anyway.
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
if [ "${1:-}" != --sources ]; then
  check models sh scripts/check-models.sh
  check rules vitest run test/rules
fi

if [ -n "$failed" ]; then
  echo "failed checks:$failed" >&2
  exit 1
fi

#!/bin/sh
# Compiles src/ to dist/. Types are checked by scripts/check.sh, not here: a user's first start need not wait for that.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

# the compiler's memory would hide that its output is gone
[ -e dist/cli/main.js ] || rm -f build/emit.tsbuildinfo
mkdir -p build
tsc -p tsconfig.json --noCheck --tsBuildInfoFile build/emit.tsbuildinfo

find dist -name '*.js' | while IFS= read -r output; do
  source=${output#dist/}
  [ -e "src/${source%.js}.ts" ] || rm -f "$output"
done

#!/bin/sh
# Keeps this release for the tests of compatibility: test/compat/gscip-VERSION.tar.br with what is compiled from src/, the sources of
# the addon, and package.json, and its checksum. Run it when a release is made, on its commit; the oldest but two may be deleted then.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

version=$(node -p 'require("./package.json").version')
name=gscip-$version.tar.br
[ ! -e "test/compat/$name" ] || {
  echo "test/compat/$name exists already: a release is frozen once" >&2
  exit 1
}
[ -z "$(git status --porcelain -- src native scripts package.json)" ] || {
  echo 'The checkout has changes that are not committed: what is frozen has to be what is released.' >&2
  exit 1
}
rm -rf dist
sh scripts/build.sh
mkdir -p test/compat
# the same bytes each time: no names, no times, one order
tar c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --exclude=native/fuzz \
  dist native scripts/build-native.sh scripts/tun-inherit.pl package.json |
  node -e 'const { constants: c, brotliCompressSync } = require("node:zlib")
    const options = { params: { [c.BROTLI_PARAM_LGWIN]: 24, [c.BROTLI_PARAM_QUALITY]: 11 } }
    process.stdout.write(brotliCompressSync(require("node:fs").readFileSync(0), options))' >"test/compat/$name"
cd test/compat
sha256sum "$name" >>SHA256SUMS
ls -l "$name"

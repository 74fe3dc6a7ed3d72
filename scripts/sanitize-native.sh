#!/bin/sh
# Runs the tests of the packet primitives and of the addon under AddressSanitizer and UBSan.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

sh scripts/build-native.sh --sanitize
# Node's own memory is not ours to judge for leaks.
LD_PRELOAD="$(${CXX:-g++} -print-file-name=libasan.so) $(${CXX:-g++} -print-file-name=libubsan.so)"
ASAN_OPTIONS=detect_leaks=0
UBSAN_OPTIONS=print_stacktrace=1
NODE_OPTIONS="--require $PWD/test/native/use-sanitized.cjs"
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS NODE_OPTIONS
exec node node_modules/vitest/vitest.mjs run --testTimeout 60000 test/pccom test/server/relay test/udp \
  test/native/loading.test.ts test/native/vectors.test.ts test/native/netlink.test.ts

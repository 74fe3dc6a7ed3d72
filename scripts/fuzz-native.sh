#!/bin/sh
# Mutated input for the packet parsers, SECONDS long (default 10), under AddressSanitizer and UBSan: fuzz-native.sh [SECONDS [SEED]].
# With clang++ by libFuzzer, else by a seeded generator of our own. Fails on a sanitizer's report or a broken invariant.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-10}
seed=${2:-1}
target=build/fuzz-native
sanitizers=address,undefined
sources="native/fuzz/target.cc native/fuzz/relay-target.cc native/fuzz/stub-aead.cc native/inner.cc native/slots.cc native/paths.cc native/segment.cc
  native/open.cc native/relay.cc native/coalesce.cc native/tun.cc native/netlink.cc native/nft-generation.cc native/devices.cc"
flags='-std=c++17 -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer -fno-sanitize-recover=undefined'

mkdir -p build
partial=$(mktemp "$target.XXXXXX")
trap 'rm -f "$partial"' EXIT
# shellcheck disable=SC2086
if clang++ $flags -fsanitize=fuzzer,$sanitizers -o "$partial" $sources 2>/dev/null; then
  set -- -max_total_time="$seconds" -seed="$seed" -max_len=4000 -print_final_stats=1 -artifact_prefix=build/
else
  ${CXX:-g++} $flags -fsanitize=$sanitizers -o "$partial" $sources native/fuzz/driver.cc
  set -- "$seconds" "$seed"
fi
log=build/fuzz-native.log
if ! "./$partial" "$@" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
# libFuzzer's last lines, or the only one of the driver
sed -n -e 's/^stat::number_of_executed_units: */fuzz-native: inputs: /p' -e 's/^[0-9].* inputs from/fuzz-native: &/p' "$log"

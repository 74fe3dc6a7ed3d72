#!/bin/sh
# Installs the locked packages and builds the addon and the TypeScript, each only when missing or old.
# Runs as the owner of the folder (as-owner.sh). Writes progress to stderr and details to build/prepare.log.
set -eu
cd -- "$(dirname -- "$0")/.."
. scripts/freshness.sh

say() { printf 'gscip: %s\n' "$*" >&2; }
fail() {
  say "$1"
  shift
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}

# step TEXT COMMAND…: runs the command with a line that counts the seconds on a terminal.
step() {
  text=$1
  shift
  begin=$(date +%s)
  "$@" >>build/prepare.log 2>&1 9>&- &
  child=$!
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
  if [ -t 2 ]; then
    while kill -0 "$child" 2>/dev/null; do
      printf '\rgscip: %s … %d s ' "$text" "$(($(date +%s) - begin))" >&2
      sleep 0.2
    done
  else
    say "$text …"
  fi
  status=0
  wait "$child" || status=$?
  trap - INT TERM
  [ ! -t 2 ] || printf '\r\033[Kgscip: %s, %d s\n' "$text" "$(($(date +%s) - begin))" >&2
  return "$status"
}

log_tail() { tail -n 15 build/prepare.log | sed 's/^/       | /' >&2; }

install_packages() {
  folder=$(sh scripts/find-npm.sh) || fail 'npm with Node 20 or newer was not found.' \
    'Looked at PATH, the usual places, the version managers in the home folder, and the login shell.' \
    'Install it (Debian: sudo apt-get install nodejs npm; or https://nodejs.org), then start again.'
  # a NODE_ENV=production in the environment must not leave out the compiler
  step 'installing packages (once)' env "PATH=$folder:$PATH" npm ci --include=dev --include=optional --loglevel=error || {
    log_tail
    fail 'npm ci failed; its last lines are above, all of them in build/prepare.log.' \
      'Check the network and the free space, then start again.'
  }
  node_modules/.bin/node -v >/dev/null 2>&1 || fail "the Node that belongs to GSCIP does not run on this machine ($(uname -sm))." \
    'GSCIP supports Linux with glibc on x86_64 and aarch64.'
  locked_packages >node_modules/.gscip-lock
}

# A node without the addon works, only slower: neither a missing compiler nor a failed build stops the start.
build_addon() {
  sources=$(native_sources)
  outcome=built
  if [ ! -e scripts/build-native.sh ]; then
    outcome=absent
  elif ! compiler=$(find_compiler); then
    outcome=no-compiler
    say 'no C++ compiler found: the slower TypeScript primitives take over.'
    say 'To get the fast ones: sudo apt-get install --no-install-recommends g++'
  elif ! step 'building the native addon' env "CXX=$compiler" sh scripts/build-native.sh; then
    outcome=failed
    log_tail
    say 'the native addon was not built (build/prepare.log): the slower TypeScript primitives take over.'
    say 'To try again: rm build/native.stamp'
  fi
  printf '%s %s\n' "$outcome" "$sources" >build/native.stamp
}

build_typescript() {
  sources=$(typescript_sources)
  step 'compiling' sh scripts/build.sh || {
    log_tail
    fail 'the TypeScript sources do not compile; see build/prepare.log.' 'With a changed checkout: npm run check'
  }
  printf '%s\n' "$sources" >build/typescript.stamp
}

user=$(id -un 2>/dev/null || :)
if ! { mkdir -p build && [ -w . ] && [ -w build ]; } 2>/dev/null; then
  fail "something must be installed or built here, but ${user:-$(id -u)} may not write to $PWD." \
    "Start it once as the folder's owner ($(stat -c %U .)) or with sudo."
fi
exec 9>build/prepare.lock
if ! flock -n 9; then
  say 'waiting for another start that is installing or building …'
  flock 9
fi
: >build/prepare.log

# by hand installed packages count when npm finished after the lock file was written
if [ ! -e node_modules/.gscip-lock ] && [ -e node_modules/.package-lock.json ] &&
  [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
  locked_packages >node_modules/.gscip-lock
fi
installed || install_packages
native_settled || build_addon
typescript_built || build_typescript

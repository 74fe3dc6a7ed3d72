#!/bin/sh
# npm run test:package: builds the packages, lays bare Debian systems by debootstrap, and installs, upgrades and purges there. For root.
# Takes some eight minutes; what debootstrap made is kept in build/package-test for the next time.
set -eu
cd -- "$(dirname -- "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo 'The test of the packages boots machines, which needs root: sudo npm run test:package' >&2; exit 1; }
sh scripts/system-packages.sh
sh scripts/system-packages.sh package-test-packages.txt
sh scripts/prepare.sh

folder=build/package-test
mkdir -p "$folder"
rm -rf "$folder/now" "$folder/before" "$folder/next"
# kept FOLDER: where a package is moved to
kept() { mkdir -p "$folder/$1" && mv "$2" "$folder/$1/"; }
kept now "$(sh scripts/package.sh --arch amd64)"
kept now "$(sh scripts/package.sh --arch arm64)"
kept before "$(sh scripts/package.sh --arch amd64 --version 0.0.9 --quick)"
kept next "$(sh scripts/package.sh --arch amd64 --version 0.2.0 --quick)"

# lay NAME PACKAGES: a Debian with these
lay() {
  [ ! -d "$folder/$1" ] || return 0
  rm -rf "${folder:?}/$1.part"
  debootstrap --variant=minbase ${2:+"--include=$2"} bookworm "$folder/$1.part" >"$folder/$1.log" 2>&1 || {
    tail -n 5 "$folder/$1.log" >&2
    exit 1
  }
  mv "$folder/$1.part" "$folder/$1"
}
lay bare ''
lay base systemd-sysv,dbus,iproute2,nftables,libstdc++6
PATH=$PWD/node_modules/.bin:$PATH
export PATH
exec vitest run --maxWorkers=1 test/package

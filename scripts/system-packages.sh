#!/bin/sh
# Makes sure that the packages of debian-packages.txt, or of another LIST beside it, are there: root installs what is missing, others are told what to install.
set -eu
cd -- "$(dirname -- "$0")"
list=${1:-debian-packages.txt}
PATH=$PATH:/usr/sbin:/sbin

present() {
  case $1 in
    /*) ls $1 >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing() {
  sed 's/#.*//' "$list" | while read -r package proof; do
    [ -z "$package" ] || present "$proof" || printf '%s ' "$package"
  done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing Debian packages: $wanted"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $wanted; } </dev/null >&2 || :
  wanted=$(missing)
  [ -n "$wanted" ] || exit 0
fi
cat >&2 <<TEXT
These are needed and missing: $wanted
Install them, then start again. On Debian or Ubuntu:
  sudo apt-get install --no-install-recommends $wanted
TEXT
exit 1

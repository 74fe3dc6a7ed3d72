#!/bin/sh
# full-disk.sh NODE FOLDER: runs full-disk-store.ts over a small file system of its own, mounted on FOLDER.
set -eu
node=$1
folder=$2
here=$(dirname -- "$0")
users=
[ "$(id -u)" -eq 0 ] || users=-Ur
exec unshare $users -m sh -c '
  mount -t tmpfs -o size=600k tmpfs "$1" && exec "$2" "$3" "$1"' sh "$folder" "$node" "$here/full-disk-store.ts"

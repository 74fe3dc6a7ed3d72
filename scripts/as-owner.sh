#!/bin/sh
# as-owner.sh COMMAND…: runs the command as the owner of this folder when root calls it (sudo), else as it is,
# so that no file of root's is left in a user's checkout.
set -eu

top=$(cd -- "$(dirname -- "$0")/.." && pwd)
owner=$(stat -c %u "$top")
if [ "$(id -u)" -ne 0 ] || [ "$owner" -eq 0 ]; then exec "$@"; fi

entry=$(getent passwd "$owner" || :)
name=$(printf '%s' "$entry" | cut -d: -f1)
group=$(printf '%s' "$entry" | cut -d: -f4)
home=$(printf '%s' "$entry" | cut -d: -f6)
# an owner without an account (a container's volume) has no home to keep npm's cache in
[ -n "$home" ] && [ -d "$home" ] || home=$top/build
[ -n "$group" ] || group=$(stat -c %g "$top")
groups=--clear-groups
[ -z "$name" ] || groups=--init-groups

if setpriv --reuid "$owner" --regid "$group" $groups true 2>/dev/null; then
  HOME=$home USER=$name LOGNAME=$name exec setpriv --reuid "$owner" --regid "$group" $groups -- "$@"
elif [ -n "$name" ] && command -v runuser >/dev/null && runuser -u "$name" -- true 2>/dev/null; then
  HOME=$home USER=$name LOGNAME=$name exec runuser -u "$name" -- "$@"
fi
# the root of a user namespace cannot become anybody else
exec "$@"

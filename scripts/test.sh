#!/bin/sh
# npm test: installs and builds what is missing, then runs every level as root, or as the root of a user namespace.
set -eu
top=$(cd -- "$(dirname -- "$0")/.." && pwd)
cd "$top"

sh scripts/system-packages.sh
# a build that failed once is tried again here
[ "$(cut -d' ' -f1 build/native.stamp 2>/dev/null)" = built ] || sh scripts/as-owner.sh rm -f build/native.stamp
sh scripts/as-owner.sh sh scripts/prepare.sh
[ "$(cut -d' ' -f1 build/native.stamp)" = built ] || {
  echo 'The tests need the native addon, and it was not built: see above and build/prepare.log.' >&2
  exit 1
}

if [ "$(id -u)" -eq 0 ]; then exec sh scripts/test-levels.sh; fi

if ! unshare -Urnm true 2>/dev/null; then
  cat >&2 <<'TEXT'
Without root the tests need user namespaces, and this machine does not allow them.
Either run: sudo npm test
or allow them: sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0
TEXT
  exit 1
fi
if ! [ -w /dev/net/tun ]; then
  echo 'Without root the tests need a /dev/net/tun that all may open (mode 0666). Or run: sudo npm test' >&2
  exit 1
fi
# a private /run makes room for named network namespaces; its mount is made here, since two first users of it may collide
exec unshare -Urnm --propagation private sh -c '
  mount -t tmpfs tmpfs /run && mkdir /run/netns && mount --bind /run/netns /run/netns && mount --make-shared /run/netns &&
  PATH=$PATH:/usr/sbin:/sbin ip link set lo up && exec sh scripts/test-levels.sh'

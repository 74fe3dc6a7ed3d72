#!/bin/sh
# Builds the Debian package build/gscip_VERSION_ARCH.deb: package.sh [--arch amd64|arm64] [--version VERSION] [--quick]
# It carries Node, the addon, the compiled program with what it needs of node_modules, units, man page and completions, and starts
# without npm, a compiler or the network. Made with dpkg-deb alone; the same sources give the same bytes.
# --quick compresses little: for tests.
set -eu
cd -- "$(dirname -- "$0")/.."
top=$PWD

arch=$(dpkg --print-architecture)
version=
compression='-Zxz -z6'
while [ $# -gt 0 ]; do
  case $1 in
    --arch) arch=$2; shift 2 ;;
    --version) version=$2; shift 2 ;;
    --quick) compression='-Zxz -z0'; shift ;;
    *) echo "package: unknown option $1" >&2; exit 2 ;;
  esac
done
case $arch in
  amd64) cpu=x64 triplet=x86_64-linux-gnu ;;
  arm64) cpu=arm64 triplet=aarch64-linux-gnu ;;
  *) echo "package: there is no Node for $arch among the locked packages; amd64 or arm64" >&2; exit 2 ;;
esac
for tool in "$triplet-g++" "$triplet-strip" readelf dpkg-deb; do
  command -v "$tool" >/dev/null && continue
  echo "package: $tool is missing. On Debian: sudo apt-get install dpkg-dev g++-$(echo "$triplet" | tr _ -)" >&2
  exit 1
done

sh scripts/prepare.sh
npm=$(sh scripts/find-npm.sh)
PATH=$top/node_modules/.bin:$PATH
[ -n "$version" ] || version=$(node -p "require('./package.json').version")
# 1.0.0-rc.1 comes before 1.0.0, here as in npm
debian_version=$(echo "$version" | tr - '~')
if [ -d .git ] && command -v git >/dev/null; then
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
else
  SOURCE_DATE_EPOCH=$(stat -c %Y CHANGELOG.md)
fi
export SOURCE_DATE_EPOCH

stage=$top/build/package/$arch
root=$stage/root
lib=$root/usr/lib/gscip
rm -rf "$stage"
mkdir -p "$lib/bin" "$lib/build" "$lib/scripts" "$stage/modules"
umask 022

# as it is locked, for the other architecture too, and without what only builds and tests need
cp package.json package-lock.json .npmrc "$stage/modules/"
(
  cd "$stage/modules"
  PATH=$npm:$PATH npm ci --omit=dev --ignore-scripts --include=optional --os=linux --cpu=$cpu --libc=glibc --loglevel=error
) >&2
node_folder=$stage/modules/node_modules/node-linux-$cpu
"$triplet-strip" -o "$lib/bin/node" "$node_folder/bin/node"
cp "$node_folder/LICENSE" "$lib/bin/LICENSE"
CXX=$triplet-g++ sh scripts/build-native.sh --against "$node_folder/include/node" "$lib/build/gscip.node"
"$triplet-strip" --strip-unneeded "$lib/build/gscip.node"
rm -rf "$node_folder" "$stage/modules/node_modules/.bin" "$stage/modules/node_modules/.package-lock.json"

# of the modules what runs, and their licences
modules=$stage/modules/node_modules
rm -rf "$modules/better-sqlite3/deps" "$modules/better-sqlite3/src" "$modules/node-addon-api" "$modules/typebox/build/_"
find "$modules/better-sqlite3/prebuilds" -type f ! -name "linux-$cpu.node" -delete
find "$modules" -depth -type d \( -name test -o -name tests -o -name __tests__ -o -name docs -o -name example -o -name examples \
  -o -name benchmark -o -name benchmarks -o -name .github \) -exec rm -rf {} +
find "$modules" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.tsbuildinfo' -o -name '.*' \
  -o -iname '*.md' ! -iname 'licen[cs]e*' \) -delete
find "$modules" -depth -type d -empty -delete
mv "$modules" "$lib/node_modules"

cp -r dist "$lib/dist"
cp gscip "$lib/gscip"
cp scripts/tun-inherit.pl "$lib/scripts/"
node -e 'const { name, license, type } = require("./package.json");
  console.log(JSON.stringify({ name, version: process.argv[1], license, type, private: true }, null, 2))' "$version" >"$lib/package.json"
mkdir -p "$root/usr/bin" "$root/usr/share/doc/gscip"
ln -s ../lib/gscip/gscip "$root/usr/bin/gscip"
node dist/cli/package-files.js "$root" "$version"
rm "$lib/dist/cli/package-files.js"
gzip -9n "$root/usr/share/man/man1/gscip.1"
cp packaging/debian/copyright "$root/usr/share/doc/gscip/copyright"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/gscip/changelog.gz"

find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$lib/bin/node" "$lib/gscip"

# the newest symbols that a program or library of ours asks of glibc
libc=$(find "$root" -type f \( -name '*.node' -o -path "$lib/bin/node" \) -exec readelf -V {} + |
  grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
mkdir "$root/DEBIAN"
(cd "$root" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
size=$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@VERSION@/$debian_version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" -e "s/@LIBC@/$libc/" \
  packaging/debian/control >"$root/DEBIAN/control"
for script in postinst prerm postrm; do install -m 755 "packaging/debian/$script" "$root/DEBIAN/$script"; done
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/md5sums"

result=build/gscip_${debian_version}_$arch.deb
# shellcheck disable=SC2086
dpkg-deb --root-owner-group $compression --build "$root" "$result.part" >&2
mv "$result.part" "$result"
rm -rf "$stage"
echo "$result"

# Sourced by the launcher and by prepare.sh: is what was installed and built newer than its sources?
# Compares contents, not times, so that a copied or touched tree is not built again. Takes some 20 ms.

# Prints a checksum over names and contents of all files below the given paths.
fingerprint() {
  find "$@" -type f -exec cksum {} + 2>/dev/null | LC_ALL=C sort | cksum
}

typescript_sources() { fingerprint src tsconfig.json package.json scripts/build.sh; }
# package-lock.json: the addon is built against the headers of the Node that it pins
native_sources() { fingerprint native scripts/build-native.sh package-lock.json; }
locked_packages() { cksum <package-lock.json; }

find_compiler() { command -v "${CXX:-g++}" || command -v c++ || command -v clang++; }

installed() {
  [ -x node_modules/.bin/node ] && [ "$(cat node_modules/.gscip-lock 2>/dev/null)" = "$(locked_packages)" ]
}

typescript_built() {
  [ -e dist/cli/main.js ] && [ "$(cat build/typescript.stamp 2>/dev/null)" = "$(typescript_sources)" ]
}

# The first word of the stamp says how the build ended. A failed one is tried again when its sources change,
# one without a compiler also as soon as there is a compiler.
native_settled() {
  outcome=
  sources=
  { read -r outcome sources <build/native.stamp; } 2>/dev/null || :
  [ "$sources" = "$(native_sources)" ] || return 1
  case $outcome in
    built) [ -e build/gscip.node ] ;;
    no-compiler) ! find_compiler >/dev/null ;;
    *) : ;;
  esac
}

# fresh FOLDER: true when nothing has to be installed or built.
fresh() {
  (cd -- "$1" && installed && typescript_built && native_settled)
}

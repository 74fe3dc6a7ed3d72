#!/bin/sh
# Prints the folder that holds npm and a Node of version 20 or newer; fails when there is none.
# sudo drops PATH, and version managers live in home folders, so the usual places are looked at, then the login shell is asked.
set -eu

# usable FOLDER: prints it when npm and a Node that is new enough lie there.
usable() {
  [ -x "$1/npm" ] && [ -x "$1/node" ] || return 1
  version=$("$1/node" -v 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge 20 ] 2>/dev/null || return 1
  printf '%s\n' "$1"
}

home_of() { getent passwd "$1" 2>/dev/null | cut -d: -f6; }

homes=$(printf '%s\n' "${HOME:-}" "$(home_of "$(id -u)")" "$(home_of "${SUDO_UID:-$(id -u)}")" | sort -u)

places() {
  printf '%s\n' "${PATH:-}" | tr ':' '\n'
  printf '%s\n' "$homes" | while IFS= read -r home; do
    [ -n "$home" ] || continue
    for folder in "$home"/.nvm/versions/node/*/bin "$home"/.local/share/fnm/node-versions/*/installation/bin \
      "$home"/.local/share/mise/installs/node/*/bin "$home"/.asdf/installs/nodejs/*/bin; do
      [ ! -d "$folder" ] || printf '%s\n' "$folder"
    done | sort -rV
    printf '%s\n' "$home/.volta/bin" "$home/n/bin" "$home/.local/bin" "$home/bin"
  done
  printf '%s\n' /usr/local/bin /usr/bin /opt/node/bin /opt/nodejs/bin /usr/local/node/bin /snap/bin
}

login_shell_places() {
  shell=$(getent passwd "${SUDO_UID:-$(id -u)}" 2>/dev/null | cut -d: -f7)
  [ -x "$shell" ] || return 0
  # its own session: an interactive shell without a terminal would otherwise be stopped
  timeout 10 setsid --wait "$shell" -lic 'command -v npm' </dev/null 2>/dev/null | sed -n 's:^\(/.*\)/npm$:\1:p' | tail -n 1
}

for source in places login_shell_places; do
  found=$($source | while IFS= read -r folder; do
    if [ -n "$folder" ] && usable "$folder"; then break; fi
  done)
  if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 0
  fi
done
exit 1

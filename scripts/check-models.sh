#!/bin/sh
# Runs the Spin model of a rollover: the exhausted form must have no error, and each seeded fault must be found.
# Takes some 10 s of one core; a single run that takes longer than its bound fails. Details of a failed run: build/models/.
set -eu
cd -- "$(dirname -- "$0")/.."

model=$PWD/docs/models/rollover.pml
faults='FAULT_RX_LATE FAULT_CLOSE_ON_NEW FAULT_CAP_EARLY FAULT_GIVEUP_CLOSES FAULT_SA_KEPT FAULT_NO_ATOMIC_CHECK FAULT_KEY_TO_REMOVED'
seconds=50

for tool in spin "${CC:-cc}"; do
  command -v "$tool" >/dev/null && continue
  package=$tool
  [ "$tool" = spin ] || package=gcc
  echo "The models need $tool. On Debian or Ubuntu: sudo apt-get install $package" >&2
  exit 1
done

# run OPTIMIZE NAME DEFINES…: prints the verifier's words; fails when it did not end in time
run() {
  optimize=$1
  name=$2
  shift 2
  folder=build/models/$name
  rm -rf "$folder"
  mkdir -p "$folder"
  (
    cd "$folder"
    spin -a "$@" "$model" >spin.log 2>&1
    "${CC:-cc}" "$optimize" -w -DSAFETY -DCOLLAPSE -o pan pan.c 2>cc.log
    timeout "$seconds" ./pan -m1000000 >pan.log 2>&1
    cat pan.log
  )
}

errors() { sed -n 's/.*errors: \([0-9]*\)$/\1/p'; }

sound=$(run -O2 sound) || { echo 'check-models: the model did not run to its end; see build/models/sound' >&2; exit 1; }
states=$(printf '%s\n' "$sound" | sed -n 's/^ *\([0-9]*\) states, stored$/\1/p')
if [ "$(printf '%s\n' "$sound" | errors)" != 0 ] || ! [ "${states:-0}" -gt 100000 ]; then
  echo "check-models: the rollover breaks an invariant, or not all of it was looked at (${states:-0} states); see build/models/sound" >&2
  exit 1
fi
case $sound in
  *'max search depth too small'* | *'out of memory'*)
    echo 'check-models: not all states were looked at; see build/models/sound' >&2
    exit 1
    ;;
esac

missed=
for fault in $faults; do
  # found within a few states: to compile it well would take longer than to run it
  found=$(run -O0 "$fault" "-D$fault") || found=
  [ "$(printf '%s\n' "$found" | errors)" = 1 ] || missed="$missed $fault"
done
if [ -n "$missed" ]; then
  echo "check-models: these faults were not found:$missed" >&2
  exit 1
fi
echo "check-models: rollover.pml, $states states without an error; each of seven seeded faults is found"

#!/usr/bin/env bash
# Faults for real: every method is killed with SIGKILL at random moments and goes on, a file system is filled, another is
# read-only. Not part of the build; about a minute a method on a quiet machine. Mounts need root, and are left out without.
#   tests/faults/run.sh LAUNCHER [METHOD...]        LAUNCHER: ./lotus, or any command that runs it
set -uo pipefail
launcher=$1
shift
methods=("$@")
[ ${#methods[@]} -gt 0 ] || methods=(train lotus finetune neggrad+ random-label bad-teacher scrub ssd unsir salun salun-lotus retrain)
work=$(mktemp -d)
trap 'umount "$work/full" "$work/frozen" 2>/dev/null; rm -rf "$work"' EXIT
failures=0
data=(--dataset synthetic --per-class 20)
common=("${data[@]}" --split "$work/split.json" --epochs 3 --batch 16 --threads 1 --quiet)

say() { echo "$*"; }
fail() { say "FAIL $*"; failures=$((failures + 1)); }
lotus() { $launcher "$@" >>"$work/log" 2>&1; }

lotus split "${data[@]}" --forget-fraction 0.2 --out "$work/split.json" || exit 1
lotus train "${common[@]}" --model resnet20 --width 0.25 --out "$work/original" || exit 1

command_of() {
  if [ "$1" = train ]; then
    echo train --model resnet20 --width 0.25 "${common[@]}"
  else
    echo unlearn --method "$1" --original "$work/original" "${common[@]}"
  fi
}

# run.json without what time and place decide.
timeless() {
  grep -vE '"(seconds|training|unlearning|out)" :' "$1/run.json"
}

for method in "${methods[@]}"; do
  read -ra words <<<"$(command_of "$method")"
  lotus "${words[@]}" --out "$work/whole-$method" || fail "$method: the undisturbed run"
  kills=0
  for attempt in 1 2 3 4; do
    $launcher "${words[@]}" --out "$work/killed-$method" --resume --checkpoint-seconds 0 >>"$work/log" 2>&1 &
    pid=$!
    # Killed once a checkpoint of its own is there, or at the latest after so many tenths of a second.
    for _ in $(seq $((20 + RANDOM % 60))); do
      kill -0 $pid 2>/dev/null || break
      sleep 0.1
    done
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    wait $pid 2>/dev/null
  done
  lotus "${words[@]}" --out "$work/killed-$method" --resume || fail "$method: going on"
  if cmp -s "$work/whole-$method/model.safetensors" "$work/killed-$method/model.safetensors" &&
    diff <(timeless "$work/whole-$method") <(timeless "$work/killed-$method") >/dev/null &&
    [ -z "$(find "$work/killed-$method" -name '*checkpoint*')" ]; then
    say "PASS $method: killed $kills times, the same bytes"
  else
    fail "$method: killed $kills times, other files"
  fi
done

read -ra words <<<"$(command_of train)"
mkdir "$work/full" "$work/frozen"
if mount -t tmpfs -o size=400k none "$work/full" 2>/dev/null; then
  # Room for one checkpoint and a half: the first is written, the next ones are not, nor is the model.
  $launcher "${words[@]}" --out "$work/full/run" >"$work/full.log" 2>&1
  status=$?
  if [ $status -eq 2 ] && grep -q "No space left" "$work/full.log"; then
    mount -o remount,size=20m "$work/full"
    lotus "${words[@]}" --out "$work/full/run" --resume &&
      cmp -s "$work/full/run/model.safetensors" "$work/original/model.safetensors" &&
      say "PASS full disk: exit 2, and on once there was room" || fail "full disk: going on"
  else
    fail "full disk: exit $status"
    cat "$work/full.log"
  fi
else
  say "SKIP full disk: no mounts here"
fi
if mount -t tmpfs -o ro none "$work/frozen" 2>/dev/null; then
  $launcher "${words[@]}" --out "$work/frozen/run" >"$work/frozen.log" 2>&1
  status=$?
  [ $status -eq 2 ] && grep -q "Read-only" "$work/frozen.log" &&
    say "PASS read-only folder: exit 2, $(tail -1 "$work/frozen.log")" || fail "read-only folder: exit $status"
else
  say "SKIP read-only folder: no mounts here"
fi
say "$failures failed"
[ $failures -eq 0 ] || { tail -40 "$work/log"; exit 1; }

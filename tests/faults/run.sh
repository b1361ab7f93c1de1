#!/usr/bin/env bash
# Faults for real, each tried again and again: what is lost? Kills, stops, full and read-only file systems, damaged and foreign
# checkpoints, processes of several. Ends with a table. Not part of the build; some 15 minutes on a quiet machine. Mounts
# need root, and are left out without.
#   tests/faults/run.sh LAUNCHER [SECTION...]        LAUNCHER: ./lotus, or any command that runs it
# SECTION: kill stop experiment disk folder damage foreign ranks; all where none is given. KILLS (4) is the kills a method.
# shellcheck disable=SC2015 # fail succeeds
set -uo pipefail
launcher=$(readlink -f "${1:?give the launcher, e.g. ./lotus}")
shift
sections=("$@")
[ ${#sections[@]} -gt 0 ] || sections=(kill stop experiment disk folder damage foreign ranks)
KILLS=${KILLS:-4}
methods=(train lotus finetune neggrad+ random-label bad-teacher scrub ssd unsir salun salun-lotus retrain)
work=$(mktemp -d)
trap 'umount "$work/full" "$work/frozen" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0
table=()
data=(--dataset synthetic --per-class 20)
common=("${data[@]}" --split "$work/split.json" --epochs 3 --batch 16 --threads 1 --quiet)
training=(train "${common[@]}" --model resnet20 --width 0.25)

say() { printf '%s\n' "$*"; }
fail() {
  say "FAIL $*"
  failures=$((failures + 1))
}
row() { # fault tried outcome lost
  table+=("| $1 | $2 | $3 | $4 |")
  say "${table[-1]}"
}
lotus() { "$launcher" "$@" >>log 2>&1; }
# A shell without a terminal lets its background commands ignore SIGINT.
behind() { env --default-signal=INT "$launcher" "$@" & }
now() { date +%s%3N; }
moment() { awk -v least="$1" -v most="$2" -v r=$((RANDOM * 32768 + RANDOM)) 'BEGIN { printf "%.3f", (least + (most - least) * r / 2^30) / 1000 }'; }

# run.json without what time and place decide.
timeless() { grep -vE '"(seconds|training|unlearning|out)" :' "$1/run.json"; }
same() { # run undisturbed
  cmp "$1/model.safetensors" "$2/model.safetensors" >>log 2>&1 && diff <(timeless "$1") <(timeless "$2") >>log 2>&1 &&
    [ -z "$(find "$1" -name '*checkpoint*.safetensors' -o -name '*.tmp')" ]
}
await_file() { # file process
  for _ in $(seq 2400); do
    [ -e "$1" ] && return 0
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

words() { # method: the command, in the array of that name
  if [ "$1" = train ]; then
    words=("${training[@]}")
  else
    words=(unlearn --method "$1" --original original "${common[@]}")
  fi
}

# Interrupts a command at random moments until that was so many times, going on each time, from the start again where it ended
# before. Counts in times, resumed and lost.
interrupted() { # name signal status times command...
  local name=$1 signal=$2 status=$3 wanted=$4 begun length pid got
  shift 4
  if [ ! -e "whole-$name" ]; then
    begun=$(now)
    lotus "$@" --out "whole-$name" || fail "$name: the undisturbed run"
    echo $(($(now) - begun)) >"length-$name"
  fi
  length=$(cat "length-$name")
  times=0 resumed=0 lost=0
  rm -rf cut cut.log
  for _ in $(seq $((4 * wanted))); do
    [ $times -lt "$wanted" ] || break
    behind "$@" --out cut --resume --checkpoint-seconds 0 >>cut.log 2>&1
    pid=$!
    sleep "$(moment $((length / 5)) "$length")"
    kill "-$signal" $pid 2>/dev/null
    wait $pid 2>/dev/null
    got=$?
    if [ $got -eq "$status" ]; then
      times=$((times + 1))
    elif [ $got -eq 0 ]; then
      same cut "whole-$name" || lost=$((lost + 1))
      rm -rf cut
    else
      fail "$name: exit status $got after signal $signal"
      tail -5 cut.log
    fi
  done
  lotus "$@" --out cut --resume || fail "$name: going on"
  same cut "whole-$name" || lost=$((lost + 1))
  resumed=$(grep -c 'going on from' cut.log)
  [ $lost -eq 0 ] || fail "$name: other bytes $lost times"
}

section_kill() {
  local total=0 all=0 from=0
  for method in "${methods[@]}"; do
    words "$method"
    interrupted "$method" KILL 137 "$KILLS" "${words[@]}"
    say "$method: killed $times times, the same bytes but for $lost; $resumed times a checkpoint was gone on from"
    total=$((total + times)) all=$((all + lost)) from=$((from + resumed))
  done
  row "\`kill -9\` at a random moment, $((${#methods[@]} - 1)) methods and training" "$total" \
    "the same bytes as undisturbed; $from starts went on from a checkpoint" "$all"
}

section_stop() {
  local signal
  for signal in TERM INT; do
    local status=143
    [ $signal = INT ] && status=130
    local total=0 all=0
    for method in train lotus scrub; do
      words "$method"
      interrupted "$method" $signal $status 3 "${words[@]}"
      total=$((total + times)) all=$((all + lost))
    done
    row "SIG$signal at a random moment, training and two methods" $total "exit status $status, then the same bytes" $all
  done
}

section_experiment() {
  cat >faults.yaml <<'Y'
name: faults
seeds: {training: [1]}
data:
  - {dataset: synthetic, per_class: 20, forget: {fraction: 0.2}}
models:
  - {architecture: resnet20, width: 0.25, train: {epochs: 4, batch: 16}}
defaults: {epochs: 3, batch: 16}
methods:
  - {name: LoTUS, method: lotus, tau: 2}
  - {name: Finetuning, method: finetune, lr: 0.01}
  - {name: SalUn, method: salun}
  - {name: SCRUB, method: scrub}
Y
  local run=(experiment faults.yaml --threads 1 --quiet) begun length pid kills=0 wrong=0 lives=0
  begun=$(now)
  lotus "${run[@]}" --out exp-whole || fail "experiment: the undisturbed run"
  length=$(($(now) - begun))
  while [ $kills -lt 10 ] && [ $lives -lt 30 ]; do
    lives=$((lives + 1))
    "$launcher" "${run[@]}" --out exp --resume >>exp.log 2>&1 &
    pid=$!
    sleep "$(moment $((length / 10)) $((length * 4 / 10)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    case $? in
      137) kills=$((kills + 1)) ;;
      0) rm -rf exp ;; # over before ten kills: anew
      *) fail "experiment: an exit status of its own" ;;
    esac
  done
  lotus "${run[@]}" --out exp --resume || fail "experiment: going on"
  diff <(grep -v '"seconds"' exp/results.json) <(grep -v '"seconds"' exp-whole/results.json) >>log || wrong=$((wrong + 1))
  local made=0
  while read -r model; do
    made=$((made + 1))
    cmp "exp/store/$model" "exp-whole/store/$model" >>log 2>&1 || wrong=$((wrong + 1))
  done < <(cd exp-whole/store && find . -name model.safetensors)
  [ -z "$(find exp/store -name '*.tmp' -o -name 'checkpoint*')" ] || wrong=$((wrong + 1))
  [ $wrong -eq 0 ] || fail "experiment: other results"
  row "\`kill -9\` of one experiment, at random moments, $kills times" "$kills" \
    "the same results.json but for seconds, the same bytes of all $made models" "$wrong"
}

section_disk() {
  local size tried=0 lost=0 status
  mkdir -p full
  for size in 100k 150k 200k 300k 400k 500k; do
    if ! mount -t tmpfs -o size=$size none full 2>/dev/null; then
      say "SKIP full disk: no mounts here"
      return
    fi
    # Room for none, one, one and a half checkpoints ...: those that fit are written, the others and the model are not.
    "$launcher" "${training[@]}" --checkpoint-seconds 0 --out full/run >full.log 2>&1
    status=$?
    if [ $status -eq 2 ] && grep -q "No space left" full.log; then
      tried=$((tried + 1))
      mount -o remount,size=20m full
      lotus "${training[@]}" --out full/run --resume && same full/run original || lost=$((lost + 1))
    elif [ $status -eq 0 ]; then
      same full/run original || lost=$((lost + 1))
    else
      fail "full disk of $size: exit status $status"
      cat full.log
    fi
    umount full
  done
  [ $lost -eq 0 ] || fail "full disk: other bytes"
  row "disk full, six sizes" $tried "exit status 2 and \"No space left\"; with \`--resume\`, once there is room, the same bytes" $lost
}

section_folder() {
  local tried=0
  mkdir -p frozen
  if ! mount -t tmpfs -o ro none frozen 2>/dev/null; then
    say "SKIP read-only folder: no mounts here"
    return
  fi
  words lotus
  for run in train unlearn split; do
    tried=$((tried + 1))
    case $run in
      train) lotus_frozen=("${training[@]}" --out frozen/run) ;;
      unlearn) lotus_frozen=("${words[@]}" --out frozen/run) ;;
      split) lotus_frozen=(split "${data[@]}" --forget-fraction 0.2 --out frozen/split.json) ;;
    esac
    "$launcher" "${lotus_frozen[@]}" >frozen.log 2>&1
    status=$?
    [ $status -eq 2 ] && grep -q "Read-only" frozen.log || fail "read-only folder: $run, exit status $status"
  done
  umount frozen
  row "read-only folder: train, unlearn, split" $tried "exit status 2 before any work: \"Read-only file system\"" "-"
}

# A run that was stopped in the middle, with both checkpoints; train6 is what it would have been.
stopped_run() {
  [ ! -e stopped ] || return 0
  longer=("${training[@]/#3/6}")
  lotus "${longer[@]}" --out train6 || fail "six epochs"
  for _ in 1 2 3 4 5; do
    behind "${longer[@]}" --out stopped --checkpoint-seconds 0 >>log 2>&1
    await_file stopped/checkpoint.previous.safetensors $!
    sleep "$(moment 0 500)"
    kill -TERM $! 2>/dev/null
    wait $!
    [ $? -eq 143 ] && [ -e stopped/checkpoint.previous.safetensors ] && return 0
    rm -rf stopped
  done
  fail "no run could be stopped in its middle"
}

harm() { # file cut | bit
  python3 - "$1" "$2" <<'P'
import os, random, sys
file, how = sys.argv[1:]
size = os.path.getsize(file)
if how == "cut":
    os.truncate(file, random.randrange(size))
else:
    with open(file, "r+b") as f:
        at = random.randrange(size)
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << random.randrange(8)]))
P
}

section_damage() {
  local how n lost
  stopped_run
  for how in cut bit; do
    lost=0
    n=$([ $how = cut ] && echo 5 || echo 10)
    for _ in $(seq "$n"); do
      rm -rf damaged && cp -r stopped damaged
      harm damaged/checkpoint.safetensors $how
      "$launcher" "${longer[@]}" --out damaged --resume >damaged.log 2>&1 && grep -q 'the one before it is used' damaged.log &&
        [ -e damaged/checkpoint.safetensors.damaged ] || fail "damaged checkpoint ($how): $(tail -1 damaged.log)"
      rm -f damaged/*.damaged
      same damaged train6 || lost=$((lost + 1))
    done
    [ $lost -eq 0 ] || fail "damaged checkpoint ($how): other bytes"
    row "checkpoint $([ $how = cut ] && echo 'cut off at a random byte' || echo 'with one random bit turned')" "$n" \
      "a note, the one before is used: the same bytes" $lost
  done
  lost=0
  for _ in 1 2 3; do
    rm -rf damaged && cp -r stopped damaged
    harm damaged/checkpoint.safetensors cut
    harm damaged/checkpoint.previous.safetensors bit
    "$launcher" "${longer[@]}" --out damaged --resume >damaged.log 2>&1
    [ $? -eq 2 ] && grep -q 'no checkpoint in .* is whole' damaged.log || fail "both damaged: $(tail -1 damaged.log)"
    lotus "${longer[@]}" --out damaged --resume
    rm -f damaged/*.damaged
    same damaged train6 || lost=$((lost + 1))
  done
  [ $lost -eq 0 ] || fail "both damaged: other bytes"
  row "both checkpoints damaged" 3 "exit status 2 and a line; the same command again begins anew, the same bytes" $lost
}

refused() { # words of the line, command...
  local text=$1
  shift
  "$launcher" "$@" --out foreign --resume >foreign.log 2>&1
  local status=$?
  if [ $status -eq 2 ] && grep -q "$text" foreign.log && cmp -s foreign/checkpoint.safetensors stopped/checkpoint.safetensors; then
    tried=$((tried + 1))
  else
    fail "foreign checkpoint: exit status $status, $(tail -1 foreign.log)"
  fi
}

section_foreign() {
  local tried=0
  stopped_run
  rm -rf foreign && cp -r stopped foreign
  refused 'is of another run: .*--width was 0.25, is 0.5' "${longer[@]/#0.25/0.5}"
  refused 'is of another run: .*--model was resnet20, is vit_ti_16' "${longer[@]/#resnet20/vit_ti_16}"
  row "checkpoint of another model" $tried "exit status 2, names what differs; the checkpoint stays" 0
  tried=0
  lotus split --dataset synthetic --per-class 21 --forget-fraction 0.2 --out split21.json
  local others=("${longer[@]/#20/21}")
  refused 'the split was made for other synthetic data' "${others[@]}"
  refused 'is of another run: .*data' "${others[@]/%split.json/split21.json}"
  lotus split "${data[@]}" --forget-fraction 0.3 --out other.json
  refused 'is of another run: .*split' "${longer[@]/%split.json/other.json}"
  row "checkpoint of another data set or split" $tried "exit status 2, names what differs; the checkpoint stays" 0
  tried=0
  refused 'is of another run: --lr was 0.1, is 0.2' "${longer[@]}" --lr 0.2
  refused 'is of another run: --batch was 16, is 32' "${longer[@]/#16/32}"
  row "checkpoint of other options" $tried "exit status 2, names what differs; the checkpoint stays" 0
  lotus "${longer[@]}" --out foreign --resume
  same foreign train6 || fail "the refused checkpoint does not go on"
}

trace_equal() { # run undisturbed tolerance
  python3 - "$@" <<'P'
import json, sys
a, b = ([e["loss"] for e in json.load(open(f + "/run.json"))["trace"]] for f in sys.argv[1:3])
worst = max(abs(x - y) / abs(y) for x, y in zip(a, b))
print("worst relative difference %.1e" % worst)
sys.exit(0 if len(a) == len(b) and worst <= float(sys.argv[3]) else 1)
P
}

rank_of() { # rank folder: the process
  for pid in $(pgrep -f "cli.Main train .*--out $work/$2"); do
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "RANK=$1" && echo "$pid"
  done
}
left() { pgrep -f "cli.Main train .*--out $work/$1" >/dev/null; }

section_ranks() {
  local run=(train "${data[@]}" --model vit_ti_16 --width 0.34 --epochs 16 --batch 48 --lr 0.01 --threads 1 --quiet)
  local with=(--checkpoint-seconds 0 --out "$work/shared") tried=0 lost=0 job n rank worst tolerance=1e-5
  lotus "${run[@]}" --out one || fail "ranks: one process"
  lotus launch -n 2 "${run[@]}" --out two || fail "ranks: two processes"
  trace_equal two one $tolerance || fail "ranks: two are not one"
  for n in 2 2 3 4 4; do
    local other=$((RANDOM % 4 + 1))
    [ $other -eq $n ] && other=$((n % 4 + 1))
    rm -rf shared
    behind launch -n $n --timeout 60 "${run[@]}" "${with[@]}" >ranks.log 2>&1
    job=$!
    await_file shared/checkpoint.safetensors $job
    rank=$((RANDOM % n))
    sleep "$(moment 0 300)"
    kill -9 "$(rank_of $rank shared)" || say "over before the kill"
    wait $job
    status=$?
    [ $status -ne 0 ] && grep -q "rank $rank" ranks.log || fail "rank $rank of $n killed: exit status $status"
    say "rank $rank of $n killed, exit status $status: $(grep -m1 'noticed in' ranks.log)"
    if left shared; then fail "a process outlives its group"; fi
    if [ $other -eq 1 ]; then
      lotus "${run[@]}" --out "$work/shared" --resume
    else
      lotus launch -n $other "${run[@]}" --out "$work/shared" --resume
    fi
    worst=$(trace_equal shared one $tolerance) || lost=$((lost + 1))
    say "went on with $other: $worst"
    tried=$((tried + 1))
  done
  [ $lost -eq 0 ] || fail "ranks: other traces"
  row "\`kill -9\` of a random rank of 2, 3 or 4" $tried \
    "the others stop and name it; \`--resume\` by another number of processes: losses equal to $tolerance" $lost
  tried=0 lost=0
  local whom signal status expected
  for whom in launcher launcher 0 1; do
    signal=TERM expected=143
    if [ $whom = launcher ] && [ $tried -eq 0 ]; then signal=INT expected=130; fi
    rm -rf shared
    behind launch -n 2 --timeout 60 "${run[@]}" "${with[@]}" >ranks.log 2>&1
    job=$!
    await_file shared/checkpoint.safetensors $job
    sleep "$(moment 0 300)"
    case $signal$whom in
      INT*) kill -INT $job "$(rank_of 0 shared)" "$(rank_of 1 shared)" ;; # as a terminal does
      *launcher) kill -TERM $job ;;
      *) kill -TERM "$(rank_of "$whom" shared)" ;;
    esac
    wait $job
    status=$?
    [ $status -eq $expected ] && [ -e shared/checkpoint.safetensors ] || fail "SIG$signal to $whom: exit status $status"
    if left shared; then fail "a process outlives its group"; fi
    cp -r shared "stopped-$tried"
    lotus launch -n 2 "${run[@]}" --out "$work/shared" --resume
    same shared two || lost=$((lost + 1))
    tried=$((tried + 1))
  done
  for n in 1 4; do
    rm -rf shared && cp -r stopped-1 shared
    if [ $n = 1 ]; then lotus "${run[@]}" --out "$work/shared" --resume; else lotus launch -n $n "${run[@]}" --out "$work/shared" --resume; fi
    say "stopped with 2, went on with $n: $(trace_equal shared one $tolerance)" || lost=$((lost + 1))
  done
  [ $lost -eq 0 ] || fail "stopped ranks: others"
  row "Ctrl-C with 2, SIGTERM to their launcher, to one of them" $tried \
    "all write one checkpoint and end, 143 or 130; with 2 again the same bytes, with 1 and 4 losses equal to $tolerance" $lost
  tried=0 lost=0
  for _ in 1 2 3; do
    rm -rf shared
    behind launch -n 2 --timeout 60 "${run[@]}" "${with[@]}" >ranks.log 2>&1
    job=$!
    await_file shared/checkpoint.safetensors $job
    sleep "$(moment 0 300)"
    kill -9 $job
    wait $job 2>/dev/null
    for _ in $(seq 300); do
      left shared || break
      sleep 0.1
    done
    if left shared; then fail "processes outlive their launcher"; fi
    lotus launch -n 2 "${run[@]}" --out "$work/shared" --resume
    same shared two || lost=$((lost + 1))
    tried=$((tried + 1))
  done
  [ $lost -eq 0 ] || fail "killed launcher: other bytes"
  row "\`kill -9\` of the launcher of 2" $tried "its processes write a checkpoint and end; with 2 again the same bytes" $lost
}

lotus split "${data[@]}" --forget-fraction 0.2 --out split.json && lotus "${training[@]}" --out original || {
  tail -20 log
  exit 1
}
for section in "${sections[@]}"; do
  say "--- $section"
  "section_$section"
done
say "| fault | tried | outcome | lost |"
say "| --- | --- | --- | --- |"
[ ${#table[@]} -eq 0 ] || printf '%s\n' "${table[@]}"
say "$failures failed"
[ $failures -eq 0 ] || {
  tail -40 log
  exit 1
}

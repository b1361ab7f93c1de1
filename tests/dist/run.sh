#!/usr/bin/env bash
# run.sh LAUNCHER [RESULTS [SECTION...]]: what several processes must show, with Gloo on this machine: 1, 2 and 4 processes, every
# method, a killed and a frozen rank, processes started by hand as clusters do it, two "hosts" as network namespaces and the
# network between them cut (root; skips where that is not allowed), speed. Prints the differences of the loss traces and bytes
# a step; RESULTS keeps the runs. Some 15 minutes on a quiet machine.
# SECTION: traces methods lost started hosts speed; all where none is given.
# shellcheck disable=SC2015 # what stands behind || is to run whatever failed
set -uo pipefail
launcher=$(readlink -f "${1:?give the launcher, e.g. ./lotus}")
results=${2:-$(mktemp -d)}
shift $(($# < 2 ? $# : 2))
sections=("$@")
[ ${#sections[@]} -gt 0 ] || sections=(traces methods lost started hosts speed)
mkdir -p "$results" && cd "$results" || exit 2
results=$PWD
failed=0
batch=96 # 1,000 images: 11 steps an epoch, the last of 40
images=(--dataset synthetic --per-class 100)
vit=("${images[@]}" --model vit_ti_16 --batch "$batch" --lr 0.01 --augment none --threads 1)
resnet=("${images[@]}" --model resnet18 --width 0.25 --batch "$batch" --bn-batch 24 --lr 0.001 --augment none)

say() { printf '%s\n' "$*"; }
fail() {
  failed=1
  say "FAIL $*"
}

compare() { # one other tolerance words
  python3 - "$1" "$2" "$3" "$4" <<'P' || fail "$4"
import json, sys
one, other, tolerance, words = sys.argv[1:]
load = lambda f: [e["loss"] for e in json.load(open(f + "/run.json"))["trace"]]
a, b = load(one), load(other)
worst = max(abs(x - y) / abs(x) for x, y in zip(a, b))
print(f"{words}: worst relative difference of an epoch's loss {worst:.1e} over {len(a)} epochs")
sys.exit(0 if len(a) == len(b) and worst <= float(tolerance) else 1)
P
}

step() { # run: milliseconds of a step, from the second epoch on
  python3 -c 'import json,sys
t = json.load(open(sys.argv[1] + "/run.json"))["trace"][1:]
print("%.1f" % (1000 * sum(e["seconds"] for e in t) / len(t) / 11))' "$1"
}

by() { # processes command...
  if [ "$1" = 1 ]; then
    "$launcher" "${@:2}"
  else
    "$launcher" launch -n "$1" --timeout 120 "${@:2}"
  fi
}

rank_of() { # rank folder: the process that writes into it
  for pid in $(pgrep -f "cli.Main train .*--out $results/$2"); do
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "RANK=$1" && echo "$pid"
  done
}

# A ReLU network's rounding differences grow from step to step, in one process too: the control is one with other threads.
section_traces() {
  local model n words
  for model in vit resnet; do
    for n in 1 2 4; do
      rm -rf "$model-$n"
      [ $model = vit ] && words=("${vit[@]}") || words=("${resnet[@]}" --threads 1)
      by $n train "${words[@]}" --epochs 3 --out "$model-$n" >"$model-$n.log" 2>&1 || {
        fail "$model, $n processes"
        cat "$model-$n.log"
      }
      [ $n = 1 ] || compare "$model-1" "$model-$n" "$([ $model = vit ] && echo 1e-6 || echo 5e-3)" "$model, $n processes against 1"
      say "$model, $n: $(step "$model-$n") ms a step; $(grep -o 'sent .* MB' "$model-$n.log" | tail -1) in the whole run"
    done
    say "$model: $(stat -c %s "$model-1/model.safetensors") bytes of weights"
  done
  rm -rf control
  by 1 train "${resnet[@]}" --threads 2 --epochs 3 --out control >control.log 2>&1 || fail "control"
  compare resnet-1 control 5e-3 "resnet, 1 process of 2 threads against 1 thread"
  say "the ring sends 2 (n - 1) / n of the gradients' bytes a step and process"
}

both() { # name tolerance words...: one process and two
  local n
  for n in 1 2; do
    by $n "${@:3}" --out "methods/$1-$n" >"methods/$1-$n.log" 2>&1 || {
      fail "$1, $n processes"
      cat "methods/$1-$n.log"
    }
  done
  [ "$2" = none ] || compare "methods/$1-1" "methods/$1-2" "$2" "$1"
}

section_methods() {
  local few=(--dataset synthetic --per-class 20) small=(--batch 24 --threads 1 --quiet) method status events
  rm -rf methods && mkdir methods
  by 1 split "${few[@]}" --forget-fraction 0.2 --out methods/split.json >/dev/null || fail "split"
  by 1 train "${few[@]}" "${small[@]}" --model vit_ti_16 --width 0.34 --epochs 12 --lr 0.05 --augment none --out methods/vit \
    >/dev/null 2>&1 || fail "vit"
  by 1 train "${few[@]}" "${small[@]}" --model resnet20 --width 0.25 --epochs 12 --lr 0.1 --augment none --out methods/resnet \
    >/dev/null 2>&1 || fail "resnet"
  local known=(--split methods/split.json "${few[@]}" "${small[@]}")
  for method in lotus finetune neggrad+ random-label bad-teacher scrub salun salun-lotus retrain; do
    local words=(unlearn --method "$method" --epochs 2 "${known[@]}")
    both "$method, vit" 1e-5 "${words[@]}" --original methods/vit --augment none
    both "$method, vit, augmented, bf16" 1e-3 "${words[@]}" --original methods/vit --precision bf16
    both "$method, resnet of --bn-batch 6" 1e-2 "${words[@]}" --original methods/resnet --bn-batch 6 --augment none
  done
  for method in ssd unsir; do
    by 2 unlearn --method $method --original methods/vit "${known[@]}" --out "methods/$method" >"methods/$method.log" 2>&1
    status=$?
    say "$method, 2 processes: exit status $status, $(grep -m1 -o 'method .* one process' "methods/$method.log")"
    [ $status = 2 ] || fail "$method is refused"
  done
  both evaluation none evaluate --unlearned methods/vit --original methods/vit --retrained "methods/retrain, vit-1" "${few[@]}" \
    --split methods/split.json --threads 1 --quiet --save-logits
  cmp "methods/evaluation-1/logits.safetensors" "methods/evaluation-2/logits.safetensors" &&
    say "evaluate --save-logits: the same bytes by 2 processes" || fail "logits"
  both tracked 1e-5 unlearn --method finetune --original methods/vit --epochs 2 "${known[@]}" --augment none --tensorboard
  events=$(find methods/tracked-2 -name 'events.out.tfevents.*' | wc -l)
  say "--tensorboard, 2 processes: $events file"
  [ "$events" = 1 ] || fail "tracking"
}

section_lost() {
  local run=(train "${vit[@]}" --epochs 12 --out "$results/lost") job frozen begun
  say "--- a rank is killed"
  rm -rf lost
  "$launcher" launch -n 2 --timeout 30 "${run[@]}" --checkpoint-seconds 0 >lost.log 2>&1 &
  job=$!
  for _ in $(seq 600); do
    [ -e lost/checkpoint.safetensors ] && break
    sleep 0.2
  done
  kill -9 "$(rank_of 1 lost)"
  wait $job
  say "exit status $?: $(grep -m1 'no longer answers' lost.log)"
  grep -q 'rank 1 no longer answers.*noticed in' lost.log || fail "the killed rank is named"

  say "--- the rest by 4 processes, of which one freezes"
  "$launcher" launch -n 4 --timeout 15 "${run[@]}" --checkpoint-seconds 0 --resume >frozen.log 2>&1 &
  job=$!
  for _ in $(seq 600); do
    grep -qs 'going on from' frozen.log && break
    sleep 0.2
  done
  sleep 1
  frozen=$(rank_of 2 lost)
  [ -n "$frozen" ] && kill -STOP "$frozen"
  begun=$SECONDS
  wait $job
  say "exit status $? after $((SECONDS - begun)) s of a timeout of 15: $(grep -m1 'rank 2' frozen.log)"
  grep -q 'rank 2 no longer answers.*noticed in' frozen.log || fail "the frozen rank is named"
  [ -n "$frozen" ] && kill -9 "$frozen" 2>/dev/null

  say "--- the rest by 1"
  by 1 "${run[@]}" --resume >lost-1.log 2>&1 || fail "going on with 1"
  rm -rf whole
  by 1 train "${vit[@]}" --epochs 12 --out whole >whole.log 2>&1 || fail "undisturbed"
  compare whole lost 1e-6 "killed with 2, frozen with 4, ended with 1, against undisturbed with 1"
}

# Each process gets the variables that a cluster gives it, and no launcher.
by_hand() { # torchrun | slurm, command...: processes 0 and 1
  local how=$1 rank port jobs=() status variables
  shift
  port=$((20000 + RANDOM % 10000))
  for rank in 1 0; do
    variables=("RANK=$rank" WORLD_SIZE=2 "LOCAL_RANK=$rank")
    [ "$how" = slurm ] && variables=("SLURM_PROCID=$rank" SLURM_STEP_NUM_TASKS=2 "SLURM_LOCALID=$rank" SLURM_JOB_ID=1)
    env "${variables[@]}" MASTER_ADDR=127.0.0.1 MASTER_PORT=$port LOTUS_DIST_TIMEOUT=120 OMP_NUM_THREADS=1 TORCH_CPP_LOG_LEVEL=FATAL \
      "$launcher" "$@" >"started/$how-$1-$rank.log" 2>&1 &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do
    wait "$job"
    status=$?
    [ $status = 0 ] || {
      fail "$how, $1: exit status $status"
      cat started/"$how-$1"-*.log
    }
  done
}

section_started() {
  rm -rf started && mkdir started
  cat >started/small.yaml <<'Y'
name: small
seeds: {training: [1]}
data:
  - {dataset: synthetic, per_class: 20, forget: {fraction: 0.2}}
models:
  - {architecture: vit_ti_16, width: 0.34, train: {epochs: 2, batch: 24, augment: none}}
defaults: {epochs: 2, batch: 24, augment: none}
methods:
  - {name: LoTUS, method: lotus, tau: 2}
  - {name: Finetuning, method: finetune, lr: 0.01}
Y
  local few=(--dataset synthetic --per-class 20 --threads 1 --quiet) how
  by 1 split --dataset synthetic --per-class 20 --forget-fraction 0.2 --out started/split.json >/dev/null || fail "split"
  local train=(train "${few[@]}" --model vit_ti_16 --width 0.34 --epochs 4 --batch 24 --lr 0.05 --augment none)
  local unlearn=(unlearn --method lotus --original started/one-train --split started/split.json "${few[@]}" --epochs 2 --batch 24 --augment none)
  local evaluate=(evaluate --unlearned started/one-unlearn --original started/one-train --split started/split.json "${few[@]}")
  local experiment=(experiment started/small.yaml --threads 1 --quiet)
  by 1 "${train[@]}" --out started/one-train >/dev/null 2>&1 || fail "train"
  by 1 "${unlearn[@]}" --out started/one-unlearn >/dev/null 2>&1 || fail "unlearn"
  by 1 "${evaluate[@]}" --out started/one-evaluate >/dev/null 2>&1 || fail "evaluate"
  by 1 "${experiment[@]}" --out started/one-experiment >/dev/null 2>&1 || fail "experiment"
  for how in torchrun slurm; do
    by_hand $how "${train[@]}" --out started/$how-train
    by_hand $how "${unlearn[@]}" --out started/$how-unlearn
    by_hand $how "${evaluate[@]}" --out started/$how-evaluate
    by_hand $how "${experiment[@]}" --out started/$how-experiment
    compare started/one-train started/$how-train 1e-6 "$how, train"
    compare started/one-unlearn started/$how-unlearn 1e-5 "$how, unlearn"
    alike started/one-evaluate/metrics.json started/$how-evaluate/metrics.json 0 "$how, evaluate"
    alike started/one-experiment/results.json started/$how-experiment/results.json 1e-5 "$how, experiment"
  done
}

alike() { # one other tolerance words: the numbers of two JSON files
  python3 - "$1" "$2" "$3" "$4" <<'P' || fail "$4"
import json, sys
def numbers(node, path=""):
    if isinstance(node, dict):
        for key, value in node.items():
            if "seconds" not in key:
                yield from numbers(value, path + "/" + key)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from numbers(value, f"{path}/{i}")
    elif isinstance(node, (int, float)):
        yield path, node
one, other = (dict(numbers(json.load(open(f)))) for f in sys.argv[1:3])
worst, where = max((abs(one[k] - other.get(k, 1e9)) / max(1, abs(one[k])), k) for k in one)
print(f"{sys.argv[4]}: {len(one)} numbers, worst difference {worst:.1e} ({where})")
sys.exit(0 if one.keys() == other.keys() and worst <= float(sys.argv[3]) else 1)
P
}

section_hosts() {
  if ! { ip netns add lotus-a && ip netns add lotus-b; } 2>/dev/null; then
    say "skipped: network namespaces need root (ip netns add was refused)"
    return
  fi
  trap 'ip netns del lotus-a; ip netns del lotus-b' EXIT
  ip link add lotus-va type veth peer name lotus-vb
  ip link set lotus-va netns lotus-a && ip link set lotus-vb netns lotus-b
  ip -n lotus-a addr add 10.87.0.1/24 dev lotus-va && ip -n lotus-b addr add 10.87.0.2/24 dev lotus-vb
  local side sent job_a job_b begun
  for side in a b; do
    ip -n lotus-$side link set lo up
    ip -n lotus-$side link set lotus-v$side up
  done
  [ -e vit-1 ] || by 1 train "${vit[@]}" --epochs 3 --out vit-1 >vit-1.log 2>&1 || fail "1 process"
  [ -e whole ] || by 1 train "${vit[@]}" --epochs 12 --out whole >whole.log 2>&1 || fail "1 process"
  export WORLD_SIZE=2 MASTER_ADDR=10.87.0.1 MASTER_PORT=29511 TORCH_CPP_LOG_LEVEL=FATAL OMP_NUM_THREADS=1 LOTUS_DIST_TIMEOUT=120
  rm -rf hosts cut
  RANK=1 ip netns exec lotus-b "$launcher" train "${vit[@]}" --epochs 3 --out hosts >hosts-b.log 2>&1 &
  job_b=$!
  RANK=0 ip netns exec lotus-a "$launcher" train "${vit[@]}" --epochs 3 --out hosts >hosts-a.log 2>&1 || {
    fail "2 hosts"
    cat hosts-a.log
  }
  wait $job_b
  compare vit-1 hosts 1e-6 "vit, 2 hosts against 1 process"
  sent=$(ip netns exec lotus-b cat /sys/class/net/lotus-vb/statistics/tx_bytes)
  say "2 hosts: $(step hosts) ms a step; $((sent / 33)) bytes a step on the wire from one (all else of the run included, 33 steps)"

  say "--- the network between them is cut"
  export LOTUS_DIST_TIMEOUT=15
  RANK=1 ip netns exec lotus-b "$launcher" train "${vit[@]}" --epochs 12 --checkpoint-seconds 0 --out cut >cut-b.log 2>&1 &
  job_b=$!
  RANK=0 ip netns exec lotus-a "$launcher" train "${vit[@]}" --epochs 12 --checkpoint-seconds 0 --out cut >cut-a.log 2>&1 &
  job_a=$!
  for _ in $(seq 600); do
    [ -e cut/checkpoint.safetensors ] && break
    sleep 0.2
  done
  ip -n lotus-b link set lotus-vb down
  begun=$SECONDS
  wait $job_a
  say "host of rank 0: exit status $? after $((SECONDS - begun)) s of a timeout of 15: $(tail -1 cut-a.log)"
  wait $job_b
  say "host of rank 1: exit status $? after $((SECONDS - begun)) s: $(tail -1 cut-b.log)"
  grep -q 'rank 1 no longer answers.*noticed in' cut-a.log && grep -q 'rank 0.*no longer answers.*noticed in' cut-b.log ||
    fail "each names the other"
  unset WORLD_SIZE MASTER_ADDR MASTER_PORT TORCH_CPP_LOG_LEVEL OMP_NUM_THREADS LOTUS_DIST_TIMEOUT
  by 1 train "${vit[@]}" --epochs 12 --resume --out cut >cut-1.log 2>&1 || fail "going on after the cut"
  compare whole cut 1e-6 "cut with 2 hosts, ended with 1, against undisturbed with 1"
}

# In turn, so that what else the machine does meets all alike; one thread a process.
section_speed() {
  local model n words round
  rm -rf speed && mkdir speed
  for model in vit resnet; do
    [ $model = vit ] && words=("${vit[@]}") || words=("${resnet[@]}" --threads 1)
    for round in 1 2 3; do
      for n in 1 2 4; do
        by $n train "${words[@]}" --epochs 3 --quiet --out speed/$model-$n-$round >speed/log 2>&1 || fail "speed of $model, $n"
        step speed/$model-$n-$round >>speed/$model-$n
      done
    done
    python3 - speed/$model <<'P'
import statistics, sys
ms = {n: [float(x) for x in open(f"{sys.argv[1]}-{n}")] for n in (1, 2, 4)}
for n in (1, 2, 4):
    ratios = [a / b for a, b in zip(ms[1], ms[n])]
    print("%s, %d processes of a thread each: %.1f ms a step (median of 3), %.2f times 1 process's speed (%.2f..%.2f)"
          % (sys.argv[1], n, statistics.median(ms[n]), statistics.median(ratios), min(ratios), max(ratios)))
P
  done
}

for section in "${sections[@]}"; do
  say "--- $section"
  "section_$section"
done
[ $failed = 0 ] || {
  say "FAILED"
  exit 1
}
say "all as it must be"

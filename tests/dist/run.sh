#!/usr/bin/env bash
# run.sh LAUNCHER [RESULTS]: what several processes must show, with Gloo on this machine: 1, 2 and 4 processes, two "hosts" as
# network namespaces (root; skips where that is not allowed), a killed and a frozen rank, resuming with other numbers of
# processes. Prints the differences of the loss traces, seconds and bytes a step; RESULTS keeps the runs. Some minutes.
set -uo pipefail
launcher=$(readlink -f "${1:?give the launcher, e.g. ./lotus}")
results=${2:-$(mktemp -d)}
mkdir -p "$results" && cd "$results" || exit 2
failed=0
batch=96 # 1,000 images: 11 steps an epoch, the last of 40

say() { printf '%s\n' "$*"; }

compare() { # one other tolerance words
  python3 - "$1" "$2" "$3" "$4" <<'P' || failed=1
import json, sys
one, other, tolerance, words = sys.argv[1:]
load = lambda f: [e["loss"] for e in json.load(open(f + "/run.json"))["trace"]]
a, b = load(one), load(other)
worst = max(abs(x - y) / abs(x) for x, y in zip(a, b))
print(f"{words}: worst relative difference of an epoch's loss {worst:.1e} over {len(a)} epochs")
sys.exit(0 if len(a) == len(b) and worst <= float(tolerance) else 1)
P
}

seconds() { # of the second epoch on
  python3 -c 'import json,sys
t = json.load(open(sys.argv[1] + "/run.json"))["trace"][1:]
print("%.0f ms a step" % (1000 * sum(e["seconds"] for e in t) / len(t) / 11))' "$1"
}

vit="train --dataset synthetic --per-class 100 --model vit_ti_16 --epochs 3 --batch $batch --lr 0.01 --augment none --threads 1"
resnet="train --dataset synthetic --per-class 100 --model resnet18 --width 0.25 --epochs 3 --batch $batch --bn-batch 24 --lr 0.001 --augment none --threads 1"

# A ReLU network's rounding differences grow from step to step, in one process too: the control is one with other threads.
rm -rf control
"$launcher" ${resnet/--threads 1/--threads 2} --out control >/dev/null 2>&1 || failed=1
for model in vit resnet; do
  for n in 1 2 4; do
    rm -rf "$model-$n"
    if [ $n = 1 ]; then
      "$launcher" ${!model} --out "$model-1" >"$model-1.log" 2>&1 || failed=1
    else
      "$launcher" launch -n $n --timeout 120 ${!model} --out "$model-$n" >"$model-$n.log" 2>&1 || { failed=1; cat "$model-$n.log"; }
      compare "$model-1" "$model-$n" "$([ $model = vit ] && echo 1e-6 || echo 1e-2)" "$model, $n processes against 1"
    fi
    say "$model, $n processes of a thread each: $(seconds "$model-$n"); $(grep -o 'sent .* MB' "$model-$n.log" 2>/dev/null | tail -1) in the whole run"
  done
done
for model in vit resnet; do say "$model: $(stat -c %s "$model-1/model.safetensors") bytes of weights"; done
compare resnet-1 control 1e-2 "resnet, 1 process of 2 threads against 1 thread"
say "the ring sends 2 (n - 1) / n of the gradients' bytes a step and process"

say "--- every method, 2 processes against 1"
images="--dataset synthetic --per-class 20"
small="--epochs 2 --batch 24 --threads 1 --quiet"
rm -rf methods && mkdir methods
"$launcher" split $images --forget-fraction 0.2 --out methods/split.json >/dev/null || failed=1
"$launcher" train $images --model vit_ti_16 --width 0.34 --epochs 12 --batch 24 --lr 0.05 --augment none --threads 1 --quiet \
  --out methods/vit >/dev/null 2>&1 || failed=1
"$launcher" train $images --model resnet20 --width 0.25 --epochs 12 --batch 24 --lr 0.1 --augment none --threads 1 --quiet \
  --out methods/resnet >/dev/null 2>&1 || failed=1
both() { # name tolerance words...: one process and two
  "$launcher" "${@:3}" --out "methods/$1-1" >"methods/$1-1.log" 2>&1 || { failed=1; cat "methods/$1-1.log"; }
  "$launcher" launch -n 2 --timeout 120 "${@:3}" --out "methods/$1-2" >"methods/$1-2.log" 2>&1 || { failed=1; cat "methods/$1-2.log"; }
  [ "$2" = none ] || compare "methods/$1-1" "methods/$1-2" "$2" "$1"
}
for method in lotus finetune neggrad+ random-label bad-teacher scrub salun salun-lotus retrain; do
  read -ra words <<<"unlearn --method $method --split methods/split.json $images $small"
  both "$method, vit" 1e-5 "${words[@]}" --original methods/vit --augment none
  both "$method, vit, augmented, bf16" 1e-3 "${words[@]}" --original methods/vit --precision bf16
  both "$method, resnet of --bn-batch 6" 1e-2 "${words[@]}" --original methods/resnet --bn-batch 6 --augment none
done
for method in ssd unsir; do
  "$launcher" launch -n 2 unlearn --method $method --original methods/vit --split methods/split.json $images $small \
    --out "methods/$method" >"methods/$method.log" 2>&1
  status=$?
  say "$method, 2 processes: exit status $status, $(grep -m1 -o 'method .* one process' "methods/$method.log")"
  [ $status = 2 ] || failed=1
done
both evaluation none evaluate --unlearned methods/vit --original methods/vit --retrained "methods/retrain, vit-1" $images \
  --split methods/split.json --threads 1 --quiet --save-logits
cmp "methods/evaluation-1/logits.safetensors" "methods/evaluation-2/logits.safetensors" &&
  say "evaluate --save-logits: the same bytes by 2 processes" || failed=1
both tracked 1e-5 unlearn --method finetune --original methods/vit --split methods/split.json $images $small --augment none --tensorboard
events=$(find methods/tracked-2 -name 'events.out.tfevents.*' | wc -l)
say "--tensorboard, 2 processes: $events file"
[ "$events" = 1 ] || failed=1

say "--- a rank is killed"
rm -rf lost
"$launcher" launch -n 2 --timeout 30 ${vit/--epochs 3/--epochs 12} --checkpoint-seconds 0 --out lost >lost.log 2>&1 &
job=$!
rank_of() { # the process of a rank of the run that writes into a folder
  for pid in $(pgrep -f "cli.Main train .*--out $2"); do
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "RANK=$1" && echo "$pid"
  done
}
for _ in $(seq 600); do ls lost/checkpoint*.safetensors >/dev/null 2>&1 && break; sleep 0.2; done
kill -9 "$(rank_of 1 lost)"
wait $job
say "exit status $?: $(grep -m1 'no longer answers' lost.log)"
grep -q 'rank 1 no longer answers' lost.log || failed=1

say "--- the rest by 4 processes, of which one freezes"
"$launcher" launch -n 4 --timeout 15 ${vit/--epochs 3/--epochs 12} --checkpoint-seconds 0 --resume --out lost >frozen.log 2>&1 &
job=$!
for _ in $(seq 600); do grep -qs 'going on from' frozen.log && break; sleep 0.2; done
sleep 1
frozen=$(rank_of 2 lost)
[ -n "$frozen" ] && kill -STOP "$frozen"
begun=$SECONDS
wait $job
say "exit status $? after $((SECONDS - begun)) s of a timeout of 15: $(grep -m1 'rank 2' frozen.log)"
grep -q 'rank 2 no longer answers' frozen.log || failed=1
[ -n "$frozen" ] && kill -9 "$frozen" 2>/dev/null

say "--- the rest by 1"
"$launcher" ${vit/--epochs 3/--epochs 12} --resume --out lost >/dev/null 2>&1 || failed=1
rm -rf whole
"$launcher" ${vit/--epochs 3/--epochs 12} --out whole >/dev/null 2>&1 || failed=1
compare whole lost 1e-3 "killed with 2, frozen with 4, ended with 1, against undisturbed with 1"

say "--- two hosts"
if ip netns add lotus-a 2>/dev/null && ip netns add lotus-b 2>/dev/null; then
  trap 'ip netns del lotus-a; ip netns del lotus-b' EXIT
  ip link add lotus-va type veth peer name lotus-vb
  ip link set lotus-va netns lotus-a && ip link set lotus-vb netns lotus-b
  ip -n lotus-a addr add 10.87.0.1/24 dev lotus-va && ip -n lotus-b addr add 10.87.0.2/24 dev lotus-vb
  for side in a b; do ip -n lotus-$side link set lo up; ip -n lotus-$side link set lotus-v$side up; done
  export WORLD_SIZE=2 MASTER_ADDR=10.87.0.1 MASTER_PORT=29511 TORCH_CPP_LOG_LEVEL=FATAL OMP_NUM_THREADS=1 LOTUS_DIST_TIMEOUT=120
  rm -rf hosts
  RANK=1 ip netns exec lotus-b "$launcher" $vit --out hosts >hosts-b.log 2>&1 &
  RANK=0 ip netns exec lotus-a "$launcher" $vit --out hosts >hosts-a.log 2>&1 || { failed=1; cat hosts-a.log; }
  wait
  compare vit-1 hosts 1e-6 "vit, 2 hosts against 1 process"
  sent=$(ip netns exec lotus-b cat /sys/class/net/lotus-vb/statistics/tx_bytes)
  say "2 hosts: $(seconds hosts); $((sent / 33)) bytes a step on the wire from one (all else of the run included, 33 steps)"
else
  say "skipped: network namespaces need root (ip netns add was refused)"
fi
[ $failed = 0 ] && say "all as it must be" || say "FAILED"
exit $failed

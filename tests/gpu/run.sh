#!/usr/bin/env bash
# Everything about the CUDA kernels that wants a GPU, in one go: builds from source, tests on the device, runs
# compute-sanitizer's four tools, times every operation, and PyTorch's peers where PyTorch is installed.
# Needs an NVIDIA GPU with its driver, nvcc (CUDA 13), cmake 3.18+, g++; uses compute-sanitizer and python3 with torch
# where they are.
# LOTUS_GPU_ENGINE=1 adds the engine itself: its tests on the GPU, and a step as one graph beside the same operations one
# after the other. That wants Maven (which fetches libtorch's GPU build, 458 MB), CUDA's libraries, cuDNN 9 and NCCL 2.
# usage: tests/gpu/run.sh [OUT_DIR]      rows go to OUT_DIR/times.csv and OUT_DIR/peers.csv (default: target/gpu)
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/gpu}

if ! capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1) ||
  [[ -z $capability ]]; then
  echo "tests/gpu/run.sh: no NVIDIA GPU here (nvidia-smi finds none); nothing was run" >&2
  exit 1
fi
for tool in nvcc cmake g++; do
  command -v $tool >/dev/null || { echo "tests/gpu/run.sh: $tool was not found" >&2; exit 1; }
done
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader | tee "$out/device.txt"

echo "== build for compute capability $capability"
cmake -S cmake -B "$out/build" -DCMAKE_BUILD_TYPE=Release -DLOTUS_CUDA=ON -DLOTUS_CUDA_LINEINFO=ON \
  -DLOTUS_CUDA_ARCHS="${capability/./}-real" \
  >"$out/build.log"
cmake --build "$out/build" --parallel "$(nproc)" --target cuda_device_test cuda_time_ops >>"$out/build.log" 2>&1 ||
  { tail -n 40 "$out/build.log" >&2; exit 1; }
test=$(find "$out/build" -type f -name cuda_device_test)
time_ops=$(find "$out/build" -type f -name cuda_time_ops)

echo "== tests on the device"
"$test"

if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck initcheck synccheck; do
    echo "== compute-sanitizer $tool"
    compute-sanitizer --tool $tool --error-exitcode 1 "$test" --quick
  done
else
  echo "== compute-sanitizer was not found: skipped"
fi

echo "== times"
"$time_ops" | tee "$out/times.csv"
if python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  echo "== peers in PyTorch"
  python3 tests/gpu/peers.py | tee "$out/peers.csv"
else
  echo "== python3 has no torch with CUDA: peers skipped"
fi

if [[ ${LOTUS_GPU_ENGINE:-} == 1 ]]; then
  echo "== the engine: graphs, streams, resident images"
  mvn -B -q -Pcuda -Dspotless.check.skip=true test -Dtest='StepGraphTest,CudaRuntimeTest,ResidentImagesTest,FusedUpdateTest'
  for graph in true false; do
    echo "== a step, graph: $graph"
    LOTUS_MAVEN_ARGS=-Pcuda LOTUS_JAVA_OPTS=-Dlotus.graph=$graph ./lotus bench step --device cuda \
      --json "$out/step-graph-$graph.json"
  done
fi
echo "all passed; rows in $out"

#!/usr/bin/env bash
# Configures and builds the native library; called by Maven. usage: cmake/build.sh BUILD_DIR AUTO|ON|OFF fast|all
set -euo pipefail
build=${1:?usage: cmake/build.sh BUILD_DIR AUTO|ON|OFF fast|all}
cuda=${2:-AUTO}
archs=${3:-fast}
need() { # command package
  command -v "$1" >/dev/null || { echo "lotus: $1 was not found: install the package $2 (apt-get install $2)" >&2; exit 1; }
}
need javac openjdk-17-jdk-headless
need cmake cmake
need g++ g++
need make make
log=$build/build.log
# A library of an earlier build with CUDA must not travel on in the jar of one without.
if [ "$cuda" = OFF ]; then
  rm -f "$build/liblotus_cuda.so" "$build/../classes/dev/lotus/kernel/binding/linux-x86_64/liblotus_cuda.so"
fi
mkdir -p "$build"
if ! { cmake -S cmake -B "$build" -G "Unix Makefiles" -DCMAKE_BUILD_TYPE=Release -DLOTUS_CUDA="$cuda" -DLOTUS_CUDA_ARCHS="$archs" &&
       cmake --build "$build" --parallel "$(nproc)"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "lotus: the native build failed; the whole log is $log" >&2
  exit 1
fi

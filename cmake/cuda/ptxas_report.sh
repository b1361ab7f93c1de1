#!/usr/bin/env bash
# Table of every kernel's registers, shared memory and spills on sm_90 from the OBJECT.ptxas files of keep_report.sh;
# fails if a kernel spills or has a stack frame. usage: ptxas_report.sh [--all] OBJECT...   (--all: every architecture)
# LOTUS_PTXAS_CSV names a file for the table; LOTUS_PTXAS_DOC a document that must hold its summary by kernel, for the
# nvcc release that the document names.
set -euo pipefail
arch=sm_90
[[ ${1:-} == --all ]] && { arch=; shift; }
reports=()
for object in "$@"; do reports+=("$object.ptxas"); done
table=$(cat "${reports[@]}" | c++filt | awk -v only="$arch" '
  /Compiling entry function/ {
    name = $0; sub(/^[^\047]*\047/, "", name); arch = name; sub(/.*for \047/, "", arch); sub(/\047.*/, "", arch)
    sub(/\047 for.*/, "", name); sub(/^void /, "", name); gsub(/lotus::(cuda::)?/, "", name)
    gsub(/\(anonymous namespace\)::/, "", name); sub(/\([^()]*\)$/, "", name)
  }
  /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
  /Used [0-9]+ registers/ {
    registers = $0; sub(/.*Used /, "", registers); sub(/ .*/, "", registers)
    shared = 0; if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH) + 0
    if (only == "" || arch == only) print name ";" arch ";" registers ";" shared ";" stack ";" stores ";" loads
  }' | sort -V)
header="kernel;arch;registers;shared_bytes;stack_bytes;spill_store_bytes;spill_load_bytes"
[[ -n ${LOTUS_PTXAS_CSV:-} ]] && printf '%s\n%s\n' "$header" "$table" >"$LOTUS_PTXAS_CSV"
if [[ -z $table ]]; then
  echo "skipped: this build has no machine code for ${arch:-any architecture}"
  exit 77
fi
printf '%s\n%s\n' "$header" "$table"
bad=$(awk -F ';' '$5 + $6 + $7 > 0' <<<"$table")
if [[ -n $bad ]]; then
  echo "these kernels spill registers or use a stack frame:" >&2
  echo "$bad" >&2
  exit 1
fi
echo "$(wc -l <<<"$table") kernels, no spills, no stack frames"

# The same by kernel, as the document shows it.
if [[ -n ${LOTUS_PTXAS_DOC:-} ]]; then
  release=$("${LOTUS_NVCC:-nvcc}" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p')
  grep -q "nvcc $release" "$LOTUS_PTXAS_DOC" || { echo "the document's table is of another nvcc than $release: not compared"; exit 0; }
  summary=$(awk -F ';' '
    { name = $1  # without element types and numbers: one row a kernel, not one an instance
      gsub(/<(float|Bf16|Fp16)>/, "", name); gsub(/(float|Bf16|Fp16), /, "", name); gsub(/, (float|Bf16|Fp16|[0-9]+|true|false)/, "", name)
      gsub(/<[0-9]+, \(Pass\)[0-9]>|<\(Pass\)[0-9]>/, "", name); gsub(/ >/, ">", name); n[name]++
      if (!(name in low) || $3 < low[name]) low[name] = $3
      if ($3 > high[name]) high[name] = $3
      if ($4 > shared[name]) shared[name] = $4 }
    END { for (k in n) printf "| `%s` | %d | %s | %d |\n", k, n[k], low[k] == high[k] ? low[k] : low[k] " to " high[k], shared[k] }' \
    <<<"$table" | sort)
  missing=$(grep -vxFf "$LOTUS_PTXAS_DOC" <<<"$summary" || true)
  extra=$(grep -E '^\| `[A-Za-z0-9_<>:]+` \| [0-9]+ \| [0-9]+( to [0-9]+)? \| [0-9]+ \|$' "$LOTUS_PTXAS_DOC" | grep -vxF "$summary" || true)
  if [[ -n $missing$extra ]]; then
    printf '%s\n' "$LOTUS_PTXAS_DOC does not show what was built; its rows should be:" "$summary" >&2
    exit 1
  fi
  echo "$(wc -l <<<"$summary") rows of the document agree"
fi

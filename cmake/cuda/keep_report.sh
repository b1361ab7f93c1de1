#!/usr/bin/env bash
# Runs nvcc and keeps what ptxas -v wrote beside the object, as OBJECT.ptxas; everything still goes to the log.
set -uo pipefail
object=
previous=
for argument in "$@"; do
  [[ $previous == -o ]] && object=$argument
  previous=$argument
done
[[ $object == *.o ]] || exec "$@" # a link step, or nvcc's own questions
"$@" 2>"$object.log"
status=$?
cat "$object.log" >&2
grep -E "^ptxas|bytes stack frame" "$object.log" >"$object.ptxas"
rm -f "$object.log"
exit $status

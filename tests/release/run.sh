#!/usr/bin/env bash
# Unpacks a release archive into an empty folder and runs it with nothing but a Java runtime and the base system on the
# PATH: no Maven, no compiler, no checkout.  tests/release/run.sh target/lotus-0.1.0-linux-x86_64.tar.gz
set -euo pipefail
archive=$(readlink -f "${1:?give the archive that mvn -Prelease -DskipTests package made}")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin" "$place/home"
for tool in bash env dirname readlink java; do ln -s "$(command -v "$tool")" "$place/bin/$tool"; done
tar xzf "$archive" -C "$place"
cd "$place/home"
lotus() { env -i HOME="$place/home" PATH="$place/bin" LOTUS_JAVA_OPTS="-Duser.home=$place/home" "$place"/lotus-*/lotus "$@"; }
lotus --version
lotus info
lotus demo --out demo --quiet
[ -s demo/report.html ] && [ -s demo/lotus/metrics.json ] || { echo "the demo left no page" >&2; exit 1; }
[ ! -e "$(echo "$place"/lotus-*)/target" ] || { echo "the launcher built something" >&2; exit 1; }
echo "PASS $(basename "$archive")"

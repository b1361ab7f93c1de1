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

# Every jar has a licence, and the list of jars, bom.json, names what is there and nothing else.
cd "$place"/lotus-*
ls lib | grep -v '^lotus\.jar$' | sort >"$place/jars"
while read -r jar; do
  found=
  for folder in licenses/*/; do
    name=$(basename "$folder")
    case $jar in "${name%-jar}".jar | "$name"-*) found=$(find "$folder" -type f -size +0 | head -1) ;; esac
    [ -z "$found" ] || break
  done
  [ -n "$found" ] || { echo "lib/$jar has no licence in licenses/" >&2; exit 1; }
done <"$place/jars"
sed -n 's|.*"purl" : "pkg:maven/[^/]*/\([^@]*\)@\([^?"]*\)?\([^"]*\)".*|\1-\2 \3|p' bom.json |
  grep -v '^lotus-' | sed -E 's|^([^ ]*) .*classifier=([^&]*).*|\1-\2|; s| .*||; s|$|.jar|' | sort -u >"$place/listed"
diff "$place/jars" "$place/listed" || { echo "bom.json and lib differ" >&2; exit 1; }
# Each names a licence, and none the GPL without another to choose.
awk '/"purl" : /{if (!named) print "no licence before" $0; named = 0}
     /"licenses" : \[/{inside = 1; named = 1; gpl = free = 0}
     inside && /"(id|name|expression)" : /{if (/GPL/) gpl = 1; else free = 1}
     inside && /^ *\],?$/{inside = 0; if (gpl && !free) print "the GPL alone, line " NR}' bom.json >"$place/licences"
[ ! -s "$place/licences" ] || { cat "$place/licences" >&2; exit 1; }

cd "$place/home"
lotus() { env -i HOME="$place/home" LOTUS_JAVA_OPTS="-Duser.home=$place/home" PATH="$place/bin" "$place"/lotus-*/lotus "$@"; }
lotus --version
lotus info
lotus demo --out demo --quiet
[ -s demo/report.html ] && [ -s demo/lotus/metrics.json ] || { echo "the demo left no page" >&2; exit 1; }
[ ! -e "$(echo "$place"/lotus-*)/target" ] || { echo "the launcher built something" >&2; exit 1; }
echo "PASS $(basename "$archive")"

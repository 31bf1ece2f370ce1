#!/usr/bin/env bash
# gmem check: what it says, and its exit status. Usage: command_test.sh GMEM
set -uo pipefail
gmem=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    echo "$*" >&2
    exit 1
}
cat >"$folder/wrong" <<'END'
trace from=beginning pins=all in_place=on
create process=1 file=7 size=0x4000 flags=3 private_memory=1 vm=1
pin process=1 file=7 offset=0x1000 size=0x1000 token=5
convert process=1 file=7 offset=0 size=0x4000 attributes=8
END
head -3 "$folder/wrong" >"$folder/right"

said=$("$gmem" check "$folder/right") || fail "a right trace: $said"
[[ $said == *": 2 events agree"* ]] || fail "a right trace: $said"
[ -z "$("$gmem" check --quiet "$folder/right")" ] || fail "--quiet is not quiet"

said=$("$gmem" check "$folder/wrong")
[ $? = 1 ] || fail "a wrong trace has status 1"
[[ $said == *"event 2 (line 4) breaks the specification"*"section 2.2 (14): page 1 is in use"* ]] || fail "a wrong trace: $said"
for way in file pipe; do
    said=$(if [ $way = file ]; then "$gmem" check - <"$folder/wrong"; else cat "$folder/wrong" | "$gmem" check -; fi)
    [[ $said == *"-: event 2 (line 4)"* ]] || fail "the standard input, a $way: $said"
done

for unusable in /nowhere / /dev/null; do
    "$gmem" check "$unusable" >"$folder/said" 2>&1
    [ $? = 2 ] || fail "$unusable: status 2"
    [ -s "$folder/said" ] || fail "$unusable: no reason"
done
echo "convert colour=red" >"$folder/strange"
said=$("$gmem" check "$folder/strange" 2>&1)
[ $? = 2 ] || fail "no trace: status 2"
[[ $said == *"strange:1: "* ]] || fail "no line: $said"

# What docs/check.md shows is found wrong, as it says.
awk '/^    trace from=beginning/{on=1} /^$/{on=0} on' "$(dirname "$0")/../../docs/check.md" | sed 's/^    //' >"$folder/shown"
[ "$(wc -l <"$folder/shown")" = 4 ] || fail "the example of docs/check.md is not there"
said=$("$gmem" check "$folder/shown") && fail "the example of docs/check.md agrees"
[[ $said == *"line 4"* ]] || fail "the example of docs/check.md: $said"

# Text of text is the same text.
"$gmem" check --write-text "$folder/wrong" >"$folder/once" && "$gmem" check --write-text "$folder/once" | cmp -s - "$folder/once" || fail "the text changes when it is read and written"

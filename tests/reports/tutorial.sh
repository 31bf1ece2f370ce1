#!/usr/bin/env bash
# tutorial.sh GMEM MISTAKES TUTORIAL: every command of docs/tutorial.md, as it stands there: each mistake is told by its name and its function, the right way is silent.
set -euo pipefail
gmem=$1 mistakes=$2 tutorial=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() { echo "$*" >&2; cat out err >&2; exit 1; }

# name, function and line of the mistake (of the reports' first stack, or of the second)
expected=(
    [1]="private-access send_later"
    [2]="private-syscall write_to_tap"
    [3]="pinned-conversion zero_copy"
    [4]="foreign-userspace-addr other_memory"
    [5]="unwritten-measured launch"
)

command_of() { # the words of the document, with the built programs
    local line=$1
    line=${line//build\/bin\/mistakes/$mistakes}
    echo "${line/#gmem/$gmem}"
}

found=0
while read -r line; do
    words=$(command_of "$line")
    status=0
    $words >out 2>err || status=$?
    case $line in
    *"--trace="*) [ -s mistake.trace ] || fail "$line: no trace" ;;
    "gmem trace "*) grep -q "convert" out && grep -q EAGAIN out || fail "$line: the conversion is not in it" ;;
    "gmem check "*) [ "$status" = 0 ] || fail "$line: $status" ;;
    "gmem report "*) grep -q "<html" mistake.html || fail "$line: no page" ;;
    "gmem run"*)
        number=${line##* }
        read -r name function <<<"${expected[$number]}"
        grep -q "^gmem: $name: " err || fail "$line: $name is not told"
        if headline=$(grep -m 1 "^ *gmem: $name: " "$tutorial"); then # as the document shows it
            headline=$(sed 's/^ *//; s/process [0-9]*/process [0-9]*/; s/\[0x/\\[0x/' <<<"$headline")
            grep -q "^$headline$" err || fail "$line: not as the tutorial has it: $headline"
        fi
        grep -q "#[0-9]* $function at .*mistakes.c:[0-9]" err || fail "$line: $function and its line are not told"
        if [ "$number" = 1 ]; then [ "$status" = 135 ] || fail "$line: ended with $status, not by SIGBUS"; else [ "$status" = 0 ] || fail "$line: $status"; fi
        $words right >out 2>err || fail "$line right: $?"
        [ ! -s err ] || fail "$line right: is not silent"
        ;;
    *) fail "what is this? $line" ;;
    esac
    found=$((found + 1))
done < <(sed -n 's/^    \(gmem \(run\|trace\|check\|report\) .*\)$/\1/p' "$tutorial")
[ "$found" = 9 ] || fail "the tutorial has $found commands"

status=0
"$gmem" run --error-exitcode=9 -- "$mistakes" 2 >out 2>err || status=$?
[ "$status" = 9 ] || fail "--error-exitcode=9: $status"
"$gmem" run --inject=eagain:every=3 -- "$mistakes" 3 right >out 2>err || fail "injected EAGAIN: $?"
grep -q "the guest has its memory" out || fail "injected EAGAIN: the guest has no memory"

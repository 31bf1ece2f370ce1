#!/usr/bin/env bash
# The recipes of docs/check.md and docs/traces.md, as they stand there, run against something real. Usage: recipes.sh RECIPE GMEM PROGRAM
#   strace, bpftrace  PROGRAM uses the running kernel's guest_memfd; what was recorded is all there, and agrees
#   usdt, perf        PROGRAM runs under gmem, whose probes tell its conversions
# Exit 0, 1 with what was seen, 77 with a sentence where this machine does not permit it.
set -uo pipefail
recipe=$1 gmem=$2 program=$3
docs=$(cd "$(dirname "$0")/../../docs" && pwd)
library=$(dirname "$gmem")/../lib/libgmem-preload.so

skip() {
    echo "skipped: $*"
    exit 77
}

# Tracing wants tracefs, and root: a mount of our own, which nobody else sees.
if [ "$recipe" != strace ] && [ -z "${GMEM_RECIPE_MOUNTED:-}" ]; then
    [ "$(id -u)" = 0 ] || skip "tracing is root's"
    GMEM_RECIPE_MOUNTED=1 exec unshare --mount "$0" "$@"
fi
folder=$(mktemp -d)
watching=
stop() {
    [ -n "$watching" ] && kill -INT "$watching" 2>/dev/null && wait "$watching"
    watching=
}
trap 'stop; rm -rf "$folder"' EXIT
fail() {
    echo "$*"
    tail -n 20 "$folder"/* 2>/dev/null
    exit 1
}
tracing=/sys/kernel/tracing
if [ "$recipe" != strace ]; then
    [ -e $tracing/trace ] || mount -t tracefs tracefs $tracing 2>/dev/null || skip "tracefs cannot be mounted"
fi

# The lines of a recipe: from the one that begins with $2 to the one that ends with $3, as they stand in $1.
lines_of() { sed 's/^    //' "$docs/$1" | awk -v first="$2" -v last="$3" 'index($0, first) == 1 { on = 1 } on { print } on && substr($0, length($0) - length(last) + 1) == last { exit }'; }
needs() { command -v "$1" >/dev/null || skip "there is no $1 here"; }
run_program() { timeout 100 "$@" >"$folder/said" 2>&1; }
# How often a word stands in what PROGRAM said: "2 conversions, 4 holes".
said() { grep -oE "[0-9]+ $1" "$folder/said" | cut -d' ' -f1; }
agrees() { "$gmem" check "$1" >"$folder/verdict" || fail "$(cat "$folder/verdict")"; }
count() { grep -cE "$1" "$2" || true; }

# Starts what watches, in the background. When it has attached nobody tells: until it has seen enough (enough COMMAND... says so), the program is run again.
watch_until() {
    local enough=$1 runs
    shift
    "$@" >"$folder/seen" 2>"$folder/complaints" &
    watching=$!
    for runs in $(seq 60); do
        sleep 1
        [ -d "/proc/$watching" ] || { watching=; skip "it does not start here: $(grep -vE 'RLIMIT_MEMLOCK|WARNING' "$folder/complaints" | head -1)"; }
        : >"$folder/before"
        cp "$folder/seen" "$folder/before"
        run_program "${run[@]}" || fail "the program fails while it is watched"
        sleep 1
        tail -c +$(($(wc -c <"$folder/before") + 1)) "$folder/seen" >"$folder/new"
        "$enough" && return
    done
    fail "after $runs runs not everything was seen"
}

case $recipe in
strace)
    needs strace
    command=$(lines_of check.md 'strace -f' 'VMM')
    [ -n "$command" ] || fail "docs/check.md has no recipe for strace"
    command=${command/FILE/"$folder/trace"}
    run_program bash -c "${command/%VMM/$program}"
    status=$?
    [ $status = 77 ] && { cat "$folder/said"; exit 77; }
    grep -q 'Operation not permitted\|ptrace' "$folder/said" && skip "strace may not trace here: $(head -1 "$folder/said")"
    [ $status = 0 ] || fail "the program ended with status $status"
    agrees "$folder/trace"
    "$gmem" check --write-text "$folder/trace" >"$folder/text"
    [ "$(count '^convert' "$folder/text")" = "$(said conversions)" ] || fail "conversions: $(said conversions) made, $(count '^convert' "$folder/text") read"
    [ "$(count '^punch' "$folder/text")" = "$(said holes)" ] || fail "holes: $(said holes) made, $(count '^punch' "$folder/text") read"
    [ "$(count '^policy' "$folder/text")" = 2 ] && [ "$(count '^map' "$folder/text")" = 1 ] && [ "$(count '^create' "$folder/text")" = 1 ] || fail "not all of mbind, mmap and KVM_CREATE_GUEST_MEMFD was read"
    ;;

bpftrace)
    needs bpftrace
    lines_of check.md 'bpftrace -q' '>FILE' >"$folder/recipe"
    [ -s "$folder/recipe" ] || fail "docs/check.md has no recipe for bpftrace"
    run=("$program")
    run_program "${run[@]}"
    [ $? != 77 ] || { cat "$folder/said"; exit 77; }
    sed -i -e '1s/^bpftrace/exec bpftrace/' -e '$s/ >FILE$//' "$folder/recipe"
    enough() {
        [ "$(count '^convert.* result=-' "$folder/new")" = "$(said conversions)" ] && [ "$(count '^allocate.* mode=3 ' "$folder/new")" = "$(said holes)" ] && grep -q '^allocate.* size=100 result=-22' "$folder/new"
    }
    watch_until enough bash "$folder/recipe"
    stop
    { echo "trace from=middle"; cat "$folder/seen"; } >"$folder/trace"
    agrees "$folder/trace"
    ;;

usdt)
    needs bpftrace
    line=$(lines_of traces.md "bpftrace -e 'usdt:/usr/lib/libgmem-preload.so:gmem:convert" "'")
    [ -n "$line" ] || fail "docs/traces.md has no recipe for bpftrace"
    readelf -n "$library" 2>/dev/null | grep -q 'Provider: gmem' || skip "built without sys/sdt.h"
    for patience in 3 10 30; do # nobody tells when it has attached
        bash -c "exec ${line/\/usr\/lib\/libgmem-preload.so/$library}" >"$folder/seen" 2>"$folder/complaints" &
        watching=$!
        sleep $patience
        [ -d "/proc/$watching" ] || { watching=; skip "bpftrace does not start here: $(grep -vE 'RLIMIT_MEMLOCK|WARNING' "$folder/complaints" | head -1)"; }
        run_program "$gmem" run -- "$program"
        [ $? != 77 ] || { cat "$folder/said"; exit 77; }
        stop
        grep -q '^@\[to private, ' "$folder/seen" && grep -q '^@\[to shared, ' "$folder/seen" && exit 0
    done
    fail "the conversions were not seen"
    ;;

perf)
    needs perf
    line=$(lines_of traces.md 'perf buildid-cache' 'PROGRAM')
    [ -n "$line" ] || fail "docs/traces.md has no recipe for perf"
    readelf -n "$library" 2>/dev/null | grep -q 'Provider: gmem' || skip "built without sys/sdt.h"
    "$gmem" run -- "$program" >"$folder/said" 2>&1
    [ $? != 77 ] || { cat "$folder/said"; exit 77; }
    grep -q sdt_gmem $tracing/uprobe_events 2>/dev/null && skip "somebody else has probes of gmem here"
    trap 'perf probe -d "sdt_gmem:*" >/dev/null 2>&1; rm -rf "$folder"' EXIT
    line=${line//\/usr\/lib\/libgmem-preload.so/$library}
    line=${line/gmem run -- PROGRAM/$gmem run -- $program}
    (cd "$folder" && HOME=$folder timeout 100 bash -c "$line") >"$folder/said" 2>&1 || skip "perf may not probe here: $(grep -iE 'fail|error|denied|permit' "$folder/said" | head -1)"
    seen=$(cd "$folder" && HOME=$folder perf script --comm "$(basename "$program" | cut -c1-15)" 2>/dev/null | grep -c 'sdt_gmem:convert')
    [ "$seen" = "$(said conversions)" ] || fail "conversions: $(said conversions) made, $seen seen"
    ;;

*)
    echo "there is no recipe $recipe" >&2
    exit 1
    ;;
esac

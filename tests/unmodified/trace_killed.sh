#!/usr/bin/env bash
# Usage: trace_killed.sh GMEM TRACED [ROUNDS] — whoever is killed whenever, the trace opens, and has what was done until then.
set -euo pipefail
gmem=$1 traced=$2 rounds=${3:-12}
scratch=$(mktemp -d)
fail() { echo "$*" >&2; exit 1; }

# Of this test: whoever has the round's trace for its session.
pids_in() { sed -nE 's/^ *[^ ]+-([0-9]+) +\[.*: process: .*/\1/p' "$1" | sort -u; }
kill_rest() {
    local pid
    [ -e "$scratch/text" ] || return 0
    for pid in $(pids_in "$scratch/text"); do
        if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -q "^GMEM_SESSION=$scratch/"; then kill -9 "$pid" 2>/dev/null || true; fi
    done
}
trap 'kill_rest; rm -rf "$scratch"' EXIT

for ((round = 0; round < rounds; ++round)); do
    "$gmem" run --trace="$scratch/trace.$round" -- "$traced" forever >/dev/null 2>&1 &
    run=$!
    for ((attempt = 0; attempt < 600; ++attempt)); do # until it is at it
        if "$gmem" trace "$scratch/trace.$round" >"$scratch/text" 2>/dev/null && [ "$(grep -c ': convert: ' "$scratch/text")" -gt $((round * 20)) ]; then break; fi
        sleep 0.05
    done
    program=$(sed -nE 's/^ *[^ ]+-([0-9]+) +\[.*: process: how=began .*/\1/p' "$scratch/text" | head -1)
    [ -n "$program" ] || fail "round $round: nobody began: $(head -5 "$scratch/text")"
    case $((round % 3)) in
    0) kill -9 "$program" ;;
    1) kill -9 "$run" ;;
    2) kill -9 "$run" "$program" || true ;;
    esac
    { wait "$run" || true; } 2>/dev/null
    "$gmem" trace "$scratch/trace.$round" >"$scratch/text" || fail "round $round: the trace does not open"
    [ "$(grep -c ': convert: .* result=0 ' "$scratch/text")" -gt $((round * 20)) ] || fail "round $round: what was there before the kill is gone"
    grep -q ': process: how=forked ' "$scratch/text" || fail "round $round: the forked child is not there"
    tail -1 "$scratch/text" | grep -qE '^# [0-9]+ events' || fail "round $round: no end: $(tail -1 "$scratch/text")"
    # Whoever was killed left at most the event that it was at, and the bytes behind it.
    gaps=$(tail -1 "$scratch/text" | sed -nE 's/.*; ([0-9]+) were begun and never written.*/\1/p')
    [ "${gaps:-0}" -le 16 ] || fail "round $round: $gaps events are missing"
    kill_rest
done

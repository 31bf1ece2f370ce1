#!/usr/bin/env bash
# Configures and builds a tree. Usage: build.sh FOLDER [CMAKE OPTIONS...] [-- TARGETS...]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options+=("$1")
    shift
done
[ $# -gt 0 ] && shift
echo "== building $folder ${options[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake -G Ninja -S . -B "$folder" "${options[@]}" && cmake --build "$folder" ${1:+--target "$@"}; } >"$log" 2>&1; then
    grep -E 'error|Error|FAILED' -A4 "$log" | head -40 >&2 || tail -20 "$log" >&2
    echo "the build of $folder failed" >&2
    exit 1
fi

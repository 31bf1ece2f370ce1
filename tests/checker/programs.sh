#!/usr/bin/env bash
# Unmodified programs leave traces that agree with the specification; their text says the same. Usage: programs.sh GMEM "[OPTIONS --] PROGRAM ARGUMENTS"...
set -uo pipefail
gmem=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
checked=0 failed=0
for command in "$@"; do
    options=()
    [[ $command == *" -- "* ]] && read -ra options <<<"${command%% -- *}"
    read -ra words <<<"${command#* -- }"
    name=$(basename "${words[0]}")
    if [ "$name" = hogger ] && [ ! -w /dev/kvm ]; then
        echo "$name: no /dev/kvm that I may open, so no guest can run"
        continue
    fi
    rm -f "$folder/trace"
    timeout 60 "$gmem" run "${options[@]}" --trace="$folder/trace" -- "${words[@]}" >"$folder/output" 2>&1
    status=$?
    if [ $status = 77 ]; then
        echo "$name: $(tail -1 "$folder/output")"
        continue
    fi
    if [ $status != 0 ]; then
        echo "$name: ended with status $status"
        tail -5 "$folder/output"
        failed=1
        continue
    fi
    if ! "$gmem" check "$folder/trace"; then
        echo "$name: $command"
        failed=1
        continue
    fi
    # Nothing was compared, or the text says something else: then the trace is not worth much.
    "$gmem" check "$folder/trace" | grep -qE ': [1-9][0-9]* events agree' || { echo "$name: nothing was compared"; failed=1; }
    "$gmem" check --write-text "$folder/trace" >"$folder/text" || failed=1
    of_log=$("$gmem" check "$folder/trace" | cut -d: -f2-) of_text=$("$gmem" check "$folder/text" | cut -d: -f2-)
    [ "$of_log" = "$of_text" ] || { echo "$name: the log: $of_log; its text: $of_text"; failed=1; }
    checked=$((checked + 1))
done
[ $failed = 0 ] || exit 1
[ $checked != 0 ] || { echo "no program could run here"; exit 77; }
echo "$checked programs"

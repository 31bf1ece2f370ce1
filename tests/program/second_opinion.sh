#!/usr/bin/env bash
# The same observations of the running kernel's guest_memfd and of gmem's: each difference must be explained. second_opinion.sh GMEM OBSERVE
set -euo pipefail
gmem=$1
observe=$2
explained=$(dirname "$0")/explained.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

status=0
"$observe" >"$scratch/kernel" || status=$?
if [ "$status" = 77 ]; then
    cat "$scratch/kernel"
    exit 77
fi
[ "$status" = 0 ] || { echo "the kernel's own: exit $status" >&2; exit 1; }
"$gmem" run -- "$observe" >"$scratch/gmem" || { echo "under gmem: exit $?" >&2; tail -3 "$scratch/gmem" >&2; exit 1; }

unexplained=0
differences=0
while IFS=$'\t' read -r kernel ours; do
    [ "$kernel" = "$ours" ] && continue
    differences=$((differences + 1))
    known=
    while IFS= read -r line; do
        beginning=${line%% | *}
        what=${kernel#* }
        what=${what#* }
        [[ "$what" == "$beginning"* ]] && known=yes
    done < <(grep -v '^#' "$explained")
    if [ -z "$known" ]; then
        printf 'kernel: %s\n  gmem: %s\n' "$kernel" "$ours" >&2
        unexplained=$((unexplained + 1))
    fi
done < <(paste "$scratch/kernel" "$scratch/gmem")
echo "$(wc -l <"$scratch/kernel") observations, $differences explained differences or less, $unexplained unexplained"
[ "$(wc -l <"$scratch/kernel")" = "$(wc -l <"$scratch/gmem")" ] && [ "$unexplained" = 0 ]

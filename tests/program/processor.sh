#!/usr/bin/env bash
# `gmem run --processor=`: the words that it knows, and what a program then finds. Usage: processor.sh GMEM PROGRAM
set -uo pipefail
gmem=$1 program=$2
said=$("$gmem" run --processor=z80 -- true 2>&1)
[ $? = 125 ] && grep -q 'native or snp or tdx' <<<"$said" || { echo "z80: $said"; exit 1; }
if ! "$program" supported; then
    said=$("$gmem" run --processor=snp -- true 2>&1)
    [ $? = 125 ] && grep -q 'cannot' <<<"$said" || { echo "without support: $said"; exit 1; }
    echo "skipped: CPUID cannot be made to fault here"
    exit 77
fi
for platform in snp tdx; do
    "$gmem" run --processor=$platform -- "$program" $platform || exit 1
    GMEM_PROCESSOR=$platform "$gmem" run -- "$program" $platform || exit 1
done
! "$gmem" run --processor=native -- "$program" tdx 2>/dev/null || { echo "native is not"; exit 1; }

#!/usr/bin/env bash
# Without gmem the example says in one line what the kernel lacks, and it owes nothing to us.
set -euo pipefail
program=$1
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
if [ "$needed" != "libc.so.6 " ]; then
    echo "needs more than libc: $needed" >&2
    exit 1
fi
status=0
said=$("$program" 2>&1 >/dev/null) || status=$?
if [ "$status" = 0 ]; then
    echo "skipped: this kernel has the interface itself"
    exit 77
fi
echo "$said"
[ "$status" = 3 ] && [ "$(echo "$said" | wc -l)" = 1 ]

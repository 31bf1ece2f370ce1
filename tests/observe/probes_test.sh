#!/usr/bin/env bash
# Usage: probes_test.sh LIBGMEM-PRELOAD — every kind that a program can cause is a USDT probe of the library.
set -euo pipefail
library=$1
command -v readelf >/dev/null || { echo "skipped: no readelf"; exit 77; }
if ! echo '#include <sys/sdt.h>' | c++ -E -x c++ - >/dev/null 2>&1; then
    echo "skipped: built without sys/sdt.h"
    exit 77
fi
found=$(readelf -n "$library" | awk '/Provider: gmem/ { getline; print $2 }' | sort -u)
expected=$(printf '%s\n' access allocate bind convert create guest_access host_access hypercall injected kernel_access launch map memory_fault pin policy pre_fault punch recover release \
    silent_peer told unbind unmap unpin vm_attributes)
diff <(sort <<<"$expected") <(echo "$found") || { echo "the probes are not those of the kinds" >&2; exit 1; }
# Twelve arguments each, as docs/traces.md has them.
[ "$(readelf -n "$library" | grep -A3 'Provider: gmem' | awk '/Name: convert/ { getline; getline; print NF - 1; exit }')" = 12 ] || { echo "convert has not twelve arguments" >&2; exit 1; }

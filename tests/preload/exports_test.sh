#!/usr/bin/env bash
# The preload library exports the interposed names and nothing else, and needs libc and nothing else.
set -euo pipefail
library=$1
map=$2

wanted=$(sed -n '/global:/,/local:/p' "$map" | grep -oE '[A-Za-z_][A-Za-z_0-9]*;' | tr -d ';' | sort)
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sort)
if ! diff <(echo "$wanted") <(echo "$exported"); then
    echo "the exports are not those of exports.map" >&2
    exit 1
fi

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
case "$needed" in
'libc.so.6 ' | 'ld-linux-x86-64.so.2 libc.so.6 ') ;;
*) echo "needs more than libc: $needed" >&2; exit 1 ;;
esac

# Nothing that allocates, formats, throws or locks libc may be called from in here.
banned=$(nm -D --undefined-only "$library" | awk '{print $2}' | sed 's/@.*//' | grep -xE 'malloc|calloc|realloc|free|printf|fprintf|snprintf|vsnprintf|_Znwm|_ZdlPv|__cxa_throw|pthread_mutex_lock|abort|exit|fopen|syslog' || true)
if [ -n "$banned" ]; then
    echo "calls what an interposer may not call: $banned" >&2
    exit 1
fi

# Thread-local storage must be initial-exec: reading it in a signal handler may not allocate.
if nm -D --undefined-only "$library" | grep -q __tls_get_addr; then
    echo "uses dynamic thread-local storage" >&2
    exit 1
fi
echo "exports $(echo "$exported" | wc -l) names, needs $needed"

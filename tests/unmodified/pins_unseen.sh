#!/usr/bin/env bash
# Usage: pins_unseen.sh GMEM PROGRAM
set -euo pipefail
with=$("$1" run -- "$2" with 2>&1)
without=$("$1" run -- "$2" 2>&1)
[ "$(grep -c '^gmem: io_uring:' <<<"$with")" = 1 ] && [ "$(grep -c '^gmem: vhost ' <<<"$with")" = 1 ] && [ "$(wc -l <<<"$with")" = 2 ] && [ -z "$without" ] && exit 0
echo "with a guest_memfd: $with" >&2
echo "without: $without" >&2
exit 1

#!/usr/bin/env bash
# gmem doctor: a verdict, a fact and a consequence on each line; the same as JSON.
set -euo pipefail
gmem=$1
lines=$("$gmem" doctor)
if bad=$(grep -vE '^(good|degraded|missing) +[^:]+: .+ - .+$' <<<"$lines"); then
    echo "not a finding: $bad" >&2
    exit 1
fi
for what in kernel /dev/kvm userfaultfd 'window engine' 'opening policy' 'huge pages' 'NUMA nodes'; do
    grep -q " $what: " <<<"$lines" || { echo "nothing about $what" >&2; exit 1; }
done
if command -v python3 >/dev/null; then
    "$gmem" doctor --json | python3 -c 'import json, sys
findings = json.load(sys.stdin)
assert all(set(f) == {"health", "what", "fact", "follows"} and f["health"] in ("good", "degraded", "missing") for f in findings)
assert len(findings) == int(sys.argv[1]), (len(findings), sys.argv[1])' "$(wc -l <<<"$lines")"
fi

#!/usr/bin/env bash
# gmem stats and gmem run --stats: what a program did, counted. Usage: stats_test.sh GMEM RETRYING_VMM DOC
set -uo pipefail
gmem=$(realpath "$1") vmm=$(realpath "$2") doc=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; [ -z "${session:-}" ] || kill "$session" 2>/dev/null' EXIT
failures=0
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}
# is JSON-FILE EXPRESSION: a Python expression over `s` (the statistics) and `f` (the file with most pages)
is() {
    python3 - "$1" "$2" <<'END' || fail "$2"
import json, sys
s = json.load(open(sys.argv[1]))
f = max(s["files"], key=lambda f: f["size"])
if not eval(sys.argv[2]):
    print(json.dumps(s, indent=1), file=sys.stderr)
    sys.exit(1)
END
}

# At the end of a run: a file by its name, and every form.
timeout 60 "$gmem" run --vcpu=scripted --inject eagain:every=4 --inject enomem:nth=5 --stats="$scratch/end.json" -- "$vmm" convert 16 >"$scratch/out" 2>"$scratch/err" || fail "run --stats"
refusals=$(grep -c . "$scratch/out")
[ "$refusals" -gt 3 ] || fail "too few refusals to count"
is "$scratch/end.json" "f['size'] == 64 * 4096 and f['shared'] == f['size'] and f['private'] == 0"
is "$scratch/end.json" "f['high'] == {'shared': 64 * 4096, 'private': 4 * 4096, 'allocated': f['high']['allocated']} and 0 < f['high']['allocated'] <= 64 * 4096"
is "$scratch/end.json" "f['to_private'] == {'conversions': 16, 'bytes': 16 * 16384, 'by_size': [{'bytes_at_least': 16384, 'conversions': 16}]} and f['to_shared'] == f['to_private']"
is "$scratch/end.json" "f['refused'] == $refusals and f['eagain'] == $(grep -c EAGAIN "$scratch/out") and f['enomem'] == $(grep -c ENOMEM "$scratch/out")"
is "$scratch/end.json" "f['two_sources'] == {'kept': 68 * 4096, 'given_back': f['high']['allocated'] + 16384, 'copied': 32 * 16384}"
is "$scratch/end.json" "s['files_not_counted'] == 0 and s['events']['dropped'] == 0 and s['command'].endswith('convert 16')"
timeout 60 "$gmem" run --vcpu=scripted --stats -- "$vmm" convert 3 2>"$scratch/text" || fail "--stats as text"
grep -q '^  conversions      3 to private (48 KiB), 3 to shared (48 KiB); 0 found' "$scratch/text" || fail "text: $(cat "$scratch/text")"
timeout 60 "$gmem" run --vcpu=scripted --stats="$scratch/x" --stats-format prometheus -- "$vmm" convert 3 || fail "--stats-format"
grep -q '^gmem_conversions_to_private_total{file="[0-9]*"} 3$' "$scratch/x" || fail "prometheus: $(cat "$scratch/x")"

# Exits: 4 halts, and what was injected.
timeout 60 "$gmem" run --vcpu=scripted --inject seed=1 --inject request:times=3,range=0x1000000:0x1000,exit=hypercall --inject request:times=2,range=0x1000000:0x1000 --stats="$scratch/exits.json" -- \
    "$vmm" run 4 >"$scratch/out" 2>/dev/null || fail "run 4"
is "$scratch/exits.json" "s['exits']['halt'] == 4 and s['exits']['hypercall'] == 3 and s['exits']['memory_fault'] == 2"
is "$scratch/exits.json" "f['requests'] == 3 and f['memory_faults'] == 2"
timeout 60 "$gmem" run --vcpu=scripted --stats="$scratch/launch.json" -- "$vmm" launch >/dev/null || fail "launch"
is "$scratch/launch.json" "f['launched_pages'] == 16 and f['platform'] == 'snp'"

# A fork's child, and one program after the other, in one session; a file that is gone keeps its numbers.
timeout 60 "$gmem" run --vcpu=scripted --stats="$scratch/two.json" -- sh -c '"$0" convert 2 && "$0" convert 3' "$vmm" || fail "two programs"
is "$scratch/two.json" "sum(f['to_private']['conversions'] for f in s['files']) + s['past']['to_private']['conversions'] == 5"
# More files than there are places.
timeout 120 "$gmem" run --vcpu=scripted --stats="$scratch/many.json" -- sh -c 'i=0; while [ $i -lt 260 ]; do "$0" once 1 || exit 1; i=$((i + 1)); done' "$vmm" >/dev/null || fail "260 programs"
is "$scratch/many.json" "s['files_not_counted'] == 0 and s['past']['files'] >= 4 and sum(f['to_private']['conversions'] for f in s['files']) + s['past']['to_private']['conversions'] == 260"

# While it runs: by process, by session, as a collector wants it.
mkfifo "$scratch/go"
"$gmem" run --vcpu=scripted -- "$vmm" big <"$scratch/go" >"$scratch/out" 2>"$scratch/err" &
session=$!
exec 3>"$scratch/go"
for _ in $(seq 200); do
    grep -q ready "$scratch/out" && break
    sleep 0.1
done
program=$(pgrep -P "$session" | head -1)
"$gmem" stats --pid "$program" --format json >"$scratch/live.json" || fail "stats --pid"
is "$scratch/live.json" "f['size'] == 1 << 30 and f['private'] == (1 << 30) - (3 << 20) and f['shared'] == 3 << 20 and f['high']['private'] == 1 << 30"
is "$scratch/live.json" "f['to_shared']['bytes'] == 3 << 20 and f['allocated'] >= 8 << 20"
is "$scratch/live.json" "f['to_shared']['by_size'] == [{'bytes_at_least': 1 << 20, 'conversions': 1}, {'bytes_at_least': 2 << 20, 'conversions': 1}]"
path=$(tr '\0' '\n' <"/proc/$program/environ" | sed -n 's/^GMEM_SESSION=//p')
"$gmem" stats --session "$path" --output "$scratch/gmem.prom" || fail "stats --session"
grep -q '^gmem_private_bytes{file="[0-9]*"} 1070596096$' "$scratch/gmem.prom" || fail "the collector's file"
grep -q '^gmem_conversion_size_bytes_bucket{file="[0-9]*",to="shared",le="2093056"} 1$' "$scratch/gmem.prom" || fail "buckets"
grep -q '^gmem_conversion_size_bytes_bucket{file="[0-9]*",to="shared",le="+Inf"} 2$' "$scratch/gmem.prom" || fail "the last bucket"
[ "$(ls "$scratch" | grep -c '\.new$')" = 0 ] || fail "something is left beside the file"
if command -v promtool >/dev/null; then
    promtool check metrics <"$scratch/gmem.prom" || fail "promtool"
fi
# Every metric has its head once, before its values.
python3 - "$scratch/gmem.prom" <<'END' || fail "the exposition format"
import re, sys
types, samples = {}, set()
for line in open(sys.argv[1]):
    if line.startswith("# TYPE "):
        name, kind = line.split()[2:]
        assert name not in types, name
        types[name] = kind
    elif not line.startswith("#"):
        m = re.fullmatch(r'([a-z_]+)(\{([a-z]+="[^"]*",?)+\})? (\d+)\n', line)
        assert m, line
        name = m[1] if m[1] in types else re.sub(r"_(bucket|sum|count)$", "", m[1])
        assert name in types and (types[name] != "counter" or name.endswith("_total")), line
        assert (m[1], m[2]) not in samples, line
        samples.add((m[1], m[2]))
assert len(types) > 20
END
"$gmem" top --pid "$program" --once --interval 100 >"$scratch/top" || fail "top --once"
grep -q '1 GiB \[' "$scratch/top" || fail "top: $(cat "$scratch/top")"
"$gmem" top --pid "$program" </dev/null >"$scratch/top" 2>&1 && fail "top without a terminal"
grep -q 'top --once' "$scratch/top" || fail "top without a terminal says what to do"
# The document's examples, on this session.
sed -n 's/^    gmem \(stats\|top --once\)/\1/p' "$doc" >"$scratch/examples"
[ "$(grep -c . "$scratch/examples")" -ge 3 ] || fail "the document has no examples"
while IFS= read -r words; do
    (cd "$scratch" && eval "\"$gmem\" ${words//PID/$program}" >"$scratch/out2" 2>&1) || fail "the document's: gmem $words: $(cat "$scratch/out2")"
done <"$scratch/examples"
exec 3>&-
wait "$session" || fail "the program"
session=

# Refusals.
"$gmem" stats --pid $$ 2>"$scratch/err" && fail "a process without a session"
grep -q 'is in no session' "$scratch/err" || fail "a process without a session, no sentence"
"$gmem" stats --session /dev/null 2>/dev/null && fail "/dev/null is no session"
"$gmem" stats --format xml 2>"$scratch/err"
[ $? = 2 ] && grep -q 'text or json or prometheus' "$scratch/err" || fail "another format"
"$gmem" run --observe=off --stats -- true 2>/dev/null && fail "--stats without a session"

[ "$failures" = 0 ] && echo "stats: all as expected"
exit $((failures != 0))

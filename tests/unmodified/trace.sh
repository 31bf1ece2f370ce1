#!/usr/bin/env bash
# Usage: trace.sh GMEM TRACED — the trace of a program that is known has exactly the events that are expected, in their order, and is printed as documented.
set -euo pipefail
gmem=$1 traced=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "$*" >&2; exit 1; }

"$gmem" run --report=off --trace="$scratch/trace" -- "$traced"
"$gmem" trace "$scratch/trace" >"$scratch/text"

# What differs from run to run: inodes, addresses, durations.
grep -v '^#' "$scratch/text" | grep -vE ': (process|module|recover):' | sed -E 's/^.* [0-9]+\.[0-9]{9}: //; s/ took=[0-9]+ns//; s/file=[0-9]+/file=F/; s/(hva|userspace_addr|instruction|context|token)=0x[0-9a-f]+/\1=A/g' >"$scratch/seen"
cat >"$scratch/expected" <<'TEXT'
create: file=F offset=0x0 size=65536 initial=shared profile=mainline flags=0x3 platform=sw_protected vm=1 private_memory=1 tracker=files result=FD
create: offset=0x0 size=4097 initial=private profile=mainline flags=0x0 platform=sw_protected vm=1 private_memory=1 tracker=files result=-EINVAL
map: file=F offset=0x0 size=65536 hva=A protection=3 result=0
map: file=F offset=0x0 size=4096 hva=A protection=1 result=-EINVAL
bind: file=F offset=0x0 size=65536 slot=2 gpa=0x100000 vm=1 userspace_addr=A flags=0x4 result=0
bind: offset=0x0 size=65536 slot=2 gpa=0x100000 vm=1 userspace_addr=A flags=0x4 result=-EINVAL
convert: file=F offset=0x1000 size=8192 to=private flags=0x0 effect=none attributes=0x8 reserved=0x0 result=0
convert: file=F offset=0x1000 size=100 to=private flags=0x0 effect=none why=bad_argument attributes=0x8 reserved=0x0 error_offset=0x0 result=-EINVAL
access: file=F offset=0x1005 size=1 write=1 place=private hva=A instruction=A handled=1 context=A result=0
kernel_access: file=F offset=0x2000 size=1 place=private hva=A result=-EFAULT
pin: file=F offset=0x4000 size=4096 kind=pipe token=A result=0
convert: file=F offset=0x0 size=65536 to=private flags=0x0 effect=none why=page_in_use attributes=0x8 reserved=0x0 error_offset=0x4000 result=-EAGAIN
unpin: file=F offset=0x0 size=0 kind=pipe token=A result=0
convert: file=F offset=0x1000 size=8192 to=shared flags=0x0 effect=none attributes=0x0 reserved=0x0 result=0
allocate: file=F offset=0x0 size=4096 mode=0x1 result=0
punch: file=F offset=0x0 size=8192 mode=0x3 result=0
allocate: file=F offset=0x0 size=4096 mode=0x0 result=-EOPNOTSUPP
unbind: file=F offset=0x0 size=65536 slot=2 gpa=0x100000 vm=1 result=0
unmap: file=F offset=0x0 size=65536 hva=A result=0
release: file=F offset=0x0 size=65536 result=0
TEXT
sed -i -E 's/(^create: file=F .*)result=[0-9]+$/\1result=FD/' "$scratch/seen"
diff "$scratch/expected" "$scratch/seen" || fail "the trace is not what the program did"

# The form of a line, the names, and the end.
grep -qE '^ +traced-[0-9]+ +\[[0-9]+\] +[0-9]+\.[0-9]{9}: convert: file=' "$scratch/text" || fail "a line is not TASK-PID [THREAD] TIME: EVENT: FIELDS"
grep -qE ': process: how=began parent=[0-9]+ name=.*/traced$' "$scratch/text" || fail "the process is not named"
grep -q "^# gmem run -- $traced" "$scratch/text" || fail "the command is not told"
tail -1 "$scratch/text" | grep -qE '^# [0-9]+ events$' || fail "a whole trace has gaps: $(tail -1 "$scratch/text")"
[ "$(grep -cv '^#' "$scratch/text")" = "$(tail -1 "$scratch/text" | sed -E 's/[^0-9]//g')" ] || fail "lines and events differ"

# For Perfetto: JSON, with every call on its thread's track and on the file's.
"$gmem" trace --perfetto -o "$scratch/json" "$scratch/trace"
if command -v python3 >/dev/null; then
    python3 - "$scratch/json" <<'PYTHON'
import json, sys
trace = json.load(open(sys.argv[1]))
events = trace["traceEvents"]
assert "traced" in trace["otherData"]["command"]
names = {e["pid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
conversions = [e for e in events if e["name"].startswith("to ")]
assert len(conversions) == 2 * 4, len(conversions)
assert sorted({names[e["pid"]].split()[0] for e in conversions}) == ["guest_memfd", "traced"], names
assert all(e["ph"] == "X" and e["dur"] > 0 for e in conversions)
refused = [e for e in conversions if e["args"]["result"] == -11]
assert len(refused) == 2 and refused[0]["args"]["error_offset"] == "0x4000", refused
assert any(e["ph"] == "i" and e["name"] == "access" for e in events)
PYTHON
fi

# What is no trace is told in one sentence.
expect() { # PATTERN FILE
    local said status=0
    said=$("$gmem" trace "$2" 2>&1 >/dev/null) || status=$?
    [ "$status" = 2 ] || fail "$2: exit status $status"
    [ "$(wc -l <<<"$said")" = 1 ] && grep -q "$1" <<<"$said" || fail "$2: $said"
}
: >"$scratch/empty"
head -c 100 "$scratch/trace" >"$scratch/short"
head -c 1000000 /dev/zero >"$scratch/zeros"
{ printf 'gemlog99'; tail -c +9 "$scratch/trace"; } >"$scratch/newer"
{ head -c 12 "$scratch/trace"; head -c 1000000 /dev/zero; } >"$scratch/odd"
expect 'No such file' "$scratch/nowhere"
expect ': empty' "$scratch/empty"
expect 'too short' "$scratch/short"
expect 'not a trace of' "$scratch/zeros"
expect 'another version' "$scratch/newer"
expect 'what cannot be' "$scratch/odd"
expect 'not an ordinary file' /dev/null
# One that was cut is shown as far as it goes.
head -c $(($(stat -c %s "$scratch/trace") - 1000)) "$scratch/trace" >"$scratch/cut"
"$gmem" trace "$scratch/cut" | grep -q ': process: ' || fail "a trace that was cut shows nothing"

#!/usr/bin/env bash
# A debugger on a program under gmem, and core files of it: made by the kernel, made by gdb. No private byte in any of them.
# watched.sh GMEM WATCHED
set -euo pipefail
gmem=$1
watched=$2
command -v gdb >/dev/null || { echo "skipped: no gdb"; exit 77; }
scratch=$(mktemp -d)
children=()
trap 'for c in "${children[@]}"; do kill -9 "$c" 2>/dev/null || true; done; rm -rf "$scratch"' EXIT
cd "$scratch"
fail() { echo "$1" >&2; exit 1; }
secret="Secret of the guest"

status=0
"$gmem" run -- "$watched" run >run.log 2>&1 || status=$?
[ "$status" = 77 ] && { cat run.log; exit 77; }
[ "$status" = 0 ] || { cat run.log >&2; fail "watched alone: $status"; }

# Is the secret where it should be, and found by what searches for it below?
if grep -q "$secret" "$watched"; then fail "the secret is in the program itself: this test proves nothing"; fi

# A breakpoint, the debugger's view of a private and of a shared page, one SIGBUS of the program's own.
preload=$("$gmem" run -- env | sed -n 's/^LD_PRELOAD=//p')
gdb -batch -nx -ex "set environment LD_PRELOAD $preload" -ex 'set startup-with-shell off' -ex 'handle SIGBUS stop print pass' \
    -ex 'break stop' -ex run -ex 'x/1bx (char *)window' -ex 'x/1bc (char *)window + 8192' -ex 'x/1bx (char *)window + 4096' \
    -ex continue -ex 'print $_siginfo.si_signo' -ex continue --args "$watched" run >gdb.log 2>&1 </dev/null || true
grep -qE 'Breakpoint 1(\.1)?, ' gdb.log || { cat gdb.log >&2; fail "the breakpoint was not met"; }
grep -q 'Cannot access memory at address' gdb.log || { cat gdb.log >&2; fail "the debugger could read a private page through a window"; }
grep -q "120 'x'" gdb.log || { cat gdb.log >&2; fail "the debugger could not read a shared page"; }
[ "$(grep -c 'received signal SIGBUS' gdb.log)" = 1 ] || { cat gdb.log >&2; fail "not exactly one SIGBUS"; }
grep -q 'watched: ok' gdb.log || { cat gdb.log >&2; fail "the program did not end well under gdb"; }

# gcore.
"$gmem" run -- "$watched" wait >wait.log &
children+=($!)
for _ in $(seq 100); do grep -q waiting wait.log && break; sleep 0.1; done
gdb -batch -nx -p "${children[0]}" -ex 'gcore attached.core' >gcore.log 2>&1 </dev/null || true
kill -9 "${children[0]}"
wait "${children[0]}" 2>/dev/null || true
if [ -s attached.core ]; then
    if grep -qa "$secret" attached.core; then fail "gdb's core file holds private bytes"; fi
else
    echo "gdb wrote no core file here"
fi

# The kernel's own.
made=no
for how in abort violate; do
    rm -f core core.*
    (ulimit -c unlimited; exec "$gmem" run -- "$watched" "$how") >/dev/null 2>&1 || true
    for file in core core.*; do
        [ -s "$file" ] || continue
        made=yes
        if grep -qa "$secret" "$file"; then fail "the core file ($how) holds private bytes"; fi
        gdb -batch -nx -ex bt "$watched" "$file" 2>/dev/null | grep -q main || fail "the core file ($how) cannot be used"
    done
done
echo "gdb: ok; gcore: $(stat -c %s attached.core 2>/dev/null || echo none) bytes; core files of the kernel: $made"

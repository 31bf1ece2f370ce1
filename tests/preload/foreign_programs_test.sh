#!/usr/bin/env bash
# Programs that never heard of guest_memfd behave the same with the library loaded: same output, same exit status.
set -euo pipefail
library=$1
status=0

compare() {
    local name=$1
    shift
    local plain loaded plain_status=0 loaded_status=0
    plain=$("$@" 2>&1) || plain_status=$?
    loaded=$(LD_PRELOAD="$library" "$@" 2>&1) || loaded_status=$?
    if [ "$plain" != "$loaded" ] || [ "$plain_status" != "$loaded_status" ]; then
        echo "$name differs: status $plain_status/$loaded_status" >&2
        diff <(echo "$plain") <(echo "$loaded") | head -5 >&2
        status=1
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
seq 1 20000 >"$scratch/numbers"

compare ls ls -l /usr
compare sort sort -rn "$scratch/numbers"
compare tar tar cf - -C /usr/share/common-licenses . --sort=name
compare shell bash -c 'exec 9<"$0"; read -r x <&9; exec 9<&-; echo "$x"; (exit 7)' "$scratch/numbers"
compare pipeline bash -c 'cat "$0" | head -3 | wc -l; kill -TERM $$' "$scratch/numbers"
compare false false
compare grep grep -c 7 "$scratch/numbers"
if command -v git >/dev/null; then
    compare git git -c init.defaultBranch=main init -q "$scratch/repository"
    rm -rf "$scratch/repository"
fi
if command -v python3 >/dev/null; then
    compare python python3 -c 'import mmap, os, subprocess
m = mmap.mmap(-1, 8192); m[0] = 7
r, w = os.pipe(); os.write(w, b"x"); print(os.read(r, 1), m[0])
print(subprocess.run(["true"], close_fds=True).returncode)
pid = os.fork()
if pid == 0: os._exit(3)
print(os.waitpid(pid, 0)[1])'
fi
if command -v cc >/dev/null; then
    printf 'int main(void) { return 42; }\n' >"$scratch/a.c"
    compare cc cc -o "$scratch/a" "$scratch/a.c"
    compare compiled "$scratch/a"
fi

# Whole programs, by what they leave behind and how they end.
if command -v git >/dev/null; then
    git -c init.defaultBranch=main init -q "$scratch/origin"
    for i in 1 2 3; do
        echo "$i" >"$scratch/origin/file$i"
        git -C "$scratch/origin" add . && git -C "$scratch/origin" -c user.name=n -c user.email=e commit -q -m "commit $i"
    done
    cloned() { rm -rf "$scratch/clone" && git clone -q "$scratch/origin" "$scratch/clone" && git -C "$scratch/clone" log --format=%H%s --stat && git -C "$scratch/clone" fsck --full; }
    export -f cloned && export scratch
    compare clone bash -c cloned
    compare gc git -C "$scratch/origin" gc -q
fi
if command -v gdb >/dev/null && [ -x "$scratch/a" ]; then
    debugged() { gdb -batch -nx -ex 'set startup-with-shell off' -ex 'break main' -ex run -ex 'print 6*7' -ex 'info registers rip' -ex continue "$1" 2>&1 | sed 's/process [0-9]*/process N/'; }
    export -f debugged
    compare gdb bash -c 'debugged "$0"' "$scratch/a"
fi
if command -v cmake >/dev/null && command -v cc >/dev/null; then
    mkdir "$scratch/project"
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(tiny C)\nadd_executable(tiny tiny.c)\n' >"$scratch/project/CMakeLists.txt"
    printf '#include <stdio.h>\nint main(void) { puts("tiny"); return 5; }\n' >"$scratch/project/tiny.c"
    built() { rm -rf "$scratch/build" && cmake -S "$scratch/project" -B "$scratch/build" >/dev/null && cmake --build "$scratch/build" -j2 >/dev/null && "$scratch/build/tiny"; }
    export -f built
    compare cmake bash -c built
fi
# The parts of Python that lean on signals, memory, descriptors and children hardest.
if command -v python3 >/dev/null && python3 -c 'import test.test_mmap, test.test_signal' 2>/dev/null; then
    for module in test_mmap test_signal.PosixTests test_signal.PendingSignalsTests test_signal.WakeupFDTests test_fcntl test_threadsignals; do
        ended() { (cd "$scratch" && timeout 120 python3 -m unittest -q "test.$1" >/dev/null 2>&1); echo "$1: $?"; }
        export -f ended
        compare "python $module" bash -c 'ended "$0"' "$module"
    done
fi
exit "$status"

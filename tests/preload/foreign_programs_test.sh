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
exit "$status"

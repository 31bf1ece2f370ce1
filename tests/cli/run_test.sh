#!/usr/bin/env bash
# gmem run: what passes through, and what is refused with which status and how many words.
set -uo pipefail
gmem=$1 cc=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect STATUS LINES PATTERN COMMAND...: the exit status, the number of lines on standard error (or any), and a pattern that they match
expect() {
    local want=$1 lines=$2 pattern=$3 status=0
    shift 3
    "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    if [ "$status" != "$want" ] || { [ "$lines" != any ] && [ "$(wc -l <"$scratch/err")" != "$lines" ]; } || { [ -n "$pattern" ] && ! grep -q -e "$pattern" "$scratch/err" "$scratch/out"; }; then
        echo "expected status $want, $lines lines, \"$pattern\"; got $status: $*" >&2
        cat "$scratch/err" "$scratch/out" >&2
        failures=$((failures + 1))
    fi
}

# What is the program's stays the program's.
expect 7 0 '' "$gmem" run -- sh -c 'exit 7'
expect 143 0 '' bash -c '"$0" run -- sh -c "kill -TERM \$\$"' "$gmem"
expect 0 0 '^hello$' "$gmem" run echo hello
expect 0 0 '^--help -- y$' "$gmem" run -- sh -c 'echo "$@"' _ --help -- y
expect 0 0 '^-x -- y$' "$gmem" run sh -c 'echo "$@"' _ -x -- y
expect 0 0 '^typed$' bash -c 'echo typed | "$0" run -- cat' "$gmem"
expect 0 0 'libgmem-preload.so:/lib/other.so' bash -c 'LD_PRELOAD=/lib/other.so "$0" run -- sh -c "echo \$LD_PRELOAD" 2>/dev/null' "$gmem"

# Numbers.
expect 0 0 '^250$' "$gmem" run --peer-timeout 250 -- sh -c 'echo $GMEM_PEER_TIMEOUT'
expect 125 1 'milliseconds' "$gmem" run --peer-timeout 0 -- true
expect 125 1 'milliseconds' env GMEM_PEER_TIMEOUT=soon "$gmem" run -- true

# Programs that cannot be found, executed, or reached.
expect 127 1 'no such program' "$gmem" run -- no-such-program-anywhere
: >"$scratch/plain"
expect 126 1 'permission' "$gmem" run -- "$scratch/plain"
chmod +x "$scratch/plain"
expect 125 1 'neither' "$gmem" run -- "$scratch/plain"
echo 'int main(void) { return 0; }' >"$scratch/main.c"
if "$cc" -static -o "$scratch/static" "$scratch/main.c" 2>/dev/null; then
    expect 125 1 'statically linked' "$gmem" run -- "$scratch/static"
fi
if command -v musl-gcc >/dev/null && musl-gcc -o "$scratch/musl" "$scratch/main.c" 2>/dev/null; then
    expect 125 1 'musl' "$gmem" run -- "$scratch/musl"
else
    echo "no musl compiler: the musl program was not tried"
fi
"$cc" -o "$scratch/ordinary" "$scratch/main.c"
expect 0 0 '' "$gmem" run -- "$scratch/ordinary"
# Another architecture: the same file with another machine in its header (e_machine stands at byte 18).
cp "$scratch/ordinary" "$scratch/arm"
printf '\xb7' | dd of="$scratch/arm" bs=1 seek=18 conv=notrunc 2>/dev/null
expect 125 1 'another architecture' "$gmem" run -- "$scratch/arm"
head -c 100 "$scratch/ordinary" >"$scratch/cut"
chmod +x "$scratch/cut"
expect 125 1 'neither' "$gmem" run -- "$scratch/cut"
if [ "$(id -u)" = 0 ]; then
    cp "$scratch/ordinary" "$scratch/setuid"
    chown 65534 "$scratch/setuid"
    chmod u+s "$scratch/setuid"
    expect 125 1 'setuid' "$gmem" run -- "$scratch/setuid"
else
    echo "not root: the setuid program was not tried"
fi
printf '#!/bin/sh\nexit 9\n' >"$scratch/script"
chmod +x "$scratch/script"
expect 9 0 '' "$gmem" run -- "$scratch/script"
if [ -x "$scratch/static" ]; then
    printf '#!%s\n' "$scratch/static" >"$scratch/script"
    expect 125 1 'statically linked' "$gmem" run -- "$scratch/script"
fi

# Words that are not known.
expect 125 1 'userfaultfd or overlay' "$gmem" run --window-engine=magic -- true
expect 125 1 'userfaultfd or overlay' env GMEM_WINDOW_ENGINE=magic "$gmem" run -- true
expect 125 1 'installed or native' "$gmem" run --window-opening magic -- true
expect 125 1 'on or off' "$gmem" run --hugepages=magic -- true
expect 125 1 'on or off' env GMEM_HUGEPAGES=1 "$gmem" run -- true
expect 0 0 '^on$' "$gmem" run --hugepages -- sh -c 'echo $GMEM_HUGEPAGES'
expect 0 0 '^on$' "$gmem" run --hugepages sh -c 'echo $GMEM_HUGEPAGES'
expect 0 0 '^off$' env GMEM_HUGEPAGES=on "$gmem" run --hugepages=off -- sh -c 'echo $GMEM_HUGEPAGES'
expect 125 1 'GMEM_IN_PLACE=perhaps is not known: use on or off' "$gmem" run --in-place=perhaps -- true
expect 125 1 'use on or off' env GMEM_IN_PLACE=1 "$gmem" run -- true
expect 125 1 'use on or off' "$gmem" run --vm-attributes no -- true
expect 0 0 '^off on$' "$gmem" run --in-place off --vm-attributes=on sh -c 'echo $GMEM_IN_PLACE $GMEM_VM_ATTRIBUTES'
expect 125 1 'GMEM_VCPU=virtual is not known: use real or scripted' "$gmem" run --vcpu=virtual -- true
expect 0 0 '^scripted$' "$gmem" run --vcpu scripted sh -c 'echo $GMEM_VCPU'
expect 125 1 'GMEM_UAPI=v9 is not known: use mainline or v8 or may1 or rfc-v5 or rfc-v4 or feb' "$gmem" run --uapi=v9 -- true
expect 125 1 'GMEM_UAPI=v9 is not known' env GMEM_UAPI=v9 "$gmem" run -- true
expect 0 0 '^rfc-v5 feb$' env GMEM_UAPI=rfc-v5 "$gmem" run sh -c "echo \$GMEM_UAPI \$($gmem run --uapi feb sh -c 'echo \$GMEM_UAPI')"
expect 125 1 'use auto or sw_protected or snp or tdx or pkvm or cca' "$gmem" run --platform=sev -- true
expect 125 1 'GMEM_PLATFORM=sev is not known' env GMEM_PLATFORM=sev "$gmem" run -- true
expect 0 0 '^cca$' "$gmem" run --platform cca sh -c 'echo $GMEM_PLATFORM'
expect 125 1 'GMEM_PLATFORM_OPTIONS: tdx-removed=ones is not known: use tdx-removed=zeros or ' "$gmem" run --platform-option tdx-removed=ones -- true
expect 125 1 'what is not known' env GMEM_PLATFORM_OPTIONS=cca-wiped=noise,what "$gmem" run -- true
expect 0 0 '^cca-wiped=noise,tdx-removed=poison,tdx-pending=exit$' env GMEM_PLATFORM_OPTIONS=cca-wiped=noise "$gmem" run --platform-option tdx-removed=poison --platform-option=tdx-pending=exit \
    sh -c 'echo $GMEM_PLATFORM_OPTIONS'
expect 125 1 'capability=0 is not known: use .* or capability=NUMBER' "$gmem" run --uapi-option=capability=0 -- true
expect 125 1 'use no-policy=zero or no-policy=refused' "$gmem" run --uapi-option=no-policy=maybe -- true
expect 0 0 '^no-policy=refused$' "$gmem" run --uapi=feb --uapi-option no-policy=refused sh -c 'echo $GMEM_UAPI_OPTIONS'
expect 125 1 '' "$gmem" run --no-such-option -- true
expect 125 1 'needs a program' "$gmem" run
expect 2 1 '' "$gmem" fly
expect 2 any 'doctor' "$gmem"
expect 0 0 '^gmem [0-9]' "$gmem" --version
expect 0 0 'doctor' "$gmem" --help

# Sanitizer programs want their runtime first.
if "$cc" -fsanitize=address -o "$scratch/asan" "$scratch/main.c" 2>/dev/null; then
    expect 0 0 '' "$gmem" run -- "$scratch/asan"
fi
exit "$failures"

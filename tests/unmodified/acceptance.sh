#!/usr/bin/env bash
# Runs every disturbance of soak for a long time, on both ways of opening, and a large interleaved file; prints a table.
# Usage: acceptance.sh [SECONDS=60]. As root, "memory" runs in a cgroup of 128 MiB with swap on zram.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
gmem=build/bin/gmem
soak=build/bin/soak
status=0

cgroup='' swap=''
cleanup() {
    [ -z "$swap" ] || { swapoff "$swap" && echo 1 >/sys/block/zram0/reset; } 2>/dev/null || true
    [ -z "$cgroup" ] || rmdir "$cgroup" 2>/dev/null || true
}
trap cleanup EXIT

prepare_pressure() {
    [ "$(id -u)" = 0 ] || { echo "memory: not root, so no cgroup of 128 MiB can be made"; return 1; }
    if [ -e /sys/block/zram0/disksize ] && [ "$(cat /sys/block/zram0/disksize)" = 0 ]; then
        echo 1G >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 && swap=/dev/zram0
    fi
    [ -n "$swap" ] || { echo "memory: no zram device is free for swap"; return 1; }
    if [ -d /sys/fs/cgroup/memory ]; then
        cgroup=/sys/fs/cgroup/memory/gmem-acceptance
        mkdir -p "$cgroup" && echo $((128 << 20)) >"$cgroup/memory.limit_in_bytes"
    else
        cgroup=/sys/fs/cgroup/gmem-acceptance
        mkdir -p "$cgroup" && echo $((128 << 20)) >"$cgroup/memory.max"
    fi
}

run() {
    local opening=$1 disturbance=$2
    shift 2
    printf '%-10s ' "$opening"
    if ! "$@" "$gmem" run --window-engine=userfaultfd --window-opening="$opening" -- "$soak" "$seconds" "$disturbance" "$RANDOM" 2>&1; then
        status=1
    fi
}

for opening in installed native; do
    for disturbance in none pageout collapse punch mlock mlockall closefrom blocked; do
        run "$opening" "$disturbance"
    done
done
if prepare_pressure; then
    for opening in installed native; do
        # 96 MiB of guest memory and a hog of 160 MiB in 128 MiB.
        printf '%-10s ' "$opening"
        bash -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' _ "$cgroup" "$gmem" run --window-engine=userfaultfd --window-opening="$opening" -- "$soak" "$seconds" memory 7 96 || status=1
        grep -E '^(pswpout)' /proc/vmstat
    done
fi
for opening in installed native; do
    printf '%-10s ' "$opening"
    "$gmem" run --window-engine=userfaultfd --window-opening="$opening" -- build/bin/interleaved 8192 || status=1
done
exit "$status"

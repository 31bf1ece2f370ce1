#!/usr/bin/env bash
# The hogger for a long time on every platform, its VMM under ASan and UBSan. Not part of ./test.sh.
#
# Usage: long.sh [SECONDS PLATFORM...]; default: 3600 seconds on each of sw_protected snp tdx pkvm cca.
# Environment: VCPUS (4), SIZE in MiB (128), SEED (the clock), SANITIZE=off for a VMM without sanitizers, BUILD (build).
# TRACE=FOLDER: every run is traced there, and its trace is checked against the executable specification.
# Stops at the first platform that is not right. A run that is not over two minutes and a half after its time hangs.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-3600}
[ $# -gt 0 ] && shift
platforms=("$@")
[ ${#platforms[@]} -gt 0 ] || platforms=(sw_protected snp tdx pkvm cca)
build=${BUILD:-build} seed=${SEED:-$(date +%s)}
if [ ! -w /dev/kvm ]; then
    echo "no /dev/kvm that I may open, so no guest can run" >&2
    exit 77
fi
vmm=$([ "${SANITIZE:-on}" = on ] && echo hogger_sanitized || echo hogger)
scripts/build.sh "$build" -- gmem_cli gmem-preload gmem-crypto "$vmm"

shared_memory() { awk '/^Shmem:/ { print $2 }' /proc/meminfo; }
for platform in "${platforms[@]}"; do
    echo
    echo "== $platform for $seconds s, $(date +%H:%M:%S); shared memory of the machine: $(shared_memory) KiB"
    options=(--platform="$platform")
    [ -z "${TRACE:-}" ] || options+=(--report=off --trace="$TRACE/$platform.trace")
    timeout --kill-after=10 $((seconds + 150)) "$build/bin/gmem" run "${options[@]}" -- "$build/bin/$vmm" --platform="$platform" --seconds="$seconds" --vcpus="${VCPUS:-4}" --size="${SIZE:-128}" --seed="$seed"
    [ -z "${TRACE:-}" ] || "$build/bin/gmem" check "$TRACE/$platform.trace"
    echo "== right; shared memory of the machine: $(shared_memory) KiB"
    seed=$((seed + 1))
done

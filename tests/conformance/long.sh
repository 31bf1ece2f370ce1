#!/usr/bin/env bash
# The long run: generated operations against the specification. Usage: long.sh [COUNT] [SEED] [BUILD FOLDER]
# COUNT (default 10 million) against gmem in the process, a tenth of it under the other engines, with huge pages, preloaded under each
# engine, and on the running kernel. LONG_PARTS, if set, names the ones to run: library engines hugepages preloaded kernel.
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-10000000}
seed=${2:-1}
bin=${3:-build/bin}
parts=${LONG_PARTS:-library engines hugepages preloaded kernel}
export GMEM_PEER_TIMEOUT=20000 # a busy machine is no difference: nobody is stopped in these sequences
engines='userfaultfd:installed userfaultfd:native overlay:automatic'

part() { [[ " $parts " == *" $1 "* ]]; }
library() { "$bin/generated_library" --count "$@" --seed "$seed"; }
preloaded() { "$bin/gmem" run -- "$bin/generated_kernel" --count $((count / 10)) --seed "$seed"; }
each_engine() {
    local e
    for e in $engines; do
        echo "== $e"
        GMEM_WINDOW_ENGINE=${e%:*} GMEM_WINDOW_OPENING=${e#*:} "$@"
    done
}

if part library; then library "$count"; fi
if part engines; then each_engine library $((count / 10)); fi
if part hugepages; then GMEM_HUGEPAGES=on each_engine library $((count / 10)); GMEM_HUGEPAGES=on preloaded; fi
if part preloaded; then each_engine preloaded; fi
if part kernel; then
    status=0
    "$bin/generated_kernel" --count $((count / 10)) --seed "$seed" || status=$?
    [ "$status" = 77 ] || [ "$status" = 0 ] # 77: this kernel has none
fi

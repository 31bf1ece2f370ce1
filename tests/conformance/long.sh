#!/usr/bin/env bash
# The long run: generated operations against the specification. Usage: long.sh [COUNT] [SEED] [BUILD FOLDER]
# COUNT (default 10 million) against gmem in the process, a tenth of it under the other engines, preloaded, and on the running kernel.
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-10000000}
seed=${2:-1}
bin=${3:-build}/bin

"$bin/generated_library" --count "$count" --seed "$seed"
for engine in 'userfaultfd native' 'overlay automatic'; do
    read -r window_engine opening <<<"$engine"
    echo "== $engine"
    GMEM_WINDOW_ENGINE=$window_engine GMEM_WINDOW_OPENING=$opening "$bin/generated_library" --count $((count / 10)) --seed "$seed"
done
"$bin/gmem" run -- "$bin/generated_kernel" --count $((count / 10)) --seed "$seed"
status=0
"$bin/generated_kernel" --count $((count / 10)) --seed "$seed" || status=$?
[ "$status" = 77 ] || [ "$status" = 0 ] # 77: this kernel has none

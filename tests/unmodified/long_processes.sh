#!/usr/bin/env bash
# long_processes.sh [ROUNDS [KILLS [SEED]]]: processes that come, share a guest_memfd, are killed and go; kills at named points of a
# conversion; under each engine and way of opening. Bounded by the counts; about a minute for each 1000 rounds.
set -euo pipefail
rounds=${1:-1000} kills=${2:-10000} seed=${3:-$RANDOM}
bin=$(cd "$(dirname "$0")/../../${GMEM_BUILD:-build}/bin" && pwd)
# About one conversion in five of the kill test is hit.
passages=$((kills * 5 + kills / 2))
export GMEM_PEER_TIMEOUT=${GMEM_PEER_TIMEOUT:-1000} # a busy machine is no stopped process
echo "seed $seed"
for engine in "userfaultfd installed" "userfaultfd native" "overlay automatic"; do
    set -- $engine
    export GMEM_WINDOW_ENGINE=$1 GMEM_WINDOW_OPENING=$2
    echo "== $engine"
    "$bin/gmem" run -- "$bin/rounds" "$rounds" "$seed"
    GMEM_KILL_ROUNDS=$passages GMEM_KILL_SEED=$seed "$bin/memory_kill_test" --gtest_filter='*Random*' | grep -E 'kills|FAILED|Failure|expected' || true
done

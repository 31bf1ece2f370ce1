#!/usr/bin/env bash
# Builds the benchmarks with full optimisation and prints the tables of README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh bench >&2
scripts/build.sh build-bench -DCMAKE_BUILD_TYPE=Release -DGMEM_BUILD_TESTS=OFF -DGMEM_BUILD_BENCH=ON >&2
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
repetitions=${GMEM_BENCH_REPETITIONS:-5}
common=(--benchmark_repetitions="$repetitions" --benchmark_report_aggregates_only=true --benchmark_out_format=json --benchmark_enable_random_interleaving=true)
build-bench/bin/conversion_bench "${common[@]}" --benchmark_out="$results/conversion.json" >/dev/null
GMEM_WINDOW_ENGINE=overlay build-bench/bin/conversion_bench "${common[@]}" --benchmark_filter='^gmem/' --benchmark_out="$results/overlay.json" >/dev/null
GMEM_HUGEPAGES=on build-bench/bin/conversion_bench "${common[@]}" --benchmark_filter='^toggle/' --benchmark_out="$results/huge.json" >/dev/null
build-bench/bin/attributes_bench "${common[@]}" --benchmark_out="$results/attributes.json" >/dev/null
build-bench/bin/xts_bench "${common[@]}" --benchmark_out="$results/xts.json" >/dev/null
build-bench/bin/measure_bench "${common[@]}" --benchmark_out="$results/measure.json" >/dev/null
build-bench/bin/foreign_bench "${common[@]}" --benchmark_out="$results/foreign-plain.json" >/dev/null
LD_PRELOAD="$PWD/build-bench/lib/libgmem-preload.so" build-bench/bin/foreign_bench "${common[@]}" --benchmark_out="$results/foreign-gmem.json" >/dev/null
python3 bench/table.py "$results"

printf '\n| processes that have the page open | to-private, 4 KiB: median us | p90 us |\n|---|---|---|\n'
build-bench/bin/processes_bench | sed -E 's/ / | /g; s/^/| /; s/$/ |/'

printf '\n| memory of a 1 GiB guest_memfd beyond its pages | KiB |\n|---|---|\n'
build-bench/bin/footprint_bench | sed -E 's/_/ /g; s/ ([0-9.]+)$/ | \1/; s/^/| /; s/$/ |/'

printf '\n| measured launch of 16 MiB, ms | in place | from a source |\n|---|---|---|\n'
build-bench/bin/gmem run --vcpu=scripted -- build-bench/bin/launch_bench | sed -E 's/ / | /g; s/^/| /; s/$/ |/'
printf '\nTo write down what happens (docs/traces.md):\n\n'
build-bench/bin/observe_bench | sed 's/^/    /'
if [ -x build-bench/bin/platform_bench ]; then
    printf '\n| platforms | value | unit |\n|---|---|---|\n'
    build-bench/bin/platform_bench | sed -E 's/ / | /g; s/_/ /g; s/^/| /; s/$/ |/'
fi

# KVM_RUN with an I/O exit, in turns: the two best medians.
exits() { "$@" build-bench/bin/exit_bench | cut -d' ' -f2; }
if exits >/dev/null; then
    for _ in 1 2 3 4 5; do
        exits >>"$results/exit-plain"
        exits build-bench/bin/gmem run -- >>"$results/exit-gmem"
    done
    printf '\n| KVM_RUN, I/O exit | plain | with gmem |\n|---|---|---|\n| ns | %s | %s |\n' "$(sort -n "$results/exit-plain" | head -1)" "$(sort -n "$results/exit-gmem" | head -1)"
fi

# In place against two sources, with a guest: docs/hogger.md.
if [ -w /dev/kvm ]; then
    printf '\n'
    python3 bench/hogger.py build-bench/bin/gmem build-bench/bin/hogger build-bench/hogger.svg
fi

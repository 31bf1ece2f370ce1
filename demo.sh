#!/usr/bin/env bash
# Sets up, builds, and shows the main job: an unmodified guest_memfd program with real in-place conversion.
set -euo pipefail
cd "$(dirname "$0")"

scripts/setup.sh build
scripts/build.sh build -DGMEM_BUILD_TESTS=OFF -DGMEM_BUILD_BENCH=OFF -- gmem_cli gmem-preload gmem small_vmm hogger

echo
echo "== what this host offers (gmem doctor)"
build/bin/gmem doctor
echo
echo "== a flow of the proposal, step by step: gmem play examples/scenarios/snp_cpuid_may1.yaml"
build/bin/gmem play examples/scenarios/snp_cpuid_may1.yaml
echo
echo "== the example on the running kernel, without gmem"
build/bin/small_vmm || true
echo
echo "== the same program under gmem: gmem run -- build/bin/small_vmm"
if [ ! -w /dev/kvm ]; then
    echo "This machine has no /dev/kvm that you may open, so no guest can run here; everything about memory works (./test.sh)."
    exit 0
fi
build/bin/gmem run -- build/bin/small_vmm
echo
echo "== ten seconds of a guest that has its memory converted, every byte looked at: gmem run --platform=snp --trace=build/hogger.trace -- build/bin/hogger --platform=snp"
build/bin/gmem run --report=off --platform=snp --trace=build/hogger.trace -- build/bin/hogger --platform=snp
echo
echo "== what happened, against the executable specification: gmem check build/hogger.trace"
build/bin/gmem check build/hogger.trace
echo "== and its picture, for a browser: gmem report build/hogger.trace -o build/hogger.html"
build/bin/gmem report build/hogger.trace -o build/hogger.html

#!/usr/bin/env bash
# Builds the fuzz targets and their seed corpora into $OUT, in the way that OSS-Fuzz and ClusterFuzz call it: with their $CXX, $CXXFLAGS
# and $LIB_FUZZING_ENGINE. Without those: clang++, AddressSanitizer and libFuzzer, into build-fuzz/out.
set -euo pipefail
cd "$(dirname "$0")/.."
CXX=${CXX:-clang++}
CXXFLAGS=${CXXFLAGS:--O1 -g -fno-omit-frame-pointer -fsanitize=address,fuzzer-no-link}
LIB_FUZZING_ENGINE=${LIB_FUZZING_ENGINE:--fsanitize=fuzzer}
WORK=${WORK:-build-fuzz/work}
OUT=${OUT:-build-fuzz/out}
mkdir -p "$WORK" "$OUT"

flags=(-std=c++20 -I. -Iinclude -Isrc -DGMEM_FAILURE_POINTS=1 -D_GNU_SOURCE -pthread)
sources=(src/base/*.cpp src/os/*.cpp src/attributes/*.cpp src/platform/*.cpp src/platform/*/*.cpp src/memory/*.cpp src/kvm/*.cpp src/observe/*.cpp
    src/library/*.cpp spec/*.cpp tests/generated/{operation,draw,touch,peers,run,world,world_access,world_peers,library_subject}.cpp fuzz/{sequences,gates,make_corpus}.cpp)

compile() {
    local source=$1 object=$2 own=()
    case "$source" in
    # Bare threads have no TLS of their own: nothing that they run may be instrumented (src/CMakeLists.txt).
    src/os/bare_thread.cpp | src/os/helper_loop.cpp | src/memory/agent_loop.cpp | src/os/kick.cpp | src/kvm/hypercall_watch.cpp) own=(-fno-exceptions -fno-rtti -fno-sanitize=all -fno-stack-protector) ;;
    src/*) own=(-fno-exceptions -fno-rtti) ;;
    esac
    # shellcheck disable=SC2086
    "$CXX" $CXXFLAGS "${flags[@]}" "${own[@]}" -c "$source" -o "$object"
}
export -f compile
objects=() running=0
for source in "${sources[@]}"; do
    [ -e "$source" ] || continue
    object=$WORK/$(echo "${source%.cpp}" | tr / _).o
    case "$source" in fuzz/*) ;; *) objects+=("$object") ;; esac
    compile "$source" "$object" &
    running=$((running + 1))
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n
        running=$((running - 1))
    fi
done
while [ "$running" -gt 0 ]; do
    wait -n
    running=$((running - 1))
done

# shellcheck disable=SC2086
"$CXX" $CXXFLAGS "$WORK/fuzz_make_corpus.o" "${objects[@]}" -pthread -o "$WORK/make_corpus"
for target in sequences gates; do
    # shellcheck disable=SC2086
    "$CXX" $CXXFLAGS "$WORK/fuzz_$target.o" "${objects[@]}" $LIB_FUZZING_ENGINE -pthread -o "$OUT/gmem_$target"
    rm -rf "$WORK/corpus-$target"
    "$WORK/make_corpus" "$target" "$WORK/corpus-$target" 200
    if command -v zip >/dev/null; then
        zip -q -j "$OUT/gmem_${target}_seed_corpus.zip" "$WORK/corpus-$target"/*
    else
        cp -r "$WORK/corpus-$target" "$OUT/gmem_${target}_seed_corpus"
    fi
done

#!/usr/bin/env bash
# Sets up, builds, and runs every test: plain, under the sanitizers, and without privileges. --quick: the plain build only.
set -euo pipefail
cd "$(dirname "$0")"
quick=${1:-}
case "$quick" in
'' | --quick) ;;
*) echo "test.sh: the only option is --quick" >&2; exit 2 ;;
esac

passed=0 failed=0 skipped=0 status=0

# Runs a command that ends with ctest's summary, shows it, and adds its numbers to ours.
count() {
    local log result=0
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" | { grep -avE '^ *Start +[0-9]+:' || true; } || result=$?
    [ "$result" = 0 ] || status=1
    local lines
    lines=$(grep -acE '^ *[0-9]+/[0-9]+ Test ' "$log" || true)
    local skips fails
    skips=$(grep -acE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$log" || true)
    fails=$(grep -acE '^ *[0-9]+/[0-9]+ Test .*\*\*\*(Failed|Timeout|Exception|Not Run)' "$log" || true)
    passed=$((passed + lines - skips - fails))
    failed=$((failed + fails))
    skipped=$((skipped + skips))
    [ "$lines" -gt 0 ] || { echo "no test ran" >&2; status=1; }
    rm -f "$log"
}

in_tree() {
    local tree=$1
    shift
    count ctest --test-dir "$tree" --output-on-failure --timeout 300 -j2 "$@"
}

scripts/setup.sh test
scripts/build.sh build -DGMEM_BUILD_TESTS=ON -DGMEM_BUILD_BENCH=OFF
echo "== tests"
in_tree build

if [ "$quick" != --quick ]; then
    # The preload library is never instrumented; these builds put the core under the sanitizers.
    for pair in address-undefined:core thread:threads; do
        sanitizer=${pair%:*} label=${pair#*:}
        scripts/build.sh "build-$sanitizer" -DGMEM_SANITIZE="$sanitizer" -DGMEM_BUILD_BENCH=OFF -- "gmem_${label}_tests"
        echo "== tests under $sanitizer"
        GMEM_WALK_STEPS=100000 in_tree "build-$sanitizer" -L "^$label\$"
    done

    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        echo "== tests as an unprivileged user"
        copy=$(mktemp -d)
        trap 'rm -rf "$copy"' EXIT
        cp -a build "$copy/"
        cp -a tests scripts src "$copy/"
        chmod -R a+rX "$copy"
        chown -R 65534:65534 "$copy"
        # The test lists name the binaries by their full path: an own mount of the copy stands in for the tree.
        count unshare --mount bash -c 'mount --bind "$1/build" build && exec setpriv --reuid=65534 --regid=65534 --clear-groups ctest --test-dir build --output-on-failure --timeout 300 -j2' _ "$copy"
    else
        echo "== not root: what ran above ran as an unprivileged user already"
    fi

    if command -v clang++ >/dev/null; then
        echo "== thread-safety analysis (clang)"
        scripts/build.sh build-clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DGMEM_BUILD_BENCH=OFF -DGMEM_BUILD_TESTS=OFF -- gmem_core gmem || status=1
    else
        echo "== no clang: the thread-safety analysis was not run"
    fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] || status=1
exit "$status"

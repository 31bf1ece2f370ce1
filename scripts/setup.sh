#!/usr/bin/env bash
# Installs what is missing from Debian's packages, and nothing else. Usage: setup.sh build|test|bench|fuzz|browser
set -euo pipefail

packages=(g++ gcc cmake ninja-build binutils libcli11-dev libfmt-dev nlohmann-json3-dev libssl-dev libyaml-cpp-dev libdw-dev libelf-dev libzydis-dev systemtap-sdt-dev)
case "${1:-build}" in
build) ;;
test) packages+=(libgtest-dev librapidcheck-dev clang musl-tools python3 strace) ;; # bpftrace and linux-perf, which recipes of docs/ are tried with, are large: tests/checker/recipes.sh does without
bench) packages+=(libbenchmark-dev python3) ;;
fuzz) packages+=(libgtest-dev librapidcheck-dev clang libclang-rt-dev zip) ;; # libclang-rt: libFuzzer and the sanitizers' runtimes
browser) packages=(chromium python3) ;; # 300 MB, for tests/pictures/run.sh alone
*) echo "setup.sh: build, test, bench, fuzz or browser" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
    echo "== every package that is needed is installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing, and I am neither root nor is there sudo: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "== installing from Debian's packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    echo "These packages could not be had from the configured Debian mirror: ${missing[*]}" >&2
    exit 1
fi

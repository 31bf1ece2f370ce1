#!/usr/bin/env bash
# The module is found beside the library that asks, and nowhere else. loader_test.sh PROGRAM LIBRARY MODULE EMPTY_MODULE
set -euo pipefail
program=$1
library=$2
module=$3
empty_module=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

expect() { # what is expected, what it is about, command
    local got
    got=$("${@:3}" 2>&1) || true
    [ "$got" = "$1" ] && return
    echo "$2: '$got', not '$1'" >&2
    status=1
}

expect '1 1 kept' 'beside the module' "$program" "$library"

mkdir "$scratch/alone" "$scratch/broken" "$scratch/other" "$scratch/empty" "$scratch/both"
for folder in alone broken other empty both; do cp "$library" "$scratch/$folder/library.so"; done
expect '0 0 kept' 'without a module' "$program" "$scratch/alone/library.so"
expect '0 0 kept' 'not on the library path' env LD_LIBRARY_PATH="$(dirname "$module")" "$program" "$scratch/alone/library.so"

echo 'not a library' >"$scratch/broken/libgmem-crypto.so"
expect '0 0 kept' 'with a broken module' "$program" "$scratch/broken/library.so"
cp "$library" "$scratch/other/libgmem-crypto.so"
expect '0 0 kept' 'with a library that is no module' "$program" "$scratch/other/library.so"
cp "$empty_module" "$scratch/empty/libgmem-crypto.so"
expect '0 0 kept' 'with a module without a table' "$program" "$scratch/empty/library.so"

cp "$module" "$scratch/both/libgmem-crypto.so"
cd / # wherever the program is
expect '1 1 kept' 'beside a copy of the module' "$program" "$scratch/both/library.so"
exit $status

#!/usr/bin/env bash
# Usage: with_fake_device.sh GMEM LIBRARY PROGRAM: the program under gmem, with the library that plays devices below it.
set -euo pipefail
orders=$(mktemp)
trap 'rm -f "$orders"' EXIT
FAKE_DEVICE=$orders LD_PRELOAD=$2 "$1" run -- "$3"

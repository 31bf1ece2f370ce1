#!/usr/bin/env bash
# The example under gmem: every step as promised.
set -euo pipefail
gmem=$1
program=$2
if [ ! -w /dev/kvm ]; then
    echo "skipped: /dev/kvm is missing or may not be opened, so no guest can run"
    exit 77
fi
"$gmem" run -- "$program"

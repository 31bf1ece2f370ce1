#!/usr/bin/env bash
# Usage: without_kvm.sh COMMAND... — runs it where /dev/kvm cannot be opened.
set -euo pipefail
if [ ! -w /dev/kvm ]; then
    exec "$@"
fi
# Devices of a file system that is mounted so cannot be opened: EACCES, as for a user without rights.
exec unshare --mount bash -c '
    mount --bind /dev/kvm /dev/kvm 2>/dev/null && mount -o remount,bind,nodev /dev/kvm 2>/dev/null || { echo "skipped: /dev/kvm cannot be hidden here"; exit 77; }
    ! true 2>/dev/null <>/dev/kvm || { echo "/dev/kvm is still there" >&2; exit 1; }
    exec "$@"' _ "$@"

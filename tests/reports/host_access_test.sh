#!/usr/bin/env bash
# host-kernel-access, by programs that make the host's kernel meet a page of the guest's, platform by platform, and by those that nearly do.
# Usage: host_access_test.sh GMEM HOST_ACCESS HOST_ACCESS_SOURCE HOST_ACCESS_ASKED ASKED_SOURCE
set -uo pipefail
gmem=$1 zeroes=$2 zeroes_source=$3 asks=$4 asks_source=$5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

fail() {
    echo "FAILED: $*" >&2
    cat out err >&2
    failures=$((failures + 1))
}
run() {
    timeout 60 "$gmem" run "$@" >out 2>err || fail "status $?: $*"
}
has() { grep -q -e "$1" err || fail "\"$1\" is missing"; }
line() { grep -n "here: $1 " "$2" | cut -d: -f1; }

crash='the host kernel would have crashed'
lost='the host would have gone on, and the guest has lost the page'
machine_check='the host would have got a machine check'

# An unmodified program, whose conversion has the kernel zero what is the guest's.
zeroing() { # PLATFORM VERSION WHAT-COMES-OF-IT OPTIONS...
    local platform=$1 version=$2 consequence=$3
    shift 3
    run --vcpu=scripted --uapi="$version" --platform="$platform" "$@" -- "$zeroes" "$platform"
    has "^gmem: host-kernel-access: process [0-9]* (host_access): $consequence: the host writes to page 3 of guest_memfd [0-9]*\$"
    has "^    #[0-9] zero_again at .*host_access.c:$(line zeroed "$zeroes_source") "
    has "made private .* before, by process [0-9]* (host_access), which converted bytes \[0x0, 0x8000)"
    has "^    #[0-9] hand_over at .*host_access.c:$(line handed-over "$zeroes_source") "
    has 'guest physical address 0x1003000 in memslot 1'
    has 'docs/reports/host-kernel-access.md'
    has '^gmem: 3 reports (0 suppressed), 1 distinct: 3 host-kernel-access$'
    run --vcpu=scripted --uapi="$version" --platform="$platform" "$@" -- "$zeroes" "$platform" nearly
    [ -s err ] && fail "not silent: $platform $*"
}
zeroing snp feb "$crash"
zeroing cca feb "$crash"
zeroing pkvm may1 "$lost"
zeroing pkvm may1 "$crash" --platform-option pkvm-bad-access=panic
zeroing tdx feb "$lost"
zeroing tdx feb "$machine_check" --platform-option tdx-cpu=erratum

# A program that asks. NONE: nothing that anybody would notice.
asking() { # PLATFORM OPTIONS read|write WHAT-COMES-OF-IT ERRNO
    local does='reads'
    [ "$3" = write ] && does='writes to'
    run -- "$asks" "$1" "$2" "$3"
    [ "$(cat out)" = "$5" ] || fail "$1 $2 $3: $(cat out) instead of $5"
    if [ "$4" = NONE ]; then
        [ -s err ] && fail "not silent: $1 $2 $3"
    else
        has "^gmem: host-kernel-access: process [0-9]* (host_access_ask[a-z]*): $4: the host $does page 2 of guest_memfd [0-9]*\$"
        has "^    #[0-9] device_copies at .*host_access_asked.c:$(line asked "$asks_source") "
        has '^gmem: 1 report (0 suppressed), 1 distinct: 1 host-kernel-access$'
    fi
    run -- "$asks" "$1" "$2" "$3" nearly
    [ "$(cat out)" = 0 ] && [ ! -s err ] || fail "not silent: $1 $2 $3, nearly"
}
EFAULT=-14 EHWPOISON=-133
asking snp '' write "$crash" $EFAULT
asking snp '' read NONE 0
asking cca '' write "$crash" $EFAULT
asking cca '' read "$crash" $EFAULT
asking pkvm '' read "$lost" $EHWPOISON
asking pkvm pkvm-bad-access=panic write "$crash" $EFAULT
asking tdx '' write "$lost" $EHWPOISON
asking tdx tdx-cpu=erratum write "$machine_check" $EHWPOISON
asking tdx '' read NONE 0
asking tdx tdx-removed=poison read "$machine_check" $EHWPOISON

# Without a session, and where nobody tells reports, it is one line, and says the same.
for quietly in "--observe=off" "--report=off"; do
    run $quietly -- "$asks" cca '' read
    [ "$(grep -c "gmem: $crash in the device's copy: read of page 2 " err)" = 1 ] && [ "$(wc -l <err)" = 1 ] || fail "$quietly: not one line"
done
"$asks" cca '' read >out 2>err || fail "alone"
[ "$(grep -c "gmem: $crash in the device's copy: read of page 2 " err)" = 1 ] || fail "alone: not one line"

[ "$failures" = 0 ] && echo "host accesses: as expected"
exit $((failures != 0))

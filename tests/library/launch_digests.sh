#!/usr/bin/env bash
# What a launch through the C interface has measured is what the vectors say (platform notes, section 8) and what `gmem measure` says of the same pages; and a file
# of measurements hears of it. launch_digests.sh GMEM LAUNCH
set -uo pipefail
. "$(dirname "$0")/../support/vector_pages.sh"
gmem=$1 launch=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

vector_pages
cp p vmsa
head -c 16 /dev/zero | dd of=vmsa bs=1 seek=$((0x2f0)) conv=notrunc 2>/dev/null

# is CASE DIGEST PAGES
is() {
    rm -f line
    local found
    found=$(GMEM_MEASUREMENT=$PWD/line "$launch" "$1" 2>err) || { echo "$1: $(cat err)"; failures=$((failures + 1)); }
    [ "$found" = "$2" ] && [ "$(cat line)" = "${1%%-*} $2 $3" ] || { echo "$1: '$found' and '$(cat line)', not '$2' and $3 pages"; failures=$((failures + 1)); }
}

is snp-zero 4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061 1
is snp-in-place 49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa 1
is snp-mix "$("$gmem" measure snp --page normal:0x100000:p --page normal:0x101000:q --page zero:0x102000 --page unmeasured:0x103000 --page secrets:0x104000 --page cpuid:0x105000 --vmsa vmsa)" 7
is tdx-empty 38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b 0
is tdx-add 30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805 1
is tdx-in-place 811f63a97185f22b54934868e8b901013402b40986d766dfc14c2a7048c55203e0bcc38ae3700a126feb805d3d74b594 1
is tdx-two ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1 2
pages=(--ripas 0x100000:0x101000 --data 0x100000:p --ripas 0x101000:0x102000 --unmeasured 0x101000+0x1000 --rec pc=0x100000,x0=1,x1=2,x2=3,x3=4,x4=5,x5=6,x6=7,x7=8)
is cca "$("$gmem" measure cca --hash sha256 --realm s2sz=48 "${pages[@]}")" 2
is cca-chosen "$("$gmem" measure cca --hash sha512 --realm flags=4,s2sz=40,sve_vl=3,num_bps=5,num_wps=2,pmu_num_ctrs=6 "${pages[@]}")" 2
[ "$failures" = 0 ]

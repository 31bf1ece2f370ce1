#!/usr/bin/env bash
# What `gmem run --measurement` writes about launches is what `gmem measure` says of the same pages, and what the vectors say (platform notes, section 8); and who hears
# of pages that nobody wrote. launch_digests.sh GMEM LAUNCH_SNP LAUNCH_TDX LAUNCH_GUESTS
set -uo pipefail
. "$(dirname "$0")/../support/vector_pages.sh"
gmem=$1 snp=$2 tdx=$3 guests=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

fail() {
    echo "$*" >&2
    failures=$((failures + 1))
}

vector_pages
head -c 8192 /dev/zero >z

# launch PLATFORM DIGEST PAGES COMMAND...: one launch, one line
launch() {
    local want="$1 $2 $3"
    shift 3
    rm -f line
    "$gmem" run --vcpu=scripted --measurement=line -- "$@" >out 2>err || { fail "$*: status $?: $(cat out err)"; return; }
    [ "$(cat line)" = "$want" ] || fail "$*: '$(cat line)', not '$want'"
}

mix=(snp --page normal:0x100000:p --page normal:0x101000:q --page zero:0x102000 --page unmeasured:0x103000 --page secrets:0x104000 --page cpuid:0x105000)
launch snp 4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061 1 "$snp" zero
launch snp 49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa 1 "$snp" normal
launch snp 49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa 1 "$snp" uaddr
launch snp "$("$gmem" measure "${mix[@]}")" 6 "$snp" mix

launch tdx 38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b 0 "$tdx" empty
launch tdx 30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805 1 "$tdx" unmeasured
launch tdx ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1 2 "$tdx" measured
! grep -q 'nobody ever wrote' err || fail "written: $(cat err)"
launch tdx ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1 2 "$tdx" source
! grep -q 'nobody ever wrote' err || fail "source: $(cat err)"
launch tdx "$("$gmem" measure tdx --region 0x100000:z:measure)" 2 "$tdx" never
[ "$(grep -c 'unwritten-measured: .* with 2 pages that nobody ever wrote' err)" = 1 ] || fail "never: $(cat err)"

# The save areas of two vCPUs, put together by the program from the manual.
rm -f line
"$gmem" run --vcpu=scripted --measurement=line -- "$guests" vmsa first second >out 2>err || fail "vmsa: $(cat err)"
[ "$(cat line)" = "snp $("$gmem" measure snp --vmsa first --vmsa second) 2" ] || fail "vmsa: '$(cat line)'"

rm -f line
"$gmem" run --vcpu=scripted --platform=cca --measurement=line -- "$guests" cca >out 2>err || fail "cca: $(cat err)"
[ "$(cat line)" = "cca $("$gmem" measure cca --hash sha256 --realm s2sz=48 --ripas 0x1000000:0x1001000 --data 0x1000000:p --ripas 0x1001000:0x1002000 --unmeasured 0x1001000+0x1000) 2" ] || fail "cca: '$(cat line)'"

rm -f line
"$gmem" run --vcpu=scripted --platform=cca --measurement=line -- "$guests" cca-chosen >out 2>err || fail "cca-chosen: $(cat err)"
gprs=x0=1,x1=2,x2=3,x3=4,x4=5,x5=6,x6=7,x7=8
[ "$(cat line)" = "cca $("$gmem" measure cca --hash sha512 --realm flags=4,s2sz=40,sve_vl=3,num_bps=5,num_wps=2,pmu_num_ctrs=6 --rec pc=0x100000,$gprs --ripas 0x1000000:0x1001000 --data 0x1000000:p --rec pc=0x200000,$gprs) 1" ] || fail "cca-chosen: '$(cat line)'"

# Where nobody can write, nothing starts.
"$gmem" run --measurement=/nowhere/line -- "$snp" zero >out 2>err
[ $? = 125 ] && grep -q 'measurements cannot be written there' err || fail "no folder: $(cat err)"
# The folder that the user means is the one in which gmem starts.
mkdir there && (cd there && "$gmem" run --measurement=../line2 -- sh -c "cd / && exec '$snp' zero" >/dev/null 2>&1)
[ "$(wc -l <line2)" = 1 ] || fail "another folder"
[ "$failures" = 0 ]

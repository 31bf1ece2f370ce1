#!/usr/bin/env bash
# gmem measure: the vectors of the platform notes (section 8), the words that are refused, and, where there is python3, an independent
# computation over launches of any shape. measure_test.sh GMEM
set -uo pipefail
. "$(dirname "$0")/../support/vector_pages.sh"
gmem=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

fail() {
    echo "$*" >&2
    failures=$((failures + 1))
}

# digest HEX COMMAND...: prints exactly that
digest() {
    local want=$1 got status=0
    shift
    got=$("$gmem" measure "$@" 2>err) || status=$?
    [ "$status" = 0 ] && [ "$got" = "$want" ] || fail "measure $*: status $status, '$got', not '$want': $(cat err)"
}

# noted PATTERN COMMAND...: goes well, and says on standard error what the caller may not have meant
noted() {
    local pattern=$1
    shift
    "$gmem" measure "$@" >out 2>err || fail "measure $*: $(cat err)"
    grep -q -e "$pattern" err || fail "measure $*: no '$pattern' in: $(cat err)"
}

# silent COMMAND...: nothing to say
silent() {
    "$gmem" measure "$@" >out 2>err || fail "measure $*: $(cat err)"
    [ ! -s err ] || fail "measure $*: says $(cat err)"
}

# refused PATTERN COMMAND...: status 2, one sentence, no digest
refused() {
    local pattern=$1 status=0
    shift
    "$gmem" measure "$@" >out 2>err || status=$?
    if [ "$status" != 2 ] || [ "$(wc -l <err)" != 1 ] || [ -s out ] || ! grep -q -e "$pattern" err; then
        fail "measure $*: status $status, not refused with '$pattern': $(cat out err)"
    fi
}

vector_pages
cat p q >pq
printf 'abc' >short
: >empty
mkdir folder
head -c 4097 /dev/zero >long

# Section 8.
digest 4bd4147976a1e7554c1c778a781affc1c672f1965a727ba16084989b7e356044a28bbe585a2f75dac9356fa5ab78f061 snp --page zero:0x1000
digest 49f87a04b5a1324ba5c5161b8fb0b6a71279206756517fe199e6087744734ae231f02599de02de0ebad581c99e3e05fa snp --page normal:0x100000:p
mix=c4ef2f00bfe98409a0ba74586a5a78e36ab37089d210ca75d4d030ce9c746069cc9bcd1938cb4732c6a6f22b9d810654
digest $mix snp --page normal:0x100000:p --page normal:0x101000:q --page zero:0x102000 --page unmeasured:0x103000 --page secrets:0x104000 --page cpuid:0x105000 --vmsa p
digest $mix snp --page normal:0x100000:pq --page zero:1056768+4096 --page=unmeasured:0x103000 --page secrets:0x104000 --page cpuid:0x105000+0x1000 --vmsa p:0xfffffffff000
digest 38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b tdx
digest 30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805 tdx --region 0x100000:p
digest 30739fc015b6f3734f7684e90531f2d634cff74b38357fd6094b6d8a5c5789241d55fcfc6410d564e659255bc2d89805 tdx --region 0x100000+4096
digest 811f63a97185f22b54934868e8b901013402b40986d766dfc14c2a7048c55203e0bcc38ae3700a126feb805d3d74b594 tdx --region 0x100000:p:measure
digest ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1 tdx --region 0x100000:pq:measure
digest ea51d55748900a453582ec37f175420b5ec91825d7a3cf445fd03e244905215c75ee9b768574321021128ea1fcb3d4a1 tdx --region 0x100000:p:measure --region 0x101000:q:measure
digest 5dd23fad7f508e534120b876fee0cb5e3767f405c966295b7431ee5c6d7b004d cca --hash sha256 --data 0x100000:p
digest e73cc0bca66b35b1f7a96926f1dd758889598503f0f570b8eff31ff5b92259af cca --data 0x100000:p --unmeasured 0x101000
digest e73cc0bca66b35b1f7a96926f1dd758889598503f0f570b8eff31ff5b92259af cca --data 0x100000:p --unmeasured 0x101000:q
digest bdf2adb162d4e55e0718feeab28edb147f51cde84c66f32eb12249c02591274ba1a2bc438889847c5d90196559492a5353ed89aa23e1b7c8b486494cc1f8cdab cca --hash sha512 --data 0x100000:p
digest 1a2872c50dd32f736e40aed6d1846124ab801287045ed3be2f8889b4372921c3 cca --ripas 0:0x200000

# The order is that of the command line, across options.
"$gmem" measure snp --vmsa p --page zero:0x1000 --vmsa q >one
"$gmem" measure snp --vmsa p --vmsa q --page zero:0x1000 >two
"$gmem" measure snp --page zero:0x1000 --vmsa p --vmsa q >three
cmp -s one two && fail "the order of --page and --vmsa does not count"
cmp -s two three && fail "the order of --vmsa and --page does not count"

# What was done with the words is said.
noted 'short is no multiple of 4096 bytes: 4093 zeros were added' snp --page normal:0:short
noted 'begins with zeros' cca --data 0:p
noted 'nothing was described' snp
silent snp --page normal:0:p
silent cca --realm s2sz=40 --data 0:p
{ cat short; head -c 4093 /dev/zero; } >padded
[ "$("$gmem" measure tdx --region 0:short:measure 2>err)" = "$("$gmem" measure tdx --region 0:padded:measure)" ] || fail 'the padding is not zeros'
[ "$("$gmem" measure snp --page normal:0:<(cat pq) 2>&1)" = "$("$gmem" measure snp --page normal:0:pq)" ] || fail 'a pipe is another image than its file'

head -c 262144 /dev/urandom >exact # the reader's step, and a page more
cat exact p >more
{ "$gmem" measure tdx --region 0:exact:measure --region 0x40000:p:measure; "$gmem" measure tdx --region 0:more:measure; } >out 2>err
[ "$(sort -u out | wc -l)" = 1 ] && [ ! -s err ] || fail 'an image of many pages is another than its parts'

# JSON.
"$gmem" measure snp --json --page zero:0x1000+0x3000 --page normal:0x8000:short >out 2>err || fail 'no JSON'
[ ! -s err ] || fail "JSON comes with $(cat err)"
for pattern in '"platform": "snp"' '"algorithm": "sha384"' '"digest": "[0-9a-f]\{96\}"' '"pages": 4' 'short is no multiple'; do
    grep -q -e "$pattern" out || fail "no $pattern in the JSON: $(cat out)"
done

refused 'needs a platform: gmem measure snp'
refused 'pkvm' pkvm
refused "'0x10' in 'zero:0x10' is no multiple of 4096" snp --page zero:0x10
refused 'no number' snp --page zero:ten
refused 'no number' snp --page zero:0x
refused 'no number' snp --page zero:4096x
refused 'no number' snp --page zero:0x1000+0x1g
refused 'no number' snp --page zero:-4096
refused 'no number' snp --page zero:0x10000000000000000
refused 'TYPE:GPA' snp --page zero
refused "'vmsa' in 'vmsa:0:p' is no type" snp --page vmsa:0:p
refused 'needs a file' snp --page normal:0x1000
refused 'not measured' snp --page cpuid:0x1000:p
refused 'no pages' snp --page zero:0x1000+0
refused 'no multiple' snp --page zero:0x1000+5
refused 'size and a file' snp --page normal:0x1000+0x1000:p
refused 'no file' snp --page normal:0x1000:
refused 'beyond 64 bits' snp --page zero:0xfffffffffffff000+0x2000
refused 'beyond 64 bits' snp --page normal:0xfffffffffffff000:pq
silent snp --page normal:0xfffffffffffff000:p
refused 'nowhere cannot be opened: No such file' snp --page normal:0:nowhere
refused 'folder cannot be read: Is a directory' snp --page normal:0:folder
refused 'empty is empty' snp --page normal:0:empty
refused 'more than one page' snp --vmsa long
refused 'no multiple' snp --vmsa p:0x10
refused 'needs a file' tdx --region 0x1000+0x1000:measure
refused 'needs a file' cca --data 0x1000
refused 'sha256 and sha512' cca --hash sha384 --data 0:p
refused 'BASE:TOP' cca --ripas 0x1000
refused 'not above' cca --ripas 0x1000:0x1000
refused 'NAME=NUMBER' cca --realm s3sz=40
refused 'NAME=NUMBER' cca --realm s2sz
refused 'more than a byte' cca --realm s2sz=256
refused 'NAME=NUMBER' cca --rec x8=1
refused 'page' snp --page
refused 'region' snp --region 0:p

if ! command -v python3 >/dev/null; then
    [ "$failures" = 0 ] || exit 1
    echo 'there is no python3 for the independent computation'
    exit 77
fi
python3 "$here/measure_independent.py" "$gmem" || failures=$((failures + 1))
[ "$failures" = 0 ]

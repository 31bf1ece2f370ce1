#!/usr/bin/env bash
# gmem play: every scenario of examples/scenarios; broken copies of them, which must fail at the right step; files that are no scenarios.
# play_test.sh GMEM
set -uo pipefail
gmem=$1
here=$(cd "$(dirname "$0")" && pwd)
scenarios=$here/../../examples/scenarios
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

fail() {
    echo "$*" >&2
    failures=$((failures + 1))
}

# differs NAME STEP SENTENCE SED...: the copy that SED makes of a scenario fails there, with exit status 1, and says so with the step's line
differs() {
    local name=$1 step=$2 sentence=$3 status=0 at
    shift 3
    sed "$@" "$scenarios/$name.yaml" >broken.yaml
    cmp -s broken.yaml "$scenarios/$name.yaml" && fail "$name: the sed script changes nothing: $*"
    "$gmem" play --quiet broken.yaml >out 2>err || status=$?
    [ "$status" = 1 ] && grep -qF -e "step $step, " out && grep -qF -e "$sentence" out || fail "$name broken by $*: status $status, not at step $step with '$sentence': $(cat out err)"
    # The step's line is where its entry begins.
    at=$(sed -n 's/^broken.yaml:\([0-9]*\):.*/\1/p' out)
    [ "$at" = "$(awk '/^steps:/ { steps = 1 } steps && /^  - / { print NR }' broken.yaml | sed -n "${step}p")" ] || fail "$name broken by $*: line $at is not where step $step is"
}

# refused SENTENCE LINE: standard input is no scenario; exit status 2, and one line that says where and why
refused() {
    local sentence=$1 line=$2 status=0
    cat >bad.yaml
    "$gmem" play bad.yaml >out 2>err || status=$?
    [ "$status" = 2 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] && grep -qF -e "$sentence" err && grep -q "^gmem: bad.yaml:${line:-[0-9]*}: " err \
        || fail "status $status, not refused at line $line with '$sentence': $(cat out err)"
}

# with STEP: a scenario of this one step, at line 5
with() { printf 'scenario: s\nsource: s\nmemory: { ram: { size: 64K, gpa: 0x1000000 }, own: { size: 4K, gpa: 0x2000000, flags: none } }\nsteps:\n  - %s\n' "$1"; }

# Every scenario, and what it says of itself.
"$gmem" play "$scenarios" >out 2>err || fail "not as expected: $(grep -ahv ' steps as expected$' out err | grep 'expected\|gmem:')"
[ ! -s err ] || fail "errors: $(cat err)"
[ "$(grep -c 'steps as expected$' out)" = "$(ls "$scenarios"/*.yaml | wc -l)" ] || fail 'not every scenario was played'
grep -q '^  1. vmm ' out || fail 'no step is told'
grep -q '^            because ' out || fail 'no reason is told'
"$gmem" play --quiet "$scenarios/two_sources.yaml" "$scenarios/without_mmap.yaml" >out || fail 'not two at once'
[ "$(wc -l <out)" = 2 ] || fail "not one line a scenario: $(cat out)"
"$gmem" play --json "$scenarios/sw_protected_zero.yaml" >out || fail 'no JSON'
for pattern in '"platform":"sw_protected"' '"step":2,"line":[0-9]*,"actor":"vmm","operation":"convert"' '"errno":"EOPNOTSUPP"' '"ok":true' '"passed":true'; do
    grep -q -e "$pattern" out || fail "no $pattern in the JSON: $(cat out)"
done
[ "$(grep -vc '^{.*}$' out)" = 0 ] || fail 'not one object a line'
# The user's own choices are not the scenario's.
GMEM_UAPI=feb GMEM_PLATFORM=cca GMEM_VCPU=real GMEM_IN_PLACE=off "$gmem" play --quiet "$scenarios/sw_protected_zero.yaml" >out 2>&1 || fail "the environment counts: $(cat out)"

# Every flow of the seeds is in a scenario that names the seed. FLOW: seed, scenario, a word of it
while read -r seed name word; do
    [ -n "$seed" ] || continue
    { grep -q "seed $seed" "$scenarios/$name.yaml" && grep -qi -e "$word" "$scenarios/$name.yaml"; } || fail "seed $seed: $name.yaml does not name it, or has no '$word'"
done <<'FLOWS'
000 sw_protected_preserve both.directions
000 sw_protected_zero mode:.zero
000 sw_protected_scramble MODE_UNSPECIFIED
000 snp_preserve_until_launched finalized
000 tdx_no_preserve_to_shared ZEROs.instead.of.PRESERVEs
000 mode_on_whole_range entire.requested.range
000 mode_on_whole_range even.if.no.conversion
000 may1_modes_are_actions Redefine
000 tdx_initial_image in.conjunction.with.populate
001 sw_protected_zero shared.to.private.conversions
001 tdx_mapgpa_accept make.it.not.private
001 snp_round_trip rmp_make_shared
001 snp_page_state_change private.fault
001 pkvm_unsolicited_allowed confidentiality
001 implicit_conversion EXIT_MEMORY_FAULT
001 pkvm_order_march switch.after.conversion
001 cca_ripas_change ARM.CCA
000 cca_initial_image before.they.are.finalized
002 snp_cpuid_may1 SNP_LAUNCH_UPDATE.fails
002 snp_cpuid_mainline launch_update
002 may1_modes_are_actions doesn.t.change.memory.contents
002 sw_protected_scramble scrambled
002 tdx_removed_noise zeroing.memory
003 two_sources two.sources
003 pkvm_share_unshare cooperating.on.given.data
003 without_mmap SIGBUS
003 pinned_pages in.use.before.conversion
003 mainline_no_modes Return.early
003 tdx_forgotten_write Zero.page
003 numa_policy policy=interleave
003 hogger_snp memory.hogger
003 v8_is_mainline memory.provider
004 feb_content_policies READABLE
004 feb_content_policies ENCRYPTED
004 feb_content_policies default.to
004 feb_policy_is_mandatory MUST.be.specified
004 pkvm_unsolicited_refused reject.the.request
004 pkvm_unsolicited_destructive destructive.reclaim
004 pkvm_share_unshare initiated.by.the.guest
FLOWS
for file in "$scenarios"/*.yaml; do
    grep -qE 'seed 00[0-4]|platform-models.md|guest_memfd-spec.md' "$file" || fail "$file names no source"
done

# What is wrong is found, at the step where it is: each kind of expectation.
differs sw_protected_zero 2 'expected errno EINVAL, seen EOPNOTSUPP' 's/EOPNOTSUPP, error/EINVAL, error/'
differs sw_protected_zero 2 'expected errno none, seen EOPNOTSUPP' '/EOPNOTSUPP, error/d'
differs sw_protected_zero 2 'expected error_offset 0x2000, seen 0x1000' 's/error_offset: 0x1000/error_offset: 0x2000/'
differs sw_protected_zero 7 "expected reads 'a secret, ', seen zeros" 's/reads: zeros/reads: "a secret, "/'
differs sw_protected_zero 2 'expected errno EOPNOTSUPP, seen none' 's/uapi: rfc-v5/uapi: may1/'
differs sw_protected_zero 2 'expected errno EOPNOTSUPP, seen EINVAL' 's/uapi: rfc-v5/uapi: mainline/'
differs sw_protected_preserve 3 'expected sigbus no, seen yes' 's/sigbus: yes/sigbus: no/'
differs sw_protected_preserve 4 'expected errno none, seen EFAULT' 's/errno: EFAULT/errno: none/'
differs sw_protected_preserve 5 "expected reads noise, seen '0xbeef from the host, '" 's/reads: "0xbeef from the host, "/reads: noise/'
differs sw_protected_preserve 8 "expected reads zeros, seen '0xbeef from the guest, '" 's/reads: "0xbeef from the guest, "/reads: zeros/'
differs sw_protected_preserve 5 'expected exit halt, seen memory_fault' 's/side: either/side: shared/'
differs sw_protected_scramble 5 'expected like exactly what' 's/reads: noise, unlike/like/'
differs sw_protected_scramble 3 "expected reads 'do not count on me ', seen noise" '0,/reads: noise/s//reads: "do not count on me "/'
differs mode_on_whole_range 4 "expected reads zeros, seen 'here '" '0,/mode: zero/s//mode: preserve/'
differs implicit_conversion 1 'expected exit mmio, seen memory_fault' '0,/exit: memory_fault/s//exit: mmio/'
differs implicit_conversion 1 'expected at ram, seen ram+0x1000' '0,/at: ram+4K, size/s//at: ram, size/'
differs implicit_conversion 1 'expected size 0x2000, seen 0x1000' '0,/size: 4K/s//size: 8K/'
differs implicit_conversion 1 'expected side shared, seen private' '0,/4K, side: private/s//4K, side: shared/'
differs implicit_conversion 4 'expected result 0x2b, seen 0x2a' '0,/result: 42/s//result: 43/'
differs pkvm_share_unshare 5 'expected to private, seen shared' '0,/to: shared }/s//to: private }/'
differs pkvm_share_unshare 16 'expected status ok, seen invalid_parameter' 's/status: invalid_parameter/status: ok/'
differs pinned_pages 3 'expected error_offset 0x4000, seen 0x3000' 's/0x3000/0x4000/'
differs mainline_no_modes 1 'expected value 0x7, seen 0x8' 's/value: 8/value: 7/'
differs numa_policy 1 'expected policy bind, seen default' '0,/policy: default/s//policy: bind/'
differs numa_policy 8 'expected node 5, seen 0' '0,/node: 0 }/s//node: 5 }/'
differs snp_cpuid_may1 4 'expected firmware SUCCESS, seen INVALID_PARAM' 's/firmware: INVALID_PARAM/firmware: SUCCESS/'
differs snp_cpuid_may1 4 'expected errno none, seen EIO' 's/errno: EIO/errno: none/'
differs snp_pvalidate_twice 5 'expected result 0x0, seen 0x1' 's/result: 1 }/result: 0 }/'
differs tdx_no_preserve_to_shared 5 'expected errno EOPNOTSUPP, seen none' 's/uapi: rfc-v5/uapi: rfc-v4/'
differs tdx_forgotten_write 4 'expected says nobody said this, seen' 's/says: .*/says: nobody said this }/'
differs tdx_initial_image 5 'expected errno EAGAIN, seen none' 's/expect: { silent: yes }/expect: { errno: EAGAIN }/'
# The rest is played, and it shows.
sed 's/errno: EFAULT/errno: none/' "$scenarios/sw_protected_preserve.yaml" >a.yaml
"$gmem" play --quiet a.yaml "$scenarios/sw_protected_zero.yaml" >out 2>&1
[ $? = 1 ] && grep -q 'sw_protected_zero.yaml: 8 steps' out || fail "what comes behind a scenario that differs is not played: $(cat out)"

# What is no scenario: the file, the line, one sentence.
refused 'the file is empty' 1 </dev/null
refused 'several documents' 1 < <(printf -- 'a: 1\n---\nb: 2\n')
refused 'is a list of NAME: VALUE' 1 < <(echo 'just a sentence')
refused 'no YAML' '' < <(printf 'scenario: a: b\n')
refused 'no YAML' '' < <(printf 'scenario: [1, 2\n')
refused 'no YAML' '' < <(head -c 100000 /dev/zero | tr '\0' '[')
refused 'no YAML' '' < <(printf 'steps: *nothing\n')
refused 'not '"'"'sequel'"'" 2 < <(printf 'scenario: s\nsequel: t\n')
refused "'source' is missing" 1 < <(echo 'scenario: s')
refused "'scenario' is missing" 1 < <(echo 'source: s')
refused "'memory' is missing" 1 < <(printf 'scenario: s\nsource: s\nsteps: [{ say: s, guest: halt }]\n')
refused "'steps' are missing" 1 < <(printf 'scenario: s\nsource: s\nmemory: { ram: { size: 4K, gpa: 1M } }\n')
refused 'is there twice' 2 < <(printf 'scenario: s\nscenario: t\n')
refused 'has no value' 2 < <(printf 'scenario: s\nsource:\n')
refused 'sw_protected or snp' 1 < <(echo 'run: { platform: sgx }')
refused 'not '"'vax'" 1 < <(echo 'run: { uapi: vax }')
refused 'NAME=VALUE' 1 < <(echo 'run: { platform_options: poison }')
refused 'needs a size' 1 < <(echo 'memory: { ram: { size: 100, gpa: 1M } }')
refused 'needs a size' 1 < <(echo 'memory: { ram: { size: 2G, gpa: 1M } }')
refused 'needs a gpa' 1 < <(echo 'memory: { ram: { size: 4K } }')
refused 'is a number' 1 < <(echo 'memory: { ram: { size: four, gpa: 1M } }')
refused 'is a number' 1 < <(echo 'memory: { ram: { size: 99999999999999999999, gpa: 1M } }')
refused 'is a number' 1 < <(echo 'memory: { ram: { size: 17179869184G, gpa: 1M } }')
refused 'overlaps' 1 < <(echo 'memory: { a: { size: 8K, gpa: 1M }, b: { size: 4K, gpa: 0x101000 } }')
refused 'of a-z' 1 < <(echo 'memory: { "a b": { size: 8K, gpa: 1M } }')
refused 'needs somebody' 5 < <(with '{ say: s }')
refused "'say' is missing" 5 < <(with '{ vmm: touch, at: ram }')
refused 'one actor' 5 < <(with '{ say: s, vmm: touch, guest: halt, at: ram }')
refused "can convert" 5 < <(with '{ say: s, vmm: fly }')
refused "needs 'to'" 5 < <(with '{ say: s, vmm: convert, at: ram }')
refused "has no 'side'" 5 < <(with '{ say: s, vmm: touch, at: ram, side: private }')
refused "there is no memory 'rom'" 5 < <(with '{ say: s, vmm: touch, at: rom }')
refused 'by its name' 5 < <(with '{ say: s, vmm: touch, at: 4096 }')
refused 'does not lie in' 5 < <(with '{ say: s, vmm: read, at: ram+60K, size: 8K }')
refused 'does not lie in' 5 < <(with '{ say: s, vmm: touch, at: ram+0xffffffffffffffff }')
refused 'has no window' 5 < <(with '{ say: s, vmm: touch, at: own }')
refused 'is no number' 5 < <(with '{ say: s, vmm: touch, at: ram+x }')
refused 'private or ram' 5 < <(with '{ say: s, vmm: convert, at: ram, to: nowhere }')
refused 'unspecified, zero' 5 < <(with '{ say: s, vmm: convert, at: ram, to: private, mode: kept }')
refused 'nothing called' 5 < <(with '{ say: s, vmm: touch, at: ram, expect: { errno: EIO } }')
refused 'EOPNOTSUPP or' 5 < <(with '{ say: s, vmm: convert, at: ram, to: private, expect: { errno: ESPIPE } }')
refused 'no or yes' 5 < <(with '{ say: s, vmm: touch, at: ram, expect: { sigbus: 1 } }')
refused 'is a list of NAME: VALUE' 5 < <(with '{ say: s, vmm: touch, at: ram, expect: [sigbus] }')
refused 'one word or sentence' 5 < <(with '{ say: [s], vmm: touch, at: ram }')
refused 'cannot be a text' 5 < <(with '{ say: s, vmm: write, at: ram, text: noise }')
refused '256 bytes' 5 < <(with '{ say: s, vmm: read, at: ram, size: 8, expect: { reads: noise } }')
refused 'multiples of 8' 5 < <(with '{ say: s, guest: read, at: ram, size: 9, side: either }')
refused 'words are more' 5 < <(with '{ say: s, vmm: write, at: ram, size: 4, words: [1, 2] }')
refused '32 bits' 5 < <(with '{ say: s, vmm: write, at: ram, words: [0x100000000] }')
refused 'an entry is' 5 < <(with '{ say: s, guest: psc_list, entries: [ram, private] }')
refused 'no step before this one keeps' 5 < <(with '{ say: s, vmm: read, at: ram, expect: { like: it } }')
refused 'rounds' 5 < <(with '{ say: s, vmm: hog, at: ram, size: 64K, rounds: 0 }')
for what in nowhere.yaml /dev "$scratch"; do
    "$gmem" play "$what" >out 2>err
    [ $? = 2 ] && [ "$(wc -l <err)" = 1 ] || fail "$what: $(cat out err)"
done
rm -f bad.yaml broken.yaml a.yaml
head -c 2000000 /dev/zero >large
"$gmem" play large >out 2>err; [ $? = 2 ] || fail 'a large file is a scenario'
printf 'scenario: a\0b\n' >zero; "$gmem" play zero >out 2>err; [ $? = 2 ] || fail 'a file with a zero byte is a scenario'
mkdir nothing; "$gmem" play nothing >out 2>err; [ $? = 2 ] || fail 'an empty directory has scenarios'
"$gmem" play >out 2>err; [ $? = 2 ] || fail 'nothing is a scenario'

# Mutated files are scenarios or they are not: nobody crashes, and who refuses has a sentence.
RANDOM=7
signs=$'{}[]:,-#&*!|>\'"%@` \n\t0x9Kzé\\'
files=("$scenarios"/*.yaml)
for ((n = 0; n < ${GMEM_PLAY_MUTATIONS:-300}; n++)); do
    text=$(<"${files[RANDOM % ${#files[@]}]}")
    for ((m = RANDOM % 3; m >= 0; m--)); do
        at=$((RANDOM % ${#text})) len=$((RANDOM % 40))
        case $((RANDOM % 5)) in
        0) text=${text:0:at}${signs:RANDOM % ${#signs}:1}${text:at + 1} ;;
        1) text=${text:0:at}${signs:RANDOM % ${#signs}:1}${text:at} ;;
        2) text=${text:0:at}${text:at + len} ;;
        3) text=${text:0:at}${text:at:len}${text:at} ;;
        4) text=${text:0:at}${text:RANDOM % ${#text}:len}${text:at} ;;
        esac
    done
    printf '%s\n' "$text" >mutant.yaml
    status=0
    "$gmem" play --check mutant.yaml >out 2>err || status=$?
    [ "$status" = 0 ] || { [ "$status" = 2 ] && grep -q '^gmem: mutant.yaml:' err; } || { fail "mutation $n: status $status: $(cat out err)"; cat mutant.yaml >&2; }
    # Some of those that are scenarios are played: they may differ, not crash.
    if [ "$status" = 0 ] && [ $((n % 8)) = 0 ]; then
        "$gmem" play --quiet mutant.yaml >out 2>err || status=$?
        { [ "$status" -le 1 ] && ! grep -q 'ended' err; } || { fail "mutation $n is played with status $status: $(cat out err)"; cat mutant.yaml >&2; }
    fi
done
[ "$failures" = 0 ]

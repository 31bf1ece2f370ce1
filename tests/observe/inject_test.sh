#!/usr/bin/env bash
# gmem run --inject: each fault, as an unmodified program meets it. Usage: inject_test.sh GMEM RETRYING_VMM DOC
set -uo pipefail
gmem=$(realpath "$1") vmm=$(realpath "$2") doc=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# run WORDS... -- MODE: standard output and error in $scratch
run() {
    local options=()
    while [ "$1" != -- ]; do
        options+=(--inject "$1")
        shift
    done
    shift
    timeout 60 "$gmem" run --vcpu=scripted "${options[@]}" -- "$vmm" "$@" >"$scratch/out" 2>"$scratch/err"
}
fail() {
    echo "FAILED: $*" >&2
    cat "$scratch/out" "$scratch/err" >&2
    failures=$((failures + 1))
}
# expect FILE COUNT PATTERN: so many lines match
expect() {
    local got
    got=$(grep -c -e "$3" "$scratch/$1")
    [ "$got" = "$2" ] || fail "expected $2 times \"$3\" in $1, got $got"
}

# Nothing when not asked for.
run -- convert 16 || fail "convert"
expect out 0 .
expect err 0 .

# The third of all, and then each third; a refusal counts as a call too.
run eagain:nth=3 -- convert 4 || fail "nth"
expect out 1 '^private EAGAIN'
expect err 1 '^gmem: injected eagain:nth=3: 1 of 5 conversions to private$'
run eagain:every=3,times=2 -- convert 9 || fail "every"
expect out 2 '^private EAGAIN'
expect err 1 'injected eagain:every=3,times=2: 2 of 11 '
# Ranges: pages 4 to 7 are the second range of four.
run eagain:range=0x4000:0x4000,times=3 -- convert 4 || fail "range"
expect out 3 '^private EAGAIN at page [0-3] of 4$'
# A share: the same seed, the same sequence; another seed, another one.
run seed=7 eagain:share=30% enomem:share=5% -- convert 100 || fail "share"
cp "$scratch/out" "$scratch/first"
n=$(grep -c EAGAIN "$scratch/first")
[ "$n" -gt 20 ] && [ "$n" -lt 80 ] || fail "a share of 30 % struck $n of 100 and their retries"
[ "$(grep -o 'page [0-9]' "$scratch/first" | sort -u | wc -l)" = 4 ] || fail "not every page of a range is named"
again=$(sed -n 's/^gmem: the same again: gmem run //p' "$scratch/err")
timeout 60 "$gmem" run --vcpu=scripted $again -- "$vmm" convert 100 >"$scratch/out" 2>/dev/null || fail "the same again: $again"
cmp -s "$scratch/first" "$scratch/out" || fail "the same words gave another sequence: $again"
run seed=8 eagain:share=30% enomem:share=5% -- convert 100 || fail "another seed"
cmp -s "$scratch/first" "$scratch/out" && fail "another seed gave the same sequence"
GMEM_INJECT='seed=7 eagain:share=30% enomem:share=5%' timeout 60 "$gmem" run --vcpu=scripted -- "$vmm" convert 100 >"$scratch/out" 2>/dev/null
cmp -s "$scratch/first" "$scratch/out" || fail "GMEM_INJECT is not --inject"
# Processes count together: two programs that convert alternately, as one that converts twice as much.
timeout 60 "$gmem" run --vcpu=scripted --inject eagain:nth=6 -- sh -c '"$0" once 4; "$0" once 4' "$vmm" >"$scratch/out" 2>"$scratch/err" || fail "two processes"
[ "$(tr '\n' ' ' <"$scratch/out")" = "1111 1011 " ] || fail "two processes do not count together"

# Who goes on from the page that was named meets pages behind it only, and never one outside of the range: whichever share, and whatever the rule's bytes are.
for words in share=70% share=70%,range=0x8000:0x10000 share=80%,range=0x9800:0x3900 share=90%,range=0xf800:0x100 every=2; do
    run seed=4 "eagain:$words" -- onward 20 || fail "onward $words"
    [ "$(grep -c 'done$' "$scratch/out")" = 20 ] || fail "onward $words: not all was converted"
    [ "$(grep -oE '[0-9]+' "$scratch/out" | wc -l)" -gt 15 ] || fail "onward $words: too few refusals to see anything"
done
run seed=4 eagain:share=80% -- mixed 20 || fail "mixed"
[ "$(grep -oE '[0-9]+' "$scratch/out" | sort -u | wc -l)" -gt 8 ] || fail "mixed: always the same pages"
grep -qE '\b[0-9]*[02468]\b' "$scratch/out" && fail "mixed: nobody can hold a page that is private"

# ENOMEM, both ways; at the beginning of the range. Allocations.
run enomem:nth=2 -- convert 2 || fail "enomem"
expect out 1 '^shared ENOMEM at page 0 of 0$'
run enomem:nth=2,call=allocate -- allocate 3 || fail "allocate"
[ "$(tr '\n' ' ' <"$scratch/out")" = "allocate done allocate ENOMEM allocate done " ] || fail "allocations"

# Launches.
run eintr:nth=6 -- launch || fail "eintr"
expect out 1 '^update stopped, 11 pages left$'
expect out 1 '^launched$'
run eintr:nth=1 -- tdx || fail "eintr at the first page"
expect out 1 '^region errno 4, 4 pages left$'
expect out 1 '^launched$'
run enomem:nth=1,call=launch -- launch || fail "enomem in launch"
expect out 1 '^update errno 5 firmware 0, 16 pages left$'
for answer in INVALID_PAGE_STATE=0x1a RESOURCE_LIMIT=0x17 BUSY=0; do
    run "firmware:nth=1,error=${answer%=*}" -- launch || fail "$answer"
    expect out 1 "^update errno 5 firmware ${answer#*=}, 16 pages left\$"
    expect out 1 '^launched$'
done
run firmware:nth=3,error=INVALID_PAGE_STATE -- launch || fail "in the middle"
expect out 1 '^update stopped, 14 pages left$'
run firmware:error=OVERLAP -- launch || fail "OVERLAP"
[ "$(cat "$scratch/out")" = launched ] || fail "the kernel repeats RMPUPDATE after OVERLAP: nobody sees it"
run cpuid:times=1 -- cpuid || fail "cpuid"
expect out 1 '^cpuid firmware 0x16, eax 0x4$'
expect out 1 '^launched with eax 0x4$'

# Requests, memory failures, a peer that dies.
run seed=1 request:every=2,range=0x1000000:0x10000 -- run 4 || fail "request"
expect out 3 '^run [0-9]: memory_fault asks for page [0-9]* to be private$'
run seed=1 request:times=2,range=0x1000000:0x1000,exit=hypercall -- run 4 || fail "hypercall"
expect out 1 'hypercall asks for page 0 to be private$'
expect out 1 'hypercall asks for page 0 to be shared$'
run request:times=1,range=0x1003000:0x1000,to=shared -- run 2 || fail "to=shared"
expect out 1 'page 3 to be shared$'
run poison:nth=2,range=0x2000:0x1000 -- poison || fail "poison"
expect out 3 '^host page [013]: sound$'
expect out 1 '^host page 2: memory failure$'
expect out 1 '^guest page 2: EHWPOISON$'
expect out 1 '^after a punch: sound$'
run -- poison || fail "no poison"
expect out 4 '^host page [0-3]: sound$'
run kill:nth=1 -- peer || fail "peer"
expect out 1 '^the peer died of signal 9$'
run -- peer || fail "no kill"
expect out 1 '^the peer lives$'
begin=$(date +%s%N)
run delay:nth=1,ms=300 -- convert 1 || fail "delay"
[ $((($(date +%s%N) - begin) / 1000000)) -ge 300 ] || fail "a conversion was not delayed"

# What the end says, said again, is the same run: every fault, with the seed that was made up.
again() { # MODE... : WORDS...
    local mode=() options=() words
    while [ "$1" != : ]; do
        mode+=("$1")
        shift
    done
    shift
    local seed=()
    [ "${mode[0]}" != launch ] || seed=(seed=21) # of a share of so few pages another may strike none
    run "${seed[@]}" "$@" -- "${mode[@]}" || fail "${mode[*]} with $*"
    cp "$scratch/out" "$scratch/first.out"
    grep '^gmem: injected ' "$scratch/err" >"$scratch/first.err"
    words=$(sed -n 's/^gmem: the same again: gmem run //p' "$scratch/err")
    run ${words//--inject /} -- "${mode[@]}" || fail "${mode[*]} with $words"
    cmp "$scratch/first.out" "$scratch/out" || fail "${mode[*]}: the program saw something else with $words"
    diff "$scratch/first.err" <(grep '^gmem: injected ' "$scratch/err") || fail "${mode[*]}: other strikes with $words"
    grep -qE ': [1-9][0-9]* of ' "$scratch/first.err" || fail "${mode[*]} with $*: nothing was struck"
}
again convert 60 : eagain:share=33.333333333% enomem:share=10% eagain:nth=3 eagain:range=0x6800:0x1000,share=50%
again onward 20 : eagain:share=60%
again allocate 40 : enomem:call=allocate,share=40%
again convert 5 : delay:nth=2,ms=1 eagain:nth=2
again launch : eintr:share=20%
again launch : enomem:call=launch,nth=3
for answer in BUSY OVERLAP INVALID_PAGE_STATE RESOURCE_LIMIT; do
    again launch : "firmware:error=$answer,share=30%"
done
again cpuid : cpuid:times=2
again tdx : eintr:nth=1
again run 20 : request:share=50%,range=0x1000000:0x100000 request:share=20%,range=0x1000000:0x100000,exit=hypercall
again poison : poison:nth=1,range=0x0:0x4000
again peer : kill:nth=1

# A range in which the guest has nothing: no run is counted, and what is to come first comes when there is something.
run request:range=0x8000000:0x1000 -- run 3 || fail "request for nothing"
expect out 0 .
expect err 1 '^gmem: injected request:range=0x8000000:0x1000: 0 of 0 runs of vCPUs$'
run request:nth=1,range=0x1002800:0x100,to=private -- run 2 || fail "a part of a page"
expect out 1 'asks for page 2 to be private$'

# What is not known is refused in one sentence.
refused() { # WORD PATTERN
    run "$1" -- convert 1 && fail "$1 was taken"
    [ "$(wc -l <"$scratch/err")" = 1 ] && grep -q -e "$2" "$scratch/err" || fail "$1 was refused with other words than \"$2\""
}
refused egain 'egain is not known: use seed=N or eagain or enomem'
refused eagain:nth=0 'nth=0 is not known: use nth=N'
refused eagain:share=200% 'share=200% is not known'
refused eagain:nth=1,every=2 'exclude each other'
refused firmware 'which answer'
refused firmware:error=TIRED 'error=TIRED is not known: .*INVALID_PAGE_STATE'
refused delay 'how long'
refused seed=x 'a seed is a number'
refused eagain:ms=4 'ms=4 is not known'
"$gmem" run --observe=off --inject eagain -- true 2>"$scratch/err" && fail "without a session"
grep -q 'observe=off' "$scratch/err" || fail "without a session, no sentence"

# The events are in the trace too: of the log, each 128 bytes, kind `injected`. And the examples of the document are runnable words.
while IFS= read -r words; do
    timeout 60 "$gmem" run --vcpu=scripted $words -- "$vmm" convert 2 >"$scratch/out" 2>"$scratch/err" || fail "the document's: $words"
    grep -q '^gmem: the same again' "$scratch/err" || fail "the document's words inject nothing: $words"
done < <(sed -n 's/^    gmem run \(--inject.*\) -- .*/\1/p' "$doc")
[ "$(grep -c '^    gmem run --inject' "$doc")" -ge 3 ] || fail "the document has no examples"

[ "$failures" = 0 ] && echo "inject: all as expected"
exit $((failures != 0))

#!/usr/bin/env bash
# gmem run --inject request on a real vCPU. Usage: unasked_test.sh GMEM UNASKED_GUEST
set -uo pipefail
gmem=$(realpath "$1") guest=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0
here=range=0x1000000:0x10000
trace=()

fail() {
    echo "FAILED: $*" >&2
    cat "$scratch/out" "$scratch/err" >&2
    failures=$((failures + 1))
}
# run REQUESTS WORDS...: standard output and error in $scratch
run() {
    local options=() requests=$1 status=0
    shift
    for word in "$@"; do
        options+=(--inject "$word")
    done
    timeout 60 "$gmem" run "${options[@]}" "${trace[@]}" -- "$guest" "$requests" >"$scratch/out" 2>"$scratch/err" || status=$?
    [ "$status" = 77 ] && { cat "$scratch/out"; exit 77; }
    return "$status"
}
count() { grep -cE "$1" "$scratch/${2:-out}"; }

run 0 || fail "nothing asked for"
[ -s "$scratch/out" ] && fail "requests that nobody wanted"

# Each way of asking, at every run and now and then; after each the guest has what it would have had.
for words in "request:every=2,$here" "request:share=30%,$here,exit=hypercall" "request:to=private,$here,times=20" "request:to=shared,$here,times=20"; do
    [[ $words != *to=shared* ]] || trace=(--trace="$scratch/trace")
    run 20 seed=5 "$words" || fail "$words"
    trace=()
    [ "$(count .)" = 20 ] || fail "$words: not 20 requests"
    case $words in
    *exit=hypercall*) [ "$(count '^hypercall:')" = 20 ] || fail "$words: another exit" ;;
    *) [ "$(count '^memory_fault:')" = 20 ] || fail "$words: another exit" ;;
    esac
    case $words in
    *to=private*) [ "$(count ' to be private$')" = 20 ] || fail "$words: another direction" ;;
    *to=shared*) [ "$(count ' to be shared$')" = 20 ] || fail "$words: another direction" ;;
    # To the other side of what it is: of one page, private first, and then in turn.
    *) for page in $(seq 0 15); do
        side=shared
        while read -r to; do
            [ "$to" != "$side" ] || fail "$words: page $page is $side already"
            side=$to
        done < <(sed -nE "s/.*: page $page to be (.*)/\1/p" "$scratch/out")
    done ;;
    esac
done
[ "$(sed -E 's/.* page ([0-9]+) .*/\1/' "$scratch/out" | sort -u | wc -l)" -gt 8 ] || fail "always the same pages"
[ "$("$gmem" trace "$scratch/trace" | grep -cE ': injected: .*size=[0-9]+ fault=7 ')" -ge 20 ] || fail "strikes are not in the trace"

# Who wants KVM_RUN to end by immediate_exit is not overlooked while an answer is taken.
timeout 60 "$gmem" run --inject seed=5 --inject "request:every=2,$here" -- "$guest" 20 kicked >"$scratch/out" 2>"$scratch/err" || fail "kicked"

# The end's words again: the same requests, in their order. How often KVM_RUN is called besides is the machine's affair.
run 30 "request:share=40%,$here" "request:share=10%,$here,exit=hypercall" || fail "a seed that is made up"
cp "$scratch/out" "$scratch/first"
words=$(sed -n 's/^gmem: the same again: gmem run //p' "$scratch/err")
[ -n "$words" ] || fail "no words for the same again"
run 30 ${words//--inject /} || fail "the same again: $words"
cmp -s "$scratch/first" "$scratch/out" || fail "other requests with the same words: $words"

[ "$failures" = 0 ] && echo "unasked: as expected"
exit $((failures != 0))

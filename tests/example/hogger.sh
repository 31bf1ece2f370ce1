#!/usr/bin/env bash
# The hogger for a number of steps, which make the same conversions on every machine. Usage: hogger.sh EXPECTATION GMEM HOGGER [gmem's options] -- [hogger's options]
# EXPECTATION: right | two-source | wrong | same | native. Exit 0, 1 with what was seen, 77 where no guest can run.
# Reports are off: the hogger does on purpose what they are about.
set -uo pipefail
expectation=$1 gmem=$2 hogger=$3
shift 3
options=()
while [ "$1" != -- ]; do
    options+=("$1")
    shift
done
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "$1"
    cat "$folder"/out "$folder"/err
    exit 1
}
run() {
    timeout 100 "$gmem" run --report=off "${options[@]}" -- "$hogger" "$@" >"$folder/out" 2>"$folder/err"
    status=$?
}
# number ROW COLUMN: of the report.
number() { grep -E "^ *$1 " "$folder/out" | sed -E "s/^ *$1 +//" | tr -s ' ' | cut -d' ' -f"$2"; }

if [ "$expectation" = native ]; then
    "$hogger" --seconds=1 >"$folder/out" 2>"$folder/err"
    status=$?
    [ $status = 0 ] && { echo "skipped: this kernel has the interface"; exit 77; }
    [ $status = 3 ] && grep -q 'run me under gmem' "$folder/err" && exit 0
    fail "exit status $status without gmem"
fi
if [ ! -w /dev/kvm ]; then
    echo "skipped: no /dev/kvm that I may open, so no guest can run"
    exit 77
fi

case $expectation in
right | two-source)
    steps=$([ "$expectation" = right ] && echo 100 || echo 50) # two sources are slow
    run --vcpus=2 --size=16 --steps=$steps "$@"
    [ $status = 0 ] || fail "exit status $status"
    [ "$(number 'wrong bytes' 1)" = 0 ] || fail "no word of wrong bytes"
    to_private=0 to_shared=0
    for row in '4 KiB' 'up to 64 KiB' 'up to 1 MiB' 'up to 2 MiB'; do
        to_private=$((to_private + $(number "$row" 1)))
        to_shared=$((to_shared + $(number "$row" 2)))
    done
    [ "$to_private" -gt $((steps / 2)) ] && [ "$to_shared" -gt $((steps / 2)) ] || fail "$to_private conversions to private and $to_shared to shared are too few"
    for who in 1 7 11; do # the guest, the VMM, the device
        [ "$(number 'bytes checked' 1 | tr -d ,)" -gt 100000 ] || fail "too few bytes were looked at"
    done
    if [ "$expectation" = right ]; then
        [ "$(number 'out of reach' 1)" -gt 100 ] && [ "$(number 'out of reach' 7)" -gt 5 ] || fail "too few private pages were tried"
        [ "$(number 'bytes copied' 1)" = 0 ] || fail "bytes were copied"
    else
        [ "$(number 'bytes copied' 1)" -gt 100000 ] || fail "no bytes were copied"
    fi
    ;;
wrong) # one sentence
    run --vcpus=2 --size=16 --seconds=60 "$@"
    [ $status = 1 ] || fail "exit status $status although a byte was wrong"
    [ "$(grep -c '^hogger: wrong byte' "$folder/err")" = 1 ] && [ "$(wc -l <"$folder/err")" = 1 ] && [ ! -s "$folder/out" ] || fail "not one sentence"
    ;;
same) # the seed decides what is converted; which vCPU is first does not matter
    for log in one two other; do
        run --vcpus=2 --size=16 --steps=20 --holder=off --log="$folder/$log" --seed=$([ $log = other ] && echo 8 || echo 7)
        [ $status = 0 ] || fail "exit status $status"
        sed -E 's/^[0-9]+@[0-9]+\.[0-9]+://' "$folder/$log" | sort >"$folder/$log.sorted"
        grep -q 'kvm_convert_memory start 0x[0-9a-f]* size 0x[0-9a-f]* shared_to_private' "$folder/$log" || fail "the log does not tell"
    done
    cmp -s "$folder/one.sorted" "$folder/two.sorted" || fail "two runs from one seed converted differently"
    cmp -s "$folder/one.sorted" "$folder/other.sorted" && fail "another seed makes no difference"
    ;;
esac
exit 0

#!/usr/bin/env bash
# gmem report: a page of any trace, and one clear sentence where there is none. report_test.sh GMEM MAKE_TRACE
set -uo pipefail
gmem=$1 make_trace=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# refused SENTENCE FILE
refused() {
    local said status=0
    said=$("$gmem" report "$2" -o "$folder/refused.html" 2>&1) || status=$?
    [ "$status" = 1 ] || fail "$2: exit status $status"
    [ "$(wc -l <<<"$said")" = 1 ] && [[ $said == "gmem: $2: $1" ]] || fail "$2: says '$said'"
    [ ! -e "$folder/refused.html" ] || fail "$2: left a page behind"
}

refused "No such file or directory" "$folder/absent"
echo "not a trace" >"$folder/text"
refused "too short to be a trace" "$folder/text"
head -c 1000000 /dev/urandom >"$folder/noise"
refused "not a trace of gmem run" "$folder/noise"
refused "not an ordinary file, so not a trace" "$folder"
mkfifo "$folder/pipe"
refused "not an ordinary file, so not a trace" "$folder/pipe"
refused "not an ordinary file, so not a trace" /dev/null
"$make_trace" "$folder/header" events=100 broken=header
refused "not a trace of gmem run" "$folder/header"
"$make_trace" "$folder/short" events=100 broken=short
refused "too short to be a trace" "$folder/short"
"$make_trace" "$folder/whole" events=300
"$make_trace" "$folder/empty" events=300 broken=empty
refused "there is no event in this trace" "$folder/empty"
mkdir "$folder/taken"
"$gmem" report "$folder/whole" -o "$folder/taken" >/dev/null 2>&1 && fail "wrote to a folder"
"$gmem" report "$folder/whole" -o "$folder/absent/page.html" >/dev/null 2>&1 && fail "wrote to a folder that is not there"

# facts NAME of a page: the JSON in it, on one line
facts() { grep -o '<script type="application/json" id="facts">.*</script>' "$folder/$1.html"; }
page() {
    "$make_trace" "$folder/$1" "${@:2}" || fail "$1: no trace"
    "$gmem" report "$folder/$1" -o "$folder/$1.html" >/dev/null || fail "$1: no page"
    [ "$(tail -n 1 "$folder/$1.html")" = "</html>" ] || fail "$1: half a page"
    [ "$(stat -c %s "$folder/$1.html")" -lt 30000000 ] || fail "$1: a large page"
}
page ordinary events=2000 files=2
facts ordinary | grep -q '"summary":null' || fail "a small trace is not told whole"
facts ordinary | grep -q '"pages":16384' || fail "the guest's size is wrong"
facts ordinary | grep -q 'EAGAIN' || fail "no EAGAIN among the failures"
facts ordinary | grep -q 'vmm + 0x10ff.nvmm + 0x13ff' || fail "no stack is told"
facts ordinary | grep -q '<script>alert' && fail "the program's words are part of the page"
page terabyte events=20000 bytes=0x10000000000
facts terabyte | grep -q '"pages":268435456' || fail "1 TiB is not there"
page cut events=3000 broken=cut
for seed in 1 2 3 4 5 6 7 8; do
    page "random$seed" events=400 broken=random "seed=$seed"
    facts "random$seed" | grep -q '"strange":0,' && fail "random events make sense"
done
# More than the page takes one by one.
page many events=1300000 bytes=0x4000000000
facts many | grep -q '"summary":{"count":' || fail "a large trace is not summarised"
facts many | grep -q '"oneIn":\[1,' && fail "a large trace is told whole"

[ "$failures" = 0 ]

#!/usr/bin/env bash
# What gmem run tells about programs that make mistakes, and about those that nearly do. reports_test.sh GMEM MISTAKES MISTAKES_O2 MISTAKES_STRIPPED SOURCE LAUNCH_TDX ACCESSES [CASE]
set -uo pipefail
gmem=$1 plain=$2 optimised=$3 stripped=$4 source=$5 tdx=$6 accesses=$7 only=${8:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
"$gmem" run --report=off -- "$plain" nearly-private-read
[ $? = 77 ] && { echo "skipped: no VM here"; exit 77; }

fail() {
    echo "FAILED: $*" >&2
    cat err >&2
    failures=$((failures + 1))
}
# run STATUS COMMAND...: standard error goes to err
run() {
    local want=$1 status=0
    shift
    timeout 60 "$@" >out 2>err || status=$?
    [ "$status" = "$want" ] || fail "status $status instead of $want: $*"
}
has() { grep -q -e "$1" err || fail "\"$1\" is missing"; }
has_not() { ! grep -q -e "$1" err || fail "\"$1\" is there"; }
# line MARK: where the source has it
line() { grep -n "here: $1 " "$source" | cut -d: -f1; }
silent() { [ -s err ] && fail "not silent: $*"; }

sigbus=135
base=$(basename "$source")

names_lines() { # of one build
    run $sigbus "$gmem" run -- "$1" private-write
    has '^gmem: private-access: process [0-9]* ([a-z_0-9]*) wrote 4 bytes to a private page$'
    has 'byte 0x3010 of guest_memfd [0-9]* (page 3), guest physical address 0x1003010 in memslot 3$'
    has "^    #0 store_header at .*$base:$(line written) "
    has "^    #0 hand_to_guest at .*$base:$(line made-private) \|^    #[12] hand_to_guest at .*$base:$(line made-private) "
    has '#[1-4] main at '
    has 'made private .* before, by process [0-9]* ([a-z_0-9]*), which converted bytes \[0x3000, 0x5000)'
    has 'convert bytes \[0x3000, 0x5000) to private$'
    has 'docs/reports/private-access.md'
    has '^gmem: 1 report (0 suppressed), 1 distinct: 1 private-access$'
    has_not 'libgmem-preload'
    run 0 "$gmem" run -- "$1" nearly-private-write
    silent
}
case_lines() { names_lines "$plain"; }
case_optimised() { names_lines "$optimised"; }
case_stripped() {
    run $sigbus "$gmem" run -- "$stripped" private-write
    has '^    #0 ?? (.*+0x[0-9a-f]*)$'
    has '(no symbols in .*)$'
}
case_read() {
    run $sigbus "$gmem" run -- "$plain" private-read
    has '^gmem: private-access: .* read 1 byte of a private page$'
    has 'private since the guest_memfd was created'
    has "#0 load_header at .*:$(line read) "
    has "#[0-9]* .* at .*:$(line created) \|create_file"
    run 0 "$gmem" run -- "$plain" nearly-private-read
    silent
}
# Each access of a program that knows how many bytes it accesses. Where the code lies in no file, and nobody waits until it was looked at, nothing is said of a size.
case_sizes() {
    run 0 "$gmem" run -- "$accesses"
    grep -oE '(wrote [0-9]+ bytes? to|read [0-9]+ bytes? of) a private page|[0-9]+ bytes? into an access of [0-9]+ that begins' err >told
    diff out told || fail "other sizes"
    [ "$(wc -l <told)" -ge 20 ] || fail "too few accesses"
    run 0 "$gmem" run --report-handled -- "$accesses" handled
    has 'wrote to a private page (and handled SIGBUS)$'
}
case_thread() {
    run $sigbus "$gmem" run -- "$plain" private-thread
    has '^gmem: private-access: thread [0-9]* of process [0-9]* (.*) wrote'
    has '#1 thread_body at '
    run 0 "$gmem" run -- "$plain" nearly-private-thread
    silent
}
case_child() {
    run 0 "$gmem" run -- "$plain" private-child
    has '#0 store_header at '
    has '#[0-9] private_child at '
    run 0 "$gmem" run -- "$plain" nearly-private-child
    silent
}
case_handled() {
    run 0 "$gmem" run -- "$plain" handled
    silent
    run 0 "$gmem" run --report-handled -- "$plain" handled
    has 'wrote 4 bytes to a private page (and handled SIGBUS)' # the code is in the program's file
    has '^gmem: 3 reports (0 suppressed), 1 distinct: 3 private-access$'
}
case_syscall() {
    run 0 "$gmem" run -- "$plain" private-syscall
    has '^gmem: private-syscall: '
    has "#[01] send_page at .*:$(line sent) "
    has '^gmem: 1 report '
    run 0 "$gmem" run -- "$plain" nearly-private-syscall
    silent
}
case_pins() {
    run 0 "$gmem" run -- "$plain" pinned-conversion
    has '^gmem: pinned-conversion: .* could not make bytes \[0x3000, 0x5000) private: a page is pinned$'
    has 'the pin: vmsplice on bytes \[0x4000, 0x5000)'
    has "#[0-9] hand_to_guest at .*:$(line made-private) "
    has "#[01] give_to_pipe at .*:$(line pinned) "
    has '^gmem: 1 report '
    run 0 "$gmem" run -- "$plain" nearly-pinned-conversion
    silent
    run 0 "$gmem" run -- "$plain" pinned-at-exit
    has '^gmem: pinned-at-exit: .* has ended with bytes \[0x4000, 0x5000) pinned: vmsplice$'
    has "#[01] give_to_pipe at .*:$(line pinned) "
    run 0 "$gmem" run -- "$plain" nearly-pinned-at-exit
    silent
}
case_platform() {
    run 0 "$gmem" run --platform=pkvm --platform-option=pkvm-unsolicited=refused -- "$plain" platform-refusal
    has '^gmem: platform-refusal: .* could not make bytes \[0x0, 0x1000) shared: the platform refuses with EPERM$'
    has 'the platform: pkvm'
    has "#[0-9] take_back at .*:$(line taken-back) "
    run 0 "$gmem" run --platform=pkvm --platform-option=pkvm-unsolicited=refused -- "$plain" nearly-platform-refusal
    silent
}
case_ping_pong() {
    run 0 "$gmem" run -- "$plain" ping-pong
    has '^gmem: ping-pong: .* converted bytes \[0x1000, 0x2000) for the 100th time within '
    run 0 "$gmem" run -- "$plain" nearly-ping-pong
    silent
}
case_foreign() {
    run 0 "$gmem" run -- "$plain" foreign-userspace-addr
    has '^gmem: foreign-userspace-addr: .* made memslot 1 with a userspace_addr that does not show'
    has "#[0-9] plug at .*:$(line bound) "
    run 0 "$gmem" run -- "$plain" nearly-foreign-userspace-addr
    silent
}
case_launch() {
    run 0 "$gmem" run --vcpu=scripted -- "$tdx" never
    has '^gmem: unwritten-measured: .* launched bytes .* with 2 pages that nobody ever wrote$'
    run 0 "$gmem" run --vcpu=scripted -- "$tdx" written
    has_not 'unwritten-measured'
}
case_suppressed() {
    printf '# known\nprivate-access function=store_*  # for years\n' >list
    run $sigbus "$gmem" run --suppressions=list -- "$plain" private-write
    has '^gmem: 1 report (1 suppressed), 0 distinct$'
    [ "$(wc -l <err)" = 1 ] || fail "suppressed, but told"
    printf 'private-access function=load_*\nprivate-syscall\n' >list
    run $sigbus "$gmem" run --suppressions=list -- "$plain" private-write
    has '^gmem: private-access: '
    printf 'private-access file=*/%s module=*mistakes*\n' "$base" >list
    run 0 "$gmem" run --error-exitcode=9 --suppressions=list -- "$plain" private-child
    has '(1 suppressed), 0 distinct$'
    printf '\nprivate-excess\n' >list
    run 125 "$gmem" run --suppressions=list -- "$plain" private-write
    has 'list:2: private-excess is no kind of report'
    printf 'private-access functions=x\n' >list
    run 125 "$gmem" run --suppressions list -- "$plain" private-write
    run 125 "$gmem" run --suppressions=none -- "$plain" private-write
}
# Stacks of a trace: names and lines while the program's file is what ran, then file and offset.
case_traces() {
    cp "$optimised" copy # its store is its function's first instruction
    run 0 "$gmem" run --report-file=told --trace=trace -- ./copy private-child
    run 0 "$gmem" trace --stacks trace
    cp out err
    has "^ *=> hand_to_guest at .*$base:$(line made-private) (.*/copy+0x[0-9a-f]*)$"
    has "^ *=> store_header at .*$base:$(line written) (.*/copy+0x[0-9a-f]*)$"
    has '^ *=> private_child at '
    has '^ *=> main at '
    grep -A1 ': convert: ' out | grep -q '=> .*hand_to_guest\|=> convert_range' || fail "the conversion's stack is elsewhere"
    run 0 "$gmem" report trace -o page.html
    grep -q "hand_to_guest at [^ ]*$base:$(line made-private) (copy+0x" page.html || fail "the page names no function"
    cp "$plain" other && mv other copy # another program is there now
    run 0 "$gmem" trace --stacks trace
    cp out err
    has '^ *=> .*/copy+0x[0-9a-f]*$'
    has_not 'hand_to_guest'
    run 0 "$gmem" report trace -o page.html
    grep -q 'copy + 0x' page.html || fail "the page has no offsets"
    ! grep -q 'hand_to_guest' page.html || fail "the page has names of another program"
    rm copy
    run 0 "$gmem" trace --stacks trace
    cp out err
    has '^ *=> .*/copy+0x[0-9a-f]*$'
}
case_status() {
    run 9 "$gmem" run --error-exitcode=9 -- "$plain" private-write
    run 9 "$gmem" run --error-exitcode 9 -- "$plain" private-child
    run 0 "$gmem" run --error-exitcode=9 -- "$plain" nearly-private-write
    run 3 "$gmem" run --error-exitcode=9 -- sh -c 'exit 3'
    run 125 "$gmem" run --error-exitcode=none -- true
    run 125 "$gmem" run --error-exitcode=0 -- true
}
case_off() {
    run $sigbus "$gmem" run --report=off -- "$plain" private-write
    silent
    run $sigbus env GMEM_REPORT=off "$gmem" run --trace=trace -- "$plain" private-write
    silent
    run $sigbus "$gmem" run --observe=off -- "$plain" private-write
    silent
    run 125 "$gmem" run --report=perhaps -- true
}
case_files() {
    run $sigbus "$gmem" run --report-file=told -- "$plain" private-write
    silent
    grep -q '^gmem: private-access' told && grep -q '^gmem: 1 report ' told || fail "the file: $(cat told)"
    run 125 "$gmem" run --report-file=/no/such/place -- true
    run 125 "$gmem" run --report-format=xml -- true
    command -v python3 >/dev/null || return 0
    run $sigbus "$gmem" run --report-file told.json --report-format json -- "$plain" private-write
    python3 - "$(line written)" <<'PYTHON' || fail "JSON: $(cat told.json)"
import json, sys
report, summary = [json.loads(line) for line in open("told.json")]
assert report["report"] == "private-access" and report["facts"]["page"] == 3 and report["facts"]["gpa"] == 0x1003010 and report["facts"]["write"] == 1
frame = report["stacks"][0]["frames"][0]
assert frame["function"] == "store_header" and frame["line"] == int(sys.argv[1]), frame
assert report["facts"]["access_size"] == 4 and report["facts"]["access_begin"] == report["facts"]["hva"]
assert report["facts"]["slot"] == 3 and report["facts"]["private_for_nanoseconds"] > 0
assert summary["summary"]["reports"] == 1 and summary["summary"]["kinds"] == {"private-access": 1}
PYTHON
}

for name in ${only:-lines optimised stripped read sizes thread child handled syscall pins platform ping_pong foreign launch suppressed traces status off files}; do
    "case_$name"
done
exit "$failures"

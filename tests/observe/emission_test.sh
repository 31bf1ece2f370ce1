#!/usr/bin/env bash
# Usage: emission_test.sh GMEM EMISSION TRACE_TEST DOC [EMISSION_LIBRARY]
# Makes each kind of event happen, and compares all that the log says of it. Kinds that a program meets on its usual way are in TRACE_TEST. A kind of DOC's table that neither expects fails the test.
set -uo pipefail
gmem=$(realpath "$1") program=$(realpath "$2") trace_test=$3 doc=$4 library=${5:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# What differs from run to run. A line of the program's output, NAME=VALUE, is a number that only it knows: the log has to have it, and it is told as NAME=KNOWN.
comparable() { # CASE
    local known
    grep -v '^#' | sed -E 's/^.* [0-9]+\.[0-9]{9}: //; s/ took=[0-9]+ns//; s/file=[0-9]+/file=F/; s/(hva|instruction|token|offset|begin|end|file_offset)=0x[0-9a-f]{7,}/\1=A/g; s/ name=.*\// name=/' >"$scratch/lines"
    while IFS= read -r known; do
        sed -i -E "s/\b$known\b/${known%%=*}=KNOWN/" "$scratch/lines"
    done <"$scratch/$1.out"
    cat "$scratch/lines"
}

# Reads what is expected of the case's events of these kinds from standard input.
log_of() { # CASE KINDS OPTIONS-OF-GMEM-RUN...
    local name=$1 kinds=$2 status=0
    shift 2
    cat >"$scratch/expected"
    grep -oE '^[a-z_]+' "$scratch/expected" >>"$scratch/tested"
    timeout 60 "$gmem" run --vcpu=scripted --report-file="$scratch/reports" --trace="$scratch/$name" "$@" -- "$program" "$name" >"$scratch/$name.out" 2>"$scratch/err" || status=$?
    if [ "$status" = 77 ]; then
        echo "not here: $name"
        return
    fi
    [ "$status" = 0 ] || fail "$name: exit status $status: $(cat "$scratch/err")"
    "$gmem" trace "$scratch/$name" | comparable "$name" | grep -E "^($kinds):" >"$scratch/seen"
    diff "$scratch/expected" "$scratch/seen" >&2 || fail "$name: not what is expected (<)"
}

log_of snp launch <<'LOG'
launch: step=sev_init2 firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=snp_start firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: file=F offset=0x0 size=12288 step=snp_update firmware_error=0 gpa=0x1000000 page_type=1 vm=1 never_written=1 result=0
launch: file=F offset=0x3000 size=4096 step=snp_update firmware_error=0 gpa=0x1003000 page_type=3 vm=1 never_written=1 result=0
launch: step=snp_update firmware_error=22 gpa=0x1004000 page_type=6 vm=1 never_written=0 result=-EIO
launch: step=snp_update firmware_error=0 gpa=0x1008000 page_type=1 vm=1 never_written=0 result=-EIO
launch: step=snp_update firmware_error=0 gpa=0x1100000 page_type=1 vm=1 never_written=0 result=-EINVAL
launch: step=snp_finish firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=snp_finish firmware_error=2 gpa=0x0 page_type=0 vm=1 never_written=0 result=-EIO
launch: step=other firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=-EPERM
LOG

log_of tdx launch <<'LOG'
launch: step=tdx_capabilities firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=tdx_init_vm firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=tdx_get_cpuid firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=tdx_init_vcpu firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: file=F offset=0x0 size=8192 step=tdx_init_mem_region firmware_error=0 gpa=0x1000000 page_type=0 vm=1 never_written=1 result=0
launch: file=F offset=0x2000 size=4096 step=tdx_init_mem_region firmware_error=0 gpa=0x1002000 page_type=0 vm=1 never_written=0 result=-EINVAL
launch: step=tdx_finalize firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
LOG

log_of tdx_refused launch <<'LOG'
launch: step=tdx_init_vm firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
launch: step=tdx_finalize firmware_error=KNOWN gpa=0x0 page_type=0 vm=1 never_written=0 result=-EIO
LOG

log_of realm launch --platform=cca <<'LOG'
launch: file=F offset=0x1000 size=4096 step=realm_populate firmware_error=0 gpa=0x1001000 page_type=0 vm=1 never_written=0 result=0
launch: step=realm_populate firmware_error=0 gpa=0x1001000 page_type=0 vm=1 never_written=0 result=-ENXIO
launch: step=realm_activate firmware_error=0 gpa=0x0 page_type=0 vm=1 never_written=0 result=0
LOG

log_of exits 'memory_fault|hypercall|pre_fault' <<'LOG'
memory_fault: offset=0x0 size=4096 gpa=0x1002000 flags=0x8 vm=1 vcpu=0 result=-EFAULT
hypercall: vm=1 number=12 argument0=0x1001000 argument1=0x3 argument2=0x10 vcpu=0 result=0
pre_fault: offset=0x0 size=12288 gpa=0x1000000 left=0 vm=1 flags=0x0 result=0
pre_fault: offset=0x0 size=4096 gpa=0x4000000 left=4096 vm=1 flags=0x0 result=-ENOENT
LOG

log_of trusted 'guest_access|memory_fault' --platform=pkvm <<'LOG'
guest_access: file=F offset=0x1000 size=4096 gpa=0x1001000 result=0
guest_access: file=F offset=0x1000 size=4096 gpa=0x1001000 result=-EHWPOISON
memory_fault: offset=0x0 size=4096 gpa=0x1001000 flags=0x8 vm=1 vcpu=0 result=-EHWPOISON
LOG

log_of host 'host_access|told' --platform=snp --uapi=feb <<'LOG'
host_access: file=F offset=0x1000 size=4096 write=1 consequence=host_crash result=-EFAULT
told: report=8 about=KNOWN result=0
LOG

log_of vm_attributes vm_attributes --in-place=off <<'LOG'
vm_attributes: offset=0x0 size=12288 to=private gpa=0x100000 flags=0x0 vm=1 attributes=0x8 result=0
vm_attributes: offset=0x0 size=4096 to=shared gpa=0x101000 flags=0x0 vm=1 attributes=0x0 result=0
vm_attributes: offset=0x0 size=5 to=private gpa=0x100000 flags=0x0 vm=1 attributes=0x8 result=-EINVAL
LOG

log_of policy policy <<'LOG'
policy: file=F offset=0x1000 size=8192 mode=0x1 flags=0x0 nodes=0x1 nodes_known=1 result=0
policy: file=F offset=0x2000 size=4096 mode=0x0 flags=0x0 nodes=0x0 nodes_known=1 result=0
policy: offset=0x0 size=4096 mode=0x63 flags=0x0 nodes=0x0 nodes_known=1 result=-EINVAL
LOG

log_of silent 'silent_peer|convert' --peer-timeout=150 <<'LOG'
silent_peer: file=F offset=0x0 size=0 culprit=KNOWN waited=150000000 result=0
convert: file=F offset=0x1000 size=4096 to=private flags=0x0 effect=none why=page_in_use attributes=0x8 reserved=0x0 error_offset=0x1000 result=-EAGAIN
convert: file=F offset=0x1000 size=4096 to=private flags=0x0 effect=none attributes=0x8 reserved=0x0 result=0
LOG

log_of released 'release|unmap' <<'LOG'
unmap: file=F offset=0x0 size=8192 hva=A result=0
release: file=F offset=0x0 size=8192 result=0
unmap: file=F offset=0x2000 size=8192 hva=A result=0
release: file=F offset=0x0 size=16384 result=0
LOG

# Where pages are opened natively, and with the overlay engine, the kernel gives a page back by itself.
if [ "${GMEM_WINDOW_OPENING:-}" = installed ]; then
    log_of recovered recover <<'LOG'
recover: file=F offset=0x1000 size=4096 result=0
LOG
else
    echo recover >>"$scratch/tested"
fi

log_of injected injected --inject eagain:nth=1,range=0x1000:0x1000 <<'LOG'
injected: file=F offset=0x0 size=16384 fault=1 count=1 error_offset=0x1000 result=0
LOG

log_of told 'told' <<'LOG'
told: report=1 about=KNOWN result=0
LOG

log_of forks 'process|convert' <<'LOG'
process: how=began parent=KNOWN name=emission
process: how=forked parent=KNOWN name=emission
convert: file=F offset=0x0 size=4096 to=private flags=0x0 effect=none attributes=0x8 reserved=0x0 result=0
LOG

# The same through the C interface, where there is no VM.
if [ -n "$library" ]; then
    program=$(realpath "$library")
    log_of library_tdx 'launch|told' <<'LOG'
launch: file=F offset=0x0 size=0 step=tdx_init_vm firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=0
launch: file=F offset=0x0 size=0 step=tdx_init_vcpu firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=0
launch: file=F offset=0x0 size=8192 step=tdx_init_mem_region firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=1 result=0
launch: file=F offset=0x2000 size=4096 step=tdx_init_mem_region firmware_error=0 gpa=0x2000 page_type=0 vm=0 never_written=0 result=0
launch: file=F offset=0x0 size=0 step=tdx_init_mem_region firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=-EIO
launch: file=F offset=0x0 size=0 step=tdx_finalize firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=0
told: report=4 about=KNOWN result=0
LOG
    log_of library_snp 'launch|release' <<'LOG'
launch: file=F offset=0x0 size=0 step=snp_start firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=0
launch: file=F offset=0x0 size=0 step=snp_update firmware_error=22 gpa=0x3000 page_type=6 vm=0 never_written=0 result=-EIO
launch: file=F offset=0x4000 size=4096 step=snp_update firmware_error=0 gpa=0x4000 page_type=3 vm=0 never_written=1 result=0
launch: file=F offset=0x0 size=0 step=snp_finish firmware_error=0 gpa=0x0 page_type=0 vm=0 never_written=0 result=0
LOG
    log_of library_accesses 'guest_access|host_access' <<'LOG'
guest_access: file=F offset=0x2000 size=4096 gpa=0x2000 result=0
host_access: file=F offset=0x2000 size=4096 write=0 consequence=guest_poisoned result=-EHWPOISON
guest_access: file=F offset=0x2000 size=4096 gpa=0x2000 result=-EHWPOISON
LOG
    log_of library_policy 'policy|release' <<'LOG'
policy: file=F offset=0x1000 size=4096 mode=0x1 flags=0x0 nodes=0x1 nodes_known=1 result=0
policy: file=F offset=0x0 size=4096 mode=0x63 flags=0x0 nodes=0x0 nodes_known=1 result=-EINVAL
release: file=F offset=0x0 size=32768 result=0
LOG
fi

# A file that is mapped executable lies where its line says, and the caller's place is in one.
"$gmem" trace --stacks "$scratch/forks" >"$scratch/text"
grep -qE ': module: offset=0x[0-9a-f]+ size=0 begin=0x[0-9a-f]+ end=0x[0-9a-f]+ file_offset=0x[0-9a-f]+ name=.*/emission$' "$scratch/text" || fail "the program's own file is no module of it"
grep -A1 ': convert: ' "$scratch/text" | grep -qE "=> convert at .*/machine\.h:[0-9]+" || fail "the conversion's caller is not told: $(grep -A1 ': convert: ' "$scratch/text")"
printf '%s\n' module stack >>"$scratch/tested"

# Each kind that can be has its line here or there.
sed -n '/^cat.*<<.TEXT.$/,/^TEXT$/p' "$trace_test" | grep -oE '^[a-z_]+:' | tr -d : >>"$scratch/tested"
sort -u "$scratch/tested" -o "$scratch/tested"
sed -nE 's/^\| `([a-z_]+)` \|.*/\1/p' "$doc" | sort -u >"$scratch/kinds"
[ "$(wc -l <"$scratch/kinds")" -ge 28 ] || fail "the document has no table of kinds"
untested=$(comm -13 "$scratch/tested" "$scratch/kinds")
[ -z "$untested" ] || fail "no test makes these happen: $untested"

[ "$failures" = 0 ] && echo "emission: as expected"
exit $((failures != 0))

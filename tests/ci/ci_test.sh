#!/usr/bin/env bash
# ci_test.sh GMEM MISTAKES ROOT CASE: what docs/ci.md says, as far as a machine without a container runtime can do it.
#   workflow   every line of examples/ci/workflow.yml that runs gmem, for a VMM without a mistake and for one with
#   profile    under examples/ci/seccomp.json: no userfaultfd
#   namespace  as an unprivileged user in namespaces of its own, under the same profile
set -uo pipefail
gmem=$1 mistakes=$2 root=$3 case=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cd "$scratch" || exit 1

fail() { echo "$*" >&2; cat "$scratch"/*.out 2>/dev/null >&2; exit 1; }

test_of() { # what the workflow's ./vmm-test is
    printf '#!/bin/sh\nexec "%s" %s\n' "$mistakes" "$1" >vmm-test
    chmod +x vmm-test
}
lines() { sed -n 's/^ *run: \(gmem .*\)$/\1/p' "$root/examples/ci/workflow.yml"; }

case $case in
workflow)
    PATH=$(dirname "$gmem"):$PATH
    [ "$(lines | wc -l)" = 5 ] || fail "the workflow has not five lines of gmem's"
    test_of "3 right"
    while read -r line; do
        sh -c "$line" >line.out 2>&1 || fail "$line: $?"
    done < <(lines)
    [ ! -s reports.txt ] && [ -s vmm.html ] || fail "reports of a VMM that makes no mistake, or no picture"
    test_of 2
    sh -c "$(lines | grep error-exitcode)" >line.out 2>&1
    status=$?
    [ $status = 9 ] && grep -q '^gmem: private-syscall' reports.txt || fail "a mistake ends with $status"
    ;;
profile | namespace)
    under=(python3 "$root/tests/ci/under_profile.py" "$root/examples/ci/seccomp.json")
    expected='overlay|/dev/userfaultfd' # root has the device
    if [ "$case" = namespace ]; then # a container has none
        under=(unshare --user --map-current-user --mount --pid --fork --mount-proc --ipc --net sh -c 'mount --bind /dev/null /dev/userfaultfd 2>/dev/null; exec "$@"' _ "${under[@]}")
        expected=overlay
    fi
    "${under[@]}" /bin/true >true.out 2>&1
    status=$?
    [ $status = 77 ] && { cat true.out; exit 77; }
    [ $status = 0 ] || { echo "skipped: no such namespaces here: $(cat true.out)"; exit 77; }
    "${under[@]}" "$gmem" doctor >doctor.out 2>&1
    grep -Eq "$expected" doctor.out || fail "the doctor does not see that userfaultfd is forbidden"
    for number in 1 2 3 4 5; do
        "${under[@]}" "$gmem" run --error-exitcode=9 --vcpu=scripted -- "$mistakes" $number right >right.out 2>&1 || fail "$number right: $?"
        "${under[@]}" "$gmem" run --error-exitcode=9 --vcpu=scripted -- "$mistakes" $number >wrong.out 2>&1
        status=$?
        [ $status = 9 ] || fail "$number: $status instead of 9"
    done
    ;;
*) fail "no such case: $case" ;;
esac

#!/usr/bin/env bash
# gmem matrix: executed and documented agree; whatever is changed on either side is noticed and named. Usage: matrix_test.sh GMEM DOCUMENTED
set -euo pipefail
gmem=$1
documented=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() {
    echo "FAILED: $*" >&2
    failed=1
}

# run STATUS ARGUMENTS...: stdout and stderr in $folder
run() {
    local wanted=$1 status=0
    shift
    "$gmem" matrix "$@" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = "$wanted" ] || { fail "matrix $*: exit $status instead of $wanted"; tail -5 "$folder/err" >&2; }
}

says() { grep -qF -- "$2" "$folder/$1" || { fail "nothing says: $2"; tail -5 "$folder/$1" >&2; }; }

# --- all of it
begin=$SECONDS
run 0 --documented "$documented"
[ $((SECONDS - begin)) -lt 60 ] || fail "the whole table took $((SECONDS - begin)) s"
says err "480 cells executed, all as documented"
[ "$(grep -cE '^  to-(private|shared) ' "$folder/out")" = 480 ] || fail "the table has not 480 lines"

# --- as it is installed, unprivileged and without /dev/kvm
run 0 --platform sw_protected
says err "96 cells executed, all as documented"
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$gmem" -a -r "$documented"; then
    status=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$gmem" matrix --documented "$documented" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = 0 ] || { fail "unprivileged: exit $status"; tail -5 "$folder/err" >&2; }
fi
if [ "$(id -u)" = 0 ]; then
    status=0
    "$(dirname "$0")/../unmodified/without_kvm.sh" "$gmem" matrix --documented "$documented" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = 0 ] || [ "$status" = 77 ] || { fail "without /dev/kvm: exit $status"; tail -5 "$folder/err" >&2; }
fi

# --- the documented side: one field of one line at a time. flip CELL COLUMN NEW, where CELL is five fields with commas
flip() {
    awk -F, -v OFS=, -v cell="$1" -v column="$2" -v new="$3" '
        !/^#/ && ($1 "," $2 "," $3 "," $4 "," $5) == cell { $column = new; n++ } { print }
        END { exit n != 1 }' "$documented" >"$folder/flipped.csv" || fail "there is no line for $1"
    local platform=${1%%,*}
    run 1 --platform "$platform" --documented "$folder/flipped.csv"
    says err "${1//,/ }"
}
flip snp,to-private,preserve,running,may1 6 EOPNOTSUPP
flip snp,to-private,preserve,running,may1 7 host-bytes
flip snp,to-private,preserve,running,may1 8 random
flip snp,to-shared,unspecified,running,mainline 8 undefined2
flip snp,to-private,preserve,launching,rfc-v5 8 zeros
flip tdx,to-shared,preserve,launching,rfc-v5 6 0
flip tdx,to-private,zero,running,feb 8 noise
flip tdx,to-shared,zero,running,rfc-v4 7 sigbus
flip pkvm,to-shared,preserve,running,feb 7 zeros
flip pkvm,to-private,unspecified,running,mainline 8 guest-bytes
flip cca,to-private,preserve,launching,rfc-v5 8 zeros
flip cca,to-shared,encrypted,launching,v8 8 zeros
flip sw_protected,to-private,unspecified,running,rfc-v5 8 noise
flip sw_protected,to-shared,unspecified,launching,may1 7 noise
flip sw_protected,to-private,zero,running,mainline 6 EOPNOTSUPP
flip cca,to-private,zero,running,may1 9 ""
# the words that name a cell: one is missing then, another is twice or none
flip snp,to-private,zero,launching,may1 1 tdx
flip snp,to-private,zero,launching,may1 2 to-shared
flip snp,to-private,zero,launching,may1 3 preserve
flip snp,to-private,zero,launching,may1 4 running
flip snp,to-private,zero,launching,may1 5 feb
flip snp,to-private,zero,launching,may1 5 v9
grep -v '^pkvm,to-shared,preserve,running,feb,' "$documented" >"$folder/flipped.csv"
run 1 --platform pkvm --documented "$folder/flipped.csv"
says err "pkvm to-shared preserve running feb: is not documented"
[ "$(grep -c '^!' "$folder/out")" = 1 ] || fail "the difference is not marked in the table"

# undefined accepts what is found, and nothing else does
sed 's/^\(snp,to-private,preserve,running,may1,0,sigbus,\)noise/\1undefined/' "$documented" >"$folder/flipped.csv"
run 0 --platform snp --uapi may1 --documented "$folder/flipped.csv"
sed 's/^\(pkvm,to-shared,preserve,running,may1,0,\)guest-bytes/\1undefined/' "$documented" >"$folder/flipped.csv"
run 1 --platform pkvm --uapi may1 --documented "$folder/flipped.csv" # what a guest wrote never comes to the host unpromised
says err "pkvm to-shared preserve running may1"

# --- the executed side
run 1 --documented "$documented" --platform tdx --platform-option tdx-removed=poison
says err "tdx to-shared unspecified running mainline: documented: 0 zeros zeros; executed:"
run 1 --documented "$documented" --platform cca --platform-option cca-wiped=noise
says err "cca to-shared unspecified running v8: documented: 0 zeros zeros; executed: 0 noise noise"
run 1 --documented "$documented" --uapi feb --uapi-option no-policy=refused
says err "snp to-private unspecified running feb: "
run 1 --documented "$documented" --platform pkvm --uapi may1 --platform-option pkvm-unshare=at-hypercall
says err "pkvm to-private zero running may1: documented: 0 sigbus zeros; executed: 0 sigbus host-bytes"
# the driver knows nothing of what it should find: under another version it finds that version's answers
driver=$(dirname "$gmem")/../libexec/gmem/gmem-matrix-driver
cell() { "$gmem" run --vcpu=scripted --platform=snp --uapi="$1" -- "$driver" snp may1 to-private preserve running || fail "the driver under $1"; }
[ "$(cell may1)" = to-private,preserve,running,0,sigbus,noise ] || fail "may1: $(cell may1)"
[ "$(cell rfc-v5)" = to-private,preserve,running,EOPNOTSUPP,host-bytes,host-bytes ] || fail "rfc-v5: $(cell rfc-v5)"
[ "$(cell mainline)" = to-private,preserve,running,EINVAL,host-bytes,host-bytes ] || fail "mainline: $(cell mainline)"
GMEM_PLATFORM_OPTIONS=cca-wiped=noise run 1 --documented "$documented" --platform cca --uapi mainline
says err "cca to-shared unspecified running mainline"

# --- forms
run 0 --documented "$documented" --platform pkvm --format csv
grep '^pkvm,' "$documented" | sort >"$folder/wanted"
grep '^pkvm,' "$folder/out" | sort | diff -q - "$folder/wanted" >/dev/null || fail "the CSV is not what is documented"
run 1 --documented "$folder/flipped.csv" --platform pkvm --uapi may1 --format json
if command -v python3 >/dev/null; then
    python3 - "$folder/out" <<'PYTHON' || fail "the JSON is not as it should be"
import json, sys
table = json.load(open(sys.argv[1]))
assert table["differences"] == 1 and len(table["cells"]) == 16
wrong = [c for c in table["cells"] if not c["agrees"]]
assert len(wrong) == 1 and wrong[0]["mode"] == "preserve" and "undefined" in wrong[0]["difference"]
assert all(c["executed"]["errno"] and c["documented"]["host_reads"] and c["source"] for c in table["cells"])
PYTHON
    run 1 --documented "$folder/flipped.csv" --uapi may1 --format html
    python3 - "$folder/out" <<'PYTHON' || fail "the HTML is not as it should be"
import html.parser, sys
class Page(html.parser.HTMLParser):
    cells = wrong = 0
    open_tags = []
    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        assert tag not in ("script", "link", "img") and "src" not in names and "href" not in names, tag
        if tag not in ("meta",):
            self.open_tags.append(tag)
        self.cells += tag == "td"
        self.wrong += tag == "td" and names.get("class") == "wrong"
    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, tag
text = open(sys.argv[1]).read()
page = Page()
page.feed(text)
assert page.cells == 80 and page.wrong == 1 and page.open_tags == [], (page.cells, page.wrong, page.open_tags)
assert "prefers-color-scheme: dark" in text
PYTHON
fi

# --- what is no question
run 2 --documented /nowhere
run 2 --documented "$0"
run 2 --platform sev
run 2 --uapi v9
run 2 --format xml
run 2 --platform-option cca-wiped=ones
says err "cca-wiped=ones"
run 2 --uapi-option policy
exit "$failed"

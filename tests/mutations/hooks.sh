#!/usr/bin/env bash
# Takes each call of a platform's hook out of a copy of the tree, one at a time, or swaps it with its neighbour, and sees that a test notices and names
# what it means. Usage: hooks.sh BUILD, a configured build folder of this tree whose options the copy takes over. Long: not part of test.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "$1")
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cmake -G Ninja -S "$copy" -B "$copy/build" -DGMEM_BUILD_TESTS=ON -DGMEM_BUILD_BENCH=OFF $(grep -E '^CMAKE_C(XX)?_COMPILER(_LAUNCHER)?:' "$build/CMakeCache.txt" | sed 's/^/-D/') >/dev/null
survivors=0

# noticed NAME CONSEQUENCE FILE PYTHON-REPLACEMENTS...: old and new text by turns. Some test has to fail with the consequence (a regular expression) in its words.
noticed() {
    local name=$1 consequence=$2 file=$copy/$3 said
    shift 3
    cp "$file" "$copy/original"
    python3 - "$file" "$@" <<'P'
import sys
path, *pairs = sys.argv[1:]
text = open(path).read()
for old, new in zip(pairs[::2], pairs[1::2]):
    assert text.count(old) >= 1, (path, old)
    text = text.replace(old, new, 1)
open(path, "w").write(text)
P
    if ! ninja -C "$copy/build" memory_platform_test memory_trusted_side_test >"$copy/log" 2>&1; then
        echo "$name: does not build"
        tail -5 "$copy/log"
        survivors=$((survivors + 1))
    else
        { timeout -s KILL 100 "$copy/build/bin/memory_platform_test"; timeout -s KILL 100 "$copy/build/bin/memory_trusted_side_test"
          GMEM_WINDOW_ENGINE=overlay timeout -s KILL 100 "$copy/build/bin/memory_trusted_side_test"; } >"$copy/log" 2>&1 || true
        if ! grep -q '\[  FAILED  \]' "$copy/log"; then
            echo "$name: NOT noticed"
            survivors=$((survivors + 1))
        elif said=$(grep -m 1 -hoE "$consequence[^\\\"]*" "$copy/log"); then
            echo "$name: noticed by $(grep -c '^\[  FAILED  \].*ms)' "$copy/log") tests; $(head -1 <<<"$said")"
        else
            echo "$name: noticed, and no test says '$consequence'"
            survivors=$((survivors + 1))
        fi
    fi
    cp "$copy/original" "$file"
}

crash='the host (kernel )?would have [^:]*: '
noticed "without make_shared" "$crash" src/memory/trusted_side.cpp 'platform_.make_shared(trusted, run);' '(void)trusted;'
noticed "make_shared never called by a conversion" "$crash" src/memory/conversion.cpp '    trusted.make_shared(r);
' ''
noticed "without make_private" 'the guest would read what the host wrote before the page became its own' src/memory/trusted_side.cpp 'platform_.make_private(trusted, p, frame)' 'Status { Ok {} }'
noticed "without accept" 'the guest would (read what the host wrote before|work on a page that its platform does not count as its own)' src/memory/trusted_side.cpp 'platform_.accept(trusted, p, frame);' '(void)trusted;'
noticed "without reclaim" 'the next owner of the page would meet a fault' src/memory/trusted_side.cpp 'platform_.reclaim(trusted, run);' '(void)trusted;'
noticed "reclaim of held pages only" 'the guest would die of a page that is a new one' src/memory/trusted_side.cpp 'for_each_known_run(r, [&](PageRange run) noexcept {
        file_' 'for_each_held_run(r, [&](PageRange run) noexcept {
        file_'
noticed "without converted" 'a request that was answered would count again' src/memory/trusted_side.cpp 'platform_.converted(trusted, r, to, asked);' '(void)trusted, (void)r, (void)to, (void)asked;'
noticed "nobody looks whether a guest asked" 'the guest would read what the host wrote before' src/memory/trusted_side.cpp 'platform_.keeps_records() ? platform_.solicited(pages(), r, to) : platform::Solicited::yes' '(void(r), void(to), platform::Solicited::yes)'
noticed "without unmap" 'the guest would find its page again when a memslot comes back' src/memory/trusted_side.cpp 'platform_.unmap(trusted, p, first_frame + (p.index() - r.first().index()));' '(void)trusted, (void)first_frame;'
noticed "without veto" 'a VMM would take pages from a guest that never asked' src/memory/trusted_side.cpp 'auto refused { platform_.veto(pages(), r, to, r.first().index()) };' 'Status refused { Ok {} }; (void)to;'
noticed "zeroing before make_shared" "$crash" src/memory/conversion.cpp '    trusted.make_shared(r);
    apply_to_contents(*this, r, effect, "a conversion to shared");' '    apply_to_contents(*this, r, effect, "a conversion to shared");
    trusted.make_shared(r);'
noticed "interrupted: without make_shared" "(the host would read what the guest wrote|$crash)" src/memory/membership.cpp 'TrustedSide { *this }.make_shared(begun->range);' '{}'
noticed "interrupted: the held map does not follow" "(the host would read what the guest wrote|$crash)" src/memory/membership.cpp 'return TrustedSide { *this }.settle(*unsettled);' 'return control_.settled();'
noticed "interrupted: the platform does not hear of it" 'the guest would read what the host wrote before a conversion that nobody asked for' src/memory/membership.cpp 'TrustedSide { *this }.converted(committed->range, committed->to, committed->asked);' ''
noticed "interrupted: asked again whether a guest asked" 'the guest would have lost the page that it asked for' src/memory/membership.cpp 'committed->to, committed->asked)' 'committed->to, TrustedSide { *this }.solicited(committed->range, committed->to))'
noticed "the guest's window stays open when pages are punched" 'the guest would go on in a page that no longer is' src/memory/guest_memory.cpp 'GMEM_CHECK(close_to_guest(*inside));' '{}'
noticed "the guest's window stays open when its memslot goes" 'the guest would still work in a page whose memslot is gone' src/memory/guest_window.cpp 'if (GuestWindow::close_pages(*this, r))' ''
exit $((survivors != 0))

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

# noticed NAME FILE PYTHON-REPLACEMENTS...: old and new text by turns.
noticed() {
    local name=$1 file=$copy/$2
    shift 2
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
        { timeout -s KILL 60 "$copy/build/bin/memory_platform_test"; timeout -s KILL 60 "$copy/build/bin/memory_trusted_side_test"
          GMEM_WINDOW_ENGINE=overlay timeout -s KILL 60 "$copy/build/bin/memory_trusted_side_test"; } >"$copy/log" 2>&1 || true
        if grep -q '\[  FAILED  \]' "$copy/log"; then
            echo "$name: noticed by $(grep -c '^\[  FAILED  \].*ms)' "$copy/log") tests; $(grep -hoE 'the host (kernel )?would have [^:]*: [^\\"]*' "$copy/log" | head -1)"
        else
            echo "$name: NOT noticed"
            survivors=$((survivors + 1))
        fi
    fi
    cp "$copy/original" "$file"
}

noticed "without make_shared" src/memory/trusted_side.cpp 'platform_.make_shared(trusted, run);' '(void)trusted;'
noticed "make_shared never called by a conversion" src/memory/conversion.cpp '    trusted.make_shared(r);
' ''
noticed "without make_private" src/memory/trusted_side.cpp 'platform_.make_private(trusted, p, frame)' 'Status { Ok {} }'
noticed "without accept" src/memory/trusted_side.cpp 'platform_.accept(trusted, p, frame);' '(void)trusted;'
noticed "without reclaim" src/memory/trusted_side.cpp 'platform_.reclaim(trusted, run);' '(void)trusted;'
noticed "reclaim of held pages only" src/memory/trusted_side.cpp 'for_each_known_run(r, [&](PageRange run) noexcept {
        file_' 'for_each_held_run(r, [&](PageRange run) noexcept {
        file_'
noticed "without converted" src/memory/trusted_side.cpp 'platform_.converted(trusted, r, to, r.first().index());' '(void)trusted, (void)r, (void)to;'
noticed "without unmap" src/memory/trusted_side.cpp 'platform_.unmap(trusted, p, first_frame + (p.index() - r.first().index()));' '(void)trusted, (void)first_frame;'
noticed "without veto" src/memory/trusted_side.cpp 'auto refused { platform_.veto(pages(), r, to, r.first().index()) };' 'Status refused { Ok {} }; (void)to;'
noticed "zeroing before make_shared" src/memory/conversion.cpp '    trusted.make_shared(r);
    apply_to_contents(*this, r, effect, "a conversion to shared");' '    apply_to_contents(*this, r, effect, "a conversion to shared");
    trusted.make_shared(r);'
noticed "interrupted: without make_shared" src/memory/membership.cpp 'TrustedSide { *this }.make_shared(begun->range);' '{}'
noticed "interrupted: the held map does not follow" src/memory/membership.cpp 'return TrustedSide { *this }.settle(*unsettled);' 'return control_.settled();'
noticed "the guest's window stays open when pages are punched" src/memory/guest_memory.cpp 'GMEM_CHECK(close_to_guest(*inside));' '{}'
noticed "the guest's window stays open when its memslot goes" src/memory/guest_window.cpp 'if (GuestWindow::close_pages(*this, r))' ''
exit $((survivors != 0))

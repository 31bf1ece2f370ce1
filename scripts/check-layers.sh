#!/usr/bin/env bash
# Checks the include direction: each folder of the list may include itself and the folders above it, nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

layers=(base os observe crypto attributes platform memory kvm library preload scenario checker cli)
status=0

position() {
    local i
    for i in "${!layers[@]}"; do
        [ "${layers[$i]}" = "$1" ] && { echo "$i"; return; }
    done
    echo -1
}

# path:included-folder for every #include "folder/..." below a folder
includes_of() { grep -rnoE '^#include "[a-z_]+/' "$1" --include='*.hpp' --include='*.cpp' --include='*.h' --include='*.c' || true; }

for folder in "${layers[@]}"; do
    [ -d "src/$folder" ] || continue
    own=$(position "$folder")
    while IFS=: read -r file line text; do
        [ -n "$file" ] || continue
        included=${text#*\"}
        included=${included%/}
        [ "$included" = gmem ] && continue
        [ "$folder/$included" = checker/spec ] && continue
        at=$(position "$included")
        if [ "$at" -lt 0 ] || [ "$at" -gt "$own" ]; then
            echo "$file:$line: src/$folder may not include $included/" >&2
            status=1
        fi
    done < <(includes_of "src/$folder")
done

# The specification shares only base/ with the implementation.
while IFS=: read -r file line text; do
    [ -n "$file" ] || continue
    case "$text" in
    *'"base/' | *'"spec/' | *'"gmem/') ;;
    *) echo "$file:$line: spec/ may include only base/ and itself" >&2; status=1 ;;
    esac
done < <(includes_of spec)

# The checker compares traces with the specification: it knows what an event is and what the specification says, and nothing of how gmem does it. So an
# error of the implementation cannot hide behind itself, and traces of a kernel are checked by the same code.
while IFS=: read -r file line text; do
    [ -n "$file" ] || continue
    case "$text" in
    *'"base/' | *'"observe/' | *'"spec/' | *'"checker/') ;;
    *) echo "$file:$line: src/checker may include only base/, observe/, spec/ and checker/" >&2; status=1 ;;
    esac
done < <(includes_of src/checker)

# The driver is a VMM like any other: of gmem it knows what gmem installs.
while IFS=: read -r file line text; do
    [ -n "$file" ] || continue
    case "$text" in
    *'"driver/' | *'"examples/' | *'"gmem/') ;;
    *) echo "$file:$line: src/driver may include only driver/, examples/ and gmem/" >&2; status=1 ;;
    esac
done < <(includes_of src/driver)
while IFS= read -r hit; do
    [ -n "$hit" ] || continue
    echo "$hit: src/driver may not include the library's interface" >&2
    status=1
done < <(grep -rnE '#include "gmem/gmem.h"' src/driver || true)

# Scenarios are read by the command line and by the player, which is a VMM too.
while IFS=: read -r file line text; do
    [ -n "$file" ] || continue
    case "$file $text" in
    *'"scenario/' | *'"gmem/' | src/player/*'"player/' | src/player/*'"driver/') ;;
    *) echo "$file:$line: src/scenario may include only scenario/ and gmem/, src/player also driver/" >&2; status=1 ;;
    esac
done < <(includes_of src/scenario; includes_of src/player)

# Only os/ talks to Linux: everybody else goes through it (the preload library and the CLI speak libc's language by their nature).
while IFS= read -r hit; do
    [ -n "$hit" ] || continue
    echo "$hit: <sys/...> outside src/os" >&2
    status=1
done < <(grep -rnE '^#include <(sys|linux)/' src/base src/attributes src/platform src/memory 2>/dev/null || true)

exit "$status"

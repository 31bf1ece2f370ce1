#!/usr/bin/env bash
# Every function that docs/walk.md names stands in the file that it links.
set -euo pipefail
cd "$1"
status=0 links=0
while IFS= read -r link; do
    name=$(sed -E 's/^\[`([^`]*)`\].*/\1/' <<<"$link")
    file=$(sed -E 's/.*\(\.\.\/([^)]*)\)$/\1/' <<<"$link")
    links=$((links + 1))
    if ! grep -q "\b${name##*::}\b" "$file" 2>/dev/null; then
        echo "docs/walk.md: $name is not in $file" >&2
        status=1
    fi
done < <(grep -oE '\[`[A-Za-z_:]+`\]\([^)]*\)' docs/walk.md)
echo "$links links"
[ "$links" -gt 15 ] || status=1
exit "$status"

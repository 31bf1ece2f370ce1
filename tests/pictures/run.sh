#!/usr/bin/env bash
# Installs the browser (about 300 MB, which is why ./test.sh does not), and tests the page of gmem report in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh browser
scripts/setup.sh test
scripts/build.sh build -DGMEM_BUILD_TESTS=ON -DGMEM_BUILD_BENCH=OFF -- gmem_cli make_trace
exec python3 tests/pictures/page_test.py build/bin/gmem build/bin/make_trace

#!/usr/bin/env bash
# libgmem-crypto.so exports one name and needs libc only; libgmem.so, which has the same code inside, shows nothing of it.
# module_test.sh MODULE LIBGMEM
set -euo pipefail
module=$1
library=$2

exported=$(nm -D --defined-only "$module" | awk '{print $3}')
if [ "$exported" != gmem_crypto_primitives ]; then
    echo "the module exports: $exported" >&2
    exit 1
fi

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }
case "$(needed "$module")" in
'libc.so.6 ' | 'ld-linux-x86-64.so.2 libc.so.6 ') ;;
*) echo "the module needs more than libc: $(needed "$module")" >&2; exit 1 ;;
esac
for file in "$module" "$library"; do
    if ldd "$file" | grep -E 'libcrypto|libssl'; then
        echo "$file loads a shared OpenSSL" >&2
        exit 1
    fi
done

# What is not bound inside could be bound to the program's own OpenSSL.
for file in "$module" "$library"; do
    if nm -D "$file" | awk '{print $NF}' | grep -E '^(EVP|OPENSSL|OSSL|SHA|ECDSA|CRYPTO|BN)_'; then
        echo "$file has OpenSSL's names in its symbol table" >&2
        exit 1
    fi
done
echo "the module exports $exported, needs $(needed "$module")"

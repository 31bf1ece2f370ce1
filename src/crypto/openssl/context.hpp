#pragma once
// Our own corner of OpenSSL: the algorithms, fetched once. No configuration file is read, no exit handler is registered, and the default
// library context is never used.

#include <openssl/evp.h>

namespace gmem::crypto {

struct Algorithms final {
    OSSL_LIB_CTX *library { nullptr };
    EVP_CIPHER *xts { nullptr }; // AES-256-XTS
};

// nullptr: no memory. Any thread.
Algorithms const *algorithms() noexcept;

} // namespace gmem::crypto

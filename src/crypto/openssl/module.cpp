// libgmem-crypto.so: the table behind the one name that it exports.

#include "crypto/openssl/openssl.hpp"

extern "C" __attribute__((visibility("default"))) gmem::crypto::Primitives const *gmem_crypto_primitives() noexcept
{
    return &gmem::crypto::openssl_primitives();
}

static_assert(noexcept(gmem_crypto_primitives()));

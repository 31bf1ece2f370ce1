#include "crypto/openssl/context.hpp"

#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>

namespace gmem::crypto {
namespace {

constinit Algorithms fetched {};
constinit bool complete { false };

// OPENSSL_init_crypto decides once for the whole copy of the library: what is refused here stays refused. The providers are built in, so
// no file is opened either.
void fetch_once() noexcept
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, nullptr) != 1)
        return;
    fetched.library = OSSL_LIB_CTX_new();
    if (!fetched.library || !OSSL_PROVIDER_load(fetched.library, "default"))
        return;
    fetched.xts = EVP_CIPHER_fetch(fetched.library, "AES-256-XTS", nullptr);
    complete = fetched.xts != nullptr;
}

} // namespace

Algorithms const *algorithms() noexcept
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, &fetch_once);
    return complete ? &fetched : nullptr;
}

} // namespace gmem::crypto

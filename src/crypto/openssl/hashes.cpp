// SHA-2 with its state in our own structure. EVP's contexts would allocate at each peek; these are plain data, and a peek is a copy on the stack.

#define OPENSSL_SUPPRESS_DEPRECATED // 3.0 prefers EVP, for the reason that we have not: exchangeable providers
#include "crypto/openssl/functions.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace gmem::crypto {

// Invariant: exactly the member that `kind` names is in use; sha384 and sha512 share one, as their state is the same.
struct Digest final {
    Hash kind;
    union {
        SHA256_CTX small;
        SHA512_CTX large;
    };
};

namespace openssl {
namespace {

void begin(Digest &d, Hash kind) noexcept
{
    d.kind = kind;
    switch (kind) {
    case Hash::sha256: SHA256_Init(&d.small); return;
    case Hash::sha384: SHA384_Init(&d.large); return;
    case Hash::sha512: SHA512_Init(&d.large); return;
    }
    __builtin_unreachable();
}

void finish(Digest &d, std::byte *out) noexcept
{
    auto *const bytes { reinterpret_cast<unsigned char *>(out) };
    switch (d.kind) {
    case Hash::sha256: SHA256_Final(bytes, &d.small); return;
    case Hash::sha384: SHA384_Final(bytes, &d.large); return;
    case Hash::sha512: SHA512_Final(bytes, &d.large); return;
    }
    __builtin_unreachable();
}

} // namespace

Digest *make_digest(Hash kind) noexcept
{
    auto *const d { static_cast<Digest *>(OPENSSL_zalloc(sizeof(Digest))) };
    if (d)
        begin(*d, kind);
    return d;
}

void free_digest(Digest *d) noexcept { OPENSSL_clear_free(d, sizeof(Digest)); }

void absorb(Digest *d, std::byte const *data, std::size_t size) noexcept
{
    switch (d->kind) {
    case Hash::sha256: SHA256_Update(&d->small, data, size); return;
    case Hash::sha384: SHA384_Update(&d->large, data, size); return;
    case Hash::sha512: SHA512_Update(&d->large, data, size); return;
    }
    __builtin_unreachable();
}

void peek(Digest const *d, std::byte *out) noexcept
{
    Digest copy { *d };
    finish(copy, out);
}

bool hash(Hash kind, std::byte const *data, std::size_t size, std::byte *out) noexcept
{
    Digest d;
    begin(d, kind);
    absorb(&d, data, size);
    finish(d, out);
    return true;
}

} // namespace openssl
} // namespace gmem::crypto

#include "crypto/openssl/functions.hpp"
#include "crypto/openssl/openssl.hpp"

namespace gmem::crypto {
namespace {

constexpr Primitives table {
    .make_cipher = &openssl::make_cipher,
    .free_cipher = &openssl::free_cipher,
    .encrypt_page = &openssl::encrypt_page,
    .decrypt_page = &openssl::decrypt_page,
    .make_digest = &openssl::make_digest,
    .free_digest = &openssl::free_digest,
    .absorb = &openssl::absorb,
    .peek = &openssl::peek,
    .hash = &openssl::hash,
    .ecdsa_p384_verifies = &openssl::ecdsa_p384_verifies,
};

} // namespace

Primitives const &openssl_primitives() noexcept { return table; }

} // namespace gmem::crypto

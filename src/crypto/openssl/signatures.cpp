// AMD's numbers are little endian; OpenSSL wants a point as big-endian octets and a signature as DER.

#include "crypto/openssl/context.hpp"
#include "crypto/openssl/functions.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>

namespace gmem::crypto::openssl {
namespace {

constexpr std::size_t number_bytes { 48 };

template <auto free_it>
struct Free final {
    template <typename T>
    void operator()(T *p) const noexcept { free_it(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<&EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<&EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<&ECDSA_SIG_free>>;

// SEC 1, 2.3.3: 4, x, y. A point that is not on the curve is refused.
Key public_key(OSSL_LIB_CTX *library, std::byte const (&xy)[2 * number_bytes]) noexcept
{
    unsigned char point[1 + 2 * number_bytes] { 4 };
    auto const *const bytes { reinterpret_cast<unsigned char const *>(xy) };
    std::reverse_copy(bytes, bytes + number_bytes, point + 1);
    std::reverse_copy(bytes + number_bytes, bytes + 2 * number_bytes, point + 1 + number_bytes);

    char curve[] { "P-384" };
    OSSL_PARAM parameters[] {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    KeyContext const context { EVP_PKEY_CTX_new_from_name(library, "EC", nullptr) };
    EVP_PKEY *key { nullptr };
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        return nullptr;
    return Key { key };
}

// Of two numbers of 48 bytes: a sequence with two integers, each with at most one leading zero.
constexpr std::size_t most_der_bytes { 2 + 2 * (2 + 1 + number_bytes) };

// The size, or 0: no memory.
std::size_t to_der(std::byte const (&rs)[2 * number_bytes], unsigned char (&der)[most_der_bytes]) noexcept
{
    auto const *const bytes { reinterpret_cast<unsigned char const *>(rs) };
    Signature const signature { ECDSA_SIG_new() };
    BIGNUM *const r { BN_lebin2bn(bytes, number_bytes, nullptr) };
    BIGNUM *const s { BN_lebin2bn(bytes + number_bytes, number_bytes, nullptr) };
    if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    unsigned char *end { der };
    auto const size { i2d_ECDSA_SIG(signature.get(), &end) };
    return size > 0 ? static_cast<std::size_t>(size) : 0;
}

} // namespace

bool ecdsa_p384_verifies(std::byte const *message, std::size_t size, std::byte const (&signature)[96], std::byte const (&key)[96]) noexcept
{
    auto const *const known { algorithms() };
    if (!known)
        return false;
    unsigned char der[most_der_bytes];
    auto const der_size { to_der(signature, der) };
    auto const point { public_key(known->library, key) };
    DigestContext const context { EVP_MD_CTX_new() };
    return der_size != 0 && point && context
        && EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA384", known->library, nullptr, point.get(), nullptr) == 1
        && EVP_DigestVerify(context.get(), der, der_size, reinterpret_cast<unsigned char const *>(message), size) == 1;
}

} // namespace gmem::crypto::openssl

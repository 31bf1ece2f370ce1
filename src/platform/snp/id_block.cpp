#include "platform/snp/id_block.hpp"

#include "crypto/primitives.hpp"

namespace gmem::platform::snp {
namespace {

// Two numbers of 72 bytes as two of 48; false: they do not fit.
bool pair_of(std::array<std::byte, 72> const &a, std::array<std::byte, 72> const &b, std::byte (&out)[96]) noexcept
{
    for (std::size_t i { 48 }; i < 72; ++i)
        if (a[i] != std::byte { 0 } || b[i] != std::byte { 0 })
            return false;
    __builtin_memcpy(out, a.data(), 48);
    __builtin_memcpy(out + 48, b.data(), 48);
    return true;
}

template <typename T>
bool signed_with(EcdsaKey const &key, EcdsaSignature const &signature, T const &message) noexcept
{
    std::byte rs[96], xy[96];
    return pair_of(signature.r, signature.s, rs) && pair_of(key.x, key.y, xy)
        && crypto::primitives()->ecdsa_p384_verifies(reinterpret_cast<std::byte const *>(&message), sizeof message, rs, xy);
}

} // namespace

Firmware verify(IdBlock const &block, IdAuthentication const &by, bool with_author_key) noexcept
{
    if (by.id_key_algorithm != ecdsa_p384_sha384 || by.id_key.curve != curve_p384)
        return Firmware::invalid_param;
    if (with_author_key && (by.author_key_algorithm != ecdsa_p384_sha384 || by.author_key.curve != curve_p384))
        return Firmware::invalid_param;
    if (!signed_with(by.id_key, by.id_block_signature, block))
        return Firmware::bad_signature;
    if (with_author_key && !signed_with(by.author_key, by.id_key_signature, by.id_key))
        return Firmware::bad_signature;
    return Firmware::success;
}

} // namespace gmem::platform::snp

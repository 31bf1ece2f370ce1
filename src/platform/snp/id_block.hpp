#pragma once
// What a guest's owner signs: the ID block, and the page that authenticates it. SNP firmware ABI, "ID block" and "ID authentication
// information" (mem: offsets).

#include "platform/snp/firmware.hpp"

#include <array>
#include <cstddef>

namespace gmem::platform::snp {

using LaunchDigest = std::array<std::byte, 48>;

struct IdBlock final {
    LaunchDigest digest {};
    std::array<std::byte, 16> family_id {}, image_id {};
    std::uint32_t version { 1 };
    std::uint32_t guest_svn { 0 };
    std::uint64_t policy { 0 };
};
static_assert(sizeof(IdBlock) == 96);

inline constexpr std::uint32_t ecdsa_p384_sha384 { 1 }; // the only algorithm
inline constexpr std::uint32_t curve_p384 { 2 };

// Little-endian numbers of 72 bytes, of which a P-384 number fills 48.
struct EcdsaSignature final {
    std::array<std::byte, 72> r {}, s {};
    std::array<std::byte, 512 - 144> reserved {};
};
struct EcdsaKey final {
    std::uint32_t curve { curve_p384 };
    std::array<std::byte, 72> x {}, y {};
    std::array<std::byte, 0x404 - 148> reserved {};
};
static_assert(sizeof(EcdsaSignature) == 0x200 && sizeof(EcdsaKey) == 0x404);

struct IdAuthentication final {
    std::uint32_t id_key_algorithm { ecdsa_p384_sha384 }, author_key_algorithm { 0 };
    std::array<std::byte, 56> reserved1 {};
    EcdsaSignature id_block_signature {}; // of the ID block, with the ID key
    EcdsaKey id_key {};
    std::array<std::byte, 60> reserved2 {};
    EcdsaSignature id_key_signature {}; // of the ID key, with the author key
    EcdsaKey author_key {};
    std::array<std::byte, 0x1000 - 0xc84> reserved3 {};
};
static_assert(sizeof(IdAuthentication) == 0x1000 && offsetof(IdAuthentication, id_key) == 0x240 && offsetof(IdAuthentication, id_key_signature) == 0x680
    && offsetof(IdAuthentication, author_key) == 0x880);

// SUCCESS, INVALID_PARAM (an algorithm or a curve that is none) or BAD_SIGNATURE.
Firmware verify(IdBlock const &, IdAuthentication const &, bool with_author_key) noexcept;

} // namespace gmem::platform::snp

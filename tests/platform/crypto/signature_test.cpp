// ECDSA P-384 with SHA-384: the example of RFC 6979, A.2.6, message "sample", turned into AMD's little-endian numbers.

#include "tests/platform/crypto/bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gmem::crypto {
namespace {

constexpr std::string_view x { "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13" };
constexpr std::string_view y { "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720" };
constexpr std::string_view r { "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46" };
constexpr std::string_view s { "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8" };

struct Pair final {
    Pair(std::string_view first, std::string_view second)
    {
        auto const a { from_hex(first) }, b { from_hex(second) };
        std::reverse_copy(a.begin(), a.end(), bytes);
        std::reverse_copy(b.begin(), b.end(), bytes + 48);
    }
    std::byte bytes[96];
};

bool verifies(std::string_view message, Pair const &signature, Pair const &key)
{
    return openssl_primitives().ecdsa_p384_verifies(bytes_of(message), message.size(), signature.bytes, key.bytes);
}

TEST(Signature, OfTheStandard) { EXPECT_TRUE(verifies("sample", { r, s }, { x, y })); }

TEST(Signature, OfAnotherMessage)
{
    EXPECT_FALSE(verifies("samplf", { r, s }, { x, y }));
    EXPECT_FALSE(verifies("sampl", { r, s }, { x, y }));
}

TEST(Signature, EachBitCounts)
{
    for (std::size_t i { 0 }; i < 96; i += 5) {
        Pair changed { r, s };
        changed.bytes[i] ^= std::byte { 0x10 };
        EXPECT_FALSE(verifies("sample", changed, { x, y })) << i;
    }
}

TEST(Signature, TheNumbersHaveAnOrder)
{
    EXPECT_FALSE(verifies("sample", { s, r }, { x, y }));
    EXPECT_FALSE(verifies("sample", { r, s }, { y, x }));
}

TEST(Signature, BigEndianNumbersAreOthers)
{
    Pair reversed { r, s };
    std::reverse(reversed.bytes, reversed.bytes + 48);
    std::reverse(reversed.bytes + 48, reversed.bytes + 96);
    EXPECT_FALSE(verifies("sample", reversed, { x, y }));
}

TEST(Signature, APointOffTheCurveIsNoKey)
{
    Pair off { x, y };
    off.bytes[0] ^= std::byte { 1 };
    EXPECT_FALSE(verifies("sample", { r, s }, off));
}

TEST(Signature, ZerosAndAllOnesAreRefused)
{
    std::string const zeros(96, '0'), ones(96, 'f');
    EXPECT_FALSE(verifies("sample", { zeros, zeros }, { x, y }));
    EXPECT_FALSE(verifies("sample", { r, zeros }, { x, y }));
    EXPECT_FALSE(verifies("sample", { ones, ones }, { x, y }));
    EXPECT_FALSE(verifies("sample", { r, s }, { zeros, zeros }));
}

} // namespace
} // namespace gmem::crypto
